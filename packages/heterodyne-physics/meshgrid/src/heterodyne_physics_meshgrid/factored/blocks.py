"""Maps of data cut into blocks of frames, weighted and padded: prepared once per measurement."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float, Int

BLOCK = 32
"""Frames in a block: pairs inside a block are evaluated one by one, pairs of blocks as matrix products."""

_ROWS = 256

BASELINE = 1.0
"""Taken off the data, so that sums of squares do not cancel. In float32 the difference is exact for c2 in 0.5 .. 2."""


class BlockedMaps(NamedTuple):
    """Weighted maps in blocks of rows, and what the sums over pairs need besides.

    Frames are padded to ``n_block * BLOCK``; padding and frames that do not count have weight 0. With D = c2 -
    BASELINE and weights w, ``data`` holds ``w_i w_j D_ij`` at counting pairs and 0 elsewhere. Pairs that do not
    count although both their frames do are listed as ``excluded_i``, ``excluded_j`` (any pair, weight 0, as
    padding). ``one``, ``d``, ``dd`` are the weighted sums of 1, D and D², ``n_pairs`` the number of counting pairs.
    """

    data: Float[Array, "n_phi n_block block n_pad"]
    weight: Float[Array, "n_phi n_pad"]
    n_pairs: Int[Array, " n_phi"]
    one: Float[Array, " n_phi"]
    d: Float[Array, " n_phi"]
    dd: Float[Array, " n_phi"]
    steps: Float[Array, " n_pad"]
    t: Float[Array, " n_pad"]
    excluded_i: Int[Array, "n_phi n_excluded"]
    excluded_j: Int[Array, "n_phi n_excluded"]
    excluded_weight: Float[Array, "n_phi n_excluded"]


def padded_size(n_t: int) -> int:
    """Return the number of frames to which `n_t` is padded: a multiple of BLOCK, four sizes per octave."""
    blocks = -(-n_t // BLOCK)
    octave = max(int(np.floor(np.log2(max(blocks, 1)))) - 2, 0)
    granule = 2**octave
    return BLOCK * granule * -(-blocks // granule)


def _padded_list(rows: list[npt.NDArray[np.int_]]) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.float64]]:
    """Return index rows of unequal length as one array, padded with 0 to a power of two, and which entries are real."""
    longest = max(row.size for row in rows)
    size = 0 if longest == 0 else 2 ** int(np.ceil(np.log2(longest)))
    padded = np.zeros((len(rows), size), int)
    real = np.zeros((len(rows), size))
    for k, row in enumerate(rows):
        padded[k, : row.size] = row
        real[k, : row.size] = 1.0
    return padded, real


def block_maps(
    c2: npt.NDArray[np.floating],
    t: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    exclude_diagonals: int = 1,
) -> BlockedMaps:
    """Return maps prepared for `inner_products`.

    Parameters
    ----------
    c2 : (n_phi, n_t, n_t), symmetric; a NaN entry does not count.
    t : (n_t,) ages in s.
    weight : (n_phi, n_t), the pair (i, j) counts weight_i weight_j; 0 for frames to leave out.
    exclude_diagonals : pairs with j - i below this do not count; at least 1.

    Notes
    -----
    Takes the memory of the maps once more: in their own dtype when all weights are 0 or 1, else in float64.
    """
    n_phi, n_t, _ = c2.shape
    size = padded_size(n_t)
    data = np.zeros((n_phi, size, size), c2.dtype if np.isin(weight, (0.0, 1.0)).all() else np.float64)
    padded_weight = np.zeros((n_phi, size))
    padded_weight[:, :n_t] = weight
    one, d, dd = (np.zeros(n_phi) for _ in range(3))
    n_pairs = np.zeros(n_phi, int)
    excluded: list[npt.NDArray[np.int_]] = []
    for a in range(n_phi):
        sums, n_pairs[a], rows = _fill(data[a], c2[a], weight[a], exclude_diagonals)
        one[a], d[a], dd[a] = sums
        excluded.append(rows)
    i, real = _padded_list([rows[0] for rows in excluded])
    j, _ = _padded_list([rows[1] for rows in excluded])
    pair_weight = real * np.take_along_axis(padded_weight, i, 1) * np.take_along_axis(padded_weight, j, 1)
    step = np.diff(t)
    return BlockedMaps(
        data=jnp.asarray(data.reshape(n_phi, size // BLOCK, BLOCK, size)),
        weight=jnp.asarray(padded_weight),
        n_pairs=jnp.asarray(n_pairs),
        one=jnp.asarray(one),
        d=jnp.asarray(d),
        dd=jnp.asarray(dd),
        # No time passes in the padding: its factors stay what the last frame's are.
        steps=jnp.asarray(np.concatenate([step, np.zeros(size - n_t + 1)])),
        t=jnp.asarray(np.concatenate([t, np.full(size - n_t, t[-1])])),
        excluded_i=jnp.asarray(i),
        excluded_j=jnp.asarray(j),
        excluded_weight=jnp.asarray(pair_weight),
    )


def _fill(
    out: npt.NDArray[np.floating],
    c2: npt.NDArray[np.floating],
    weight: npt.NDArray[np.float64],
    exclude_diagonals: int,
) -> tuple[tuple[float, float, float], int, npt.NDArray[np.int_]]:
    """Write the weighted map into `out`; return (sums of 1, D, D²), the number of counting pairs and the excluded ones,
    (2, n).

    Rows are gone through one slab at a time: no second map in float64 comes to be.
    """
    n_t = len(c2)
    frames = np.arange(n_t)
    sums, count = np.zeros(3), 0
    missing = []
    for first in range(0, n_t, _ROWS):
        slab = slice(first, min(first + _ROWS, n_t))
        lag = frames - frames[slab, None]
        pair = weight[slab, None] * weight
        counts = (np.abs(lag) >= exclude_diagonals) & np.isfinite(c2[slab]) & (pair > 0)
        weighted = pair * np.where(counts, c2[slab] - BASELINE, 0.0)
        out[slab, :n_t] = weighted
        counts &= lag > 0
        sums += [np.sum(values, where=counts) for values in (pair, weighted, weighted * (c2[slab] - BASELINE))]
        count += int(np.count_nonzero(counts))
        i, j = np.nonzero((lag > 0) & (pair > 0) & ~counts)
        missing.append(np.stack([i + first, j]))
    one, d, dd = sums.tolist()
    return (one, d, dd), count, np.concatenate(missing, axis=1)
