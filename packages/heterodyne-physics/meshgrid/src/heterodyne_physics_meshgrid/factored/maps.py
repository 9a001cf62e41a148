"""Maps of data divided into leaves and pairs of blocks, weighted and padded, prepared once per measurement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float, Int

from heterodyne_physics_meshgrid.factored.halving import LEAF, Level, levels, padded_size

_SQUARE, _ROWS = 1024, 256
"""Side of the squares along the diagonal, and number of rows of a larger tile, that are weighted at once."""

BASELINE = 1.0
"""Subtracted from the data to avoid cancellation in sums of squares; exact in float32 for c2 in 0.5 .. 2."""


class Tiles(NamedTuple):
    """The data between the blocks of the pairs of one level: of the whole pairs, and of the last, shorter one.

    Those of all azimuths: what reads them is given the number of one. A loop over azimuths copies what it is handed.
    """

    whole: Float[Array, "n_phi whole size size"]
    rest: Float[Array, "n_phi size rest"]


class HalvedMaps(NamedTuple):
    """Weighted maps in the order of `halving`, and what the sums over pairs need besides.

    Frames are padded to `n_pad`; padding and frames that do not count have weight 0. With D = c2 - BASELINE and weights
    w, `near` (pairs inside leaves, in the order of ``np.triu_indices(LEAF, 1)``) and `far` (per level) hold
    ``w_i w_j D_ij`` at counting pairs i < j and 0 elsewhere. Pairs that do not count although both their frames do are
    listed as ``excluded_i``, ``excluded_j`` (any pair, weight 0, as padding). `one`, `d`, `dd` are the weighted sums
    of 1, D and D², `n_pairs` the number of counting pairs. `t` and `steps` are ages and the steps behind them in s.
    """

    near: Float[Array, "n_phi n_inside n_leaf"]
    far: tuple[Tiles, ...]
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


class Angle(NamedTuple):
    """One azimuth of `HalvedMaps`, its number, and `phi` in degrees; or all of them, along the first axis."""

    number: Int[Array, ""]
    phi: Float[Array, ""]
    near: Float[Array, "n_inside n_leaf"]
    weight: Float[Array, " n_pad"]
    excluded_i: Array
    excluded_j: Array
    excluded_weight: Array


def angles_of(phi: Float[Array, " n_phi"], maps: HalvedMaps) -> Angle:
    """Return all azimuths, for iteration."""
    number = jnp.arange(phi.shape[0])
    return Angle(number, phi, maps.near, maps.weight, maps.excluded_i, maps.excluded_j, maps.excluded_weight)


class _Sums(NamedTuple):
    """What is summed while a map is cut, and the excluded pairs, (2, n)."""

    one: float
    d: float
    dd: float
    n_pairs: int
    excluded: npt.NDArray[np.int_]


def halve_maps(
    c2: npt.NDArray[np.floating],
    t: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    exclude_diagonals: int = 1,
) -> HalvedMaps:
    """Return maps prepared for `inner_products`.

    Parameters
    ----------
    c2 : (n_phi, n_t, n_t), symmetric, of which i < j is read; a NaN entry does not count.
    t : (n_t,) ages in s.
    weight : (n_phi, n_t), the pair (i, j) counts weight_i weight_j; 0 for frames to leave out.
    exclude_diagonals : pairs with j - i below this do not count; at least 1.

    Notes
    -----
    Takes half the memory of the maps: in their own dtype when all weights are 0 or 1, else in float64.
    """
    n_phi, n_t, _ = c2.shape
    n_pad = padded_size(n_t)
    dtype = c2.dtype if np.isin(weight, (0.0, 1.0)).all() else np.dtype(np.float64)
    padded_weight = np.zeros((n_phi, n_pad))
    padded_weight[:, :n_t] = weight
    near = np.empty((n_phi, LEAF * (LEAF - 1) // 2, n_pad // LEAF), dtype)
    far = [
        (
            np.zeros((n_phi, level.whole, level.size, level.size), dtype),
            np.zeros((n_phi, level.size, level.rest), dtype),
        )
        for level in levels(n_pad)
    ]
    sums = [_cut(_Weighted(c2[a], weight[a], exclude_diagonals, dtype), near[a], far, a) for a in range(n_phi)]
    i, real = _padded_list([s.excluded[0] for s in sums])
    j, _ = _padded_list([s.excluded[1] for s in sums])
    pair_weight = real * np.take_along_axis(padded_weight, i, 1) * np.take_along_axis(padded_weight, j, 1)
    put = jax.device_put  # jnp.asarray compiles a function for every shape.
    return HalvedMaps(
        near=put(near),
        far=tuple(Tiles(put(whole), put(rest)) for whole, rest in far),
        weight=put(padded_weight),
        n_pairs=put(np.array([s.n_pairs for s in sums])),
        one=put(np.array([s.one for s in sums])),
        d=put(np.array([s.d for s in sums])),
        dd=put(np.array([s.dd for s in sums])),
        # No time passes in the padding.
        steps=put(np.concatenate([np.diff(t), np.zeros(n_pad - n_t + 1)])),
        t=put(np.concatenate([t, np.full(n_pad - n_t, t[-1])])),
        excluded_i=put(i),
        excluded_j=put(j),
        excluded_weight=put(pair_weight),
    )


class _Weighted(NamedTuple):
    """A map with what decides how much its pairs count."""

    c2: npt.NDArray[np.floating]
    weight: npt.NDArray[np.float64]
    exclude_diagonals: int
    dtype: np.dtype[Any]

    def block(self, rows: range, columns: range) -> tuple[npt.NDArray[np.floating], _Sums]:
        """Return w_i w_j D_ij of pairs i < j of a block, 0 elsewhere and beyond the last frame, and its sums."""
        n_t = len(self.c2)
        out = np.zeros((len(rows), len(columns)), self.dtype)
        i, j = (range(part.start, min(part.stop, n_t)) for part in (rows, columns))
        if not i or not j:
            return out, _Sums(0.0, 0.0, 0.0, 0, np.zeros((2, 0), int))
        across = slice(i.start, i.stop), slice(j.start, j.stop)
        lag = np.arange(j.start, j.stop) - np.arange(i.start, i.stop)[:, None]
        pair = np.where(lag > 0, np.outer(self.weight[across[0]], self.weight[across[1]]), 0.0)
        value = self.c2[across] - np.asarray(BASELINE, self.c2.dtype)
        counts = (lag >= self.exclude_diagonals) & np.isfinite(value) & (pair > 0)
        value = np.where(counts, value, 0).astype(np.float64)
        weighted = pair * value
        out[: len(i), : len(j)] = weighted
        excluded = np.stack(np.nonzero((pair > 0) & ~counts)) + np.array([[i.start], [j.start]])
        one, d, dd = np.sum(pair, where=counts), weighted.sum(), np.vdot(weighted, value)
        return out, _Sums(float(one), float(d), float(dd), int(np.count_nonzero(counts)), excluded)


def _cut(
    given: _Weighted,
    near: npt.NDArray[np.floating],
    far: Sequence[tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]],
    a: int,
) -> _Sums:
    """Write a map into the leaves `near` and the tiles `far` of azimuth number `a`; return its sums.

    Along the diagonal, squares of several levels are weighted at once; a larger tile by slabs of its rows.
    """
    n_pad, sums = LEAF * near.shape[1], []
    every = list(zip(levels(n_pad), far, strict=True))
    inside = [(level, tiles) for level, tiles in every if 2 * level.size <= _SQUARE]
    for first in range(0, n_pad, _SQUARE):
        frames = range(first, min(first + _SQUARE, n_pad))
        square = np.zeros((len(frames), len(frames)), near.dtype)
        for row in range(0, len(frames), _ROWS):
            square[row : row + _ROWS, row:], found = given.block(frames[row : row + _ROWS], frames[row:])
            sums.append(found)
        near[:, first // LEAF : frames.stop // LEAF] = _inside_leaves(square)
        for level, (whole, rest) in inside:
            _between_blocks(square, level, whole[a, first // (2 * level.size) :], rest[a])
    for level, (whole, rest) in every[len(inside) :]:
        for pair in range(level.pairs):
            tile = whole[a, pair] if pair < level.whole else rest[a]
            begin = 2 * pair * level.size
            later = range(begin + level.size, begin + level.size + tile.shape[1])
            for row in range(0, level.size, _ROWS):
                rows = range(begin + row, begin + row + _ROWS)
                tile[row : row + _ROWS], found = given.block(rows, later)
                sums.append(found)
    one, d, dd, n_pairs = (sum(part) for part in list(zip(*sums, strict=True))[:4])
    return _Sums(one, d, dd, n_pairs, np.concatenate([found.excluded for found in sums], axis=1))


def _inside_leaves(square: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the entries i < j of the leaves of a square along the diagonal, (n_inside, n_leaf)."""
    count = len(square) // LEAF
    leaf = np.arange(count)
    leaves = square.reshape(count, LEAF, count, LEAF)[leaf, :, leaf, :]
    i, j = np.triu_indices(LEAF, 1)
    return np.asarray(leaves[:, i, j].T)


def _between_blocks(
    square: npt.NDArray[np.floating],
    level: Level,
    whole: npt.NDArray[np.floating],
    rest: npt.NDArray[np.floating],
) -> None:
    """Write the entries of a square along the diagonal that are between the blocks of the pairs of a level."""
    size = level.size
    count = len(square) // (2 * size)
    inner, pair = 2 * size * count, np.arange(count)
    blocks = square[:inner, :inner].reshape(count, 2, size, count, 2, size)
    whole[:count] = blocks[pair, 0, :, pair, 1, :]
    if (left := len(square) - inner - size) > 0:
        rest[:] = square[inner : inner + size, inner + size : inner + size + left]


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
