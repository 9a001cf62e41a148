"""The order of pairs of frames: inside leaves of a few frames, and between adjacent blocks.

On the level of blocks of `size` frames, the blocks 2k and 2k+1 are a pair; on the next level they are one block.
Thus any two frames are either in one leaf or, on exactly one level, in the two blocks of a pair.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

LEAF = 8
"""Frames in a leaf; pairs inside a leaf are evaluated one by one."""


class Level(NamedTuple):
    """One level: `pairs` pairs of blocks of `size` frames.

    In the first `whole` pairs both blocks are complete; the second block of a further pair, if any, only has `rest`
    frames (none if 0). Missing frames have weight 0.
    """

    size: int
    pairs: int
    whole: int
    rest: int

    @property
    def frames(self) -> int:
        """Number of frames, including those of weight 0."""
        return 2 * self.pairs * self.size


def padded_size(n_t: int) -> int:
    """Return the number of frames to which `n_t` is padded: whole leaves, at most eight sizes per octave."""
    leaves = -(-n_t // LEAF)
    granule = 2 ** max(int(np.floor(np.log2(max(leaves, 1)))) - 3, 0)
    return LEAF * granule * -(-leaves // granule)


def levels(n_pad: int) -> tuple[Level, ...]:
    """Return the levels of `n_pad` frames, the one of the smallest blocks first."""
    found = []
    size = LEAF
    while size < n_pad:
        pairs, whole = -(-n_pad // (2 * size)), n_pad // (2 * size)
        found.append(Level(size, pairs, whole, max(n_pad - whole * 2 * size - size, 0)))
        size *= 2
    return tuple(found)


def spread(values: Float[Array, "*k n_pad"]) -> Float[Array, "*k n_all"]:
    """Return values at the frames once for every level, one level after the other, 0 at frames that do not exist."""
    n_pad = values.shape[-1]
    before = [(0, 0)] * (values.ndim - 1)
    return jnp.concatenate([jnp.pad(values, [*before, (0, level.frames - n_pad)]) for level in levels(n_pad)], -1)


def to_borders(areas: Float[Array, "k n_pad"]) -> Float[Array, "k n_all"]:
    """Return the integrals between each frame and the border of its block, in the order of `spread`.

    `areas` are the integrals from a frame to the next. The border is at the first frame of the second block. Short
    integrals are sums of few areas, never differences of long ones.
    """
    k, n_pad = areas.shape
    steps = areas.reshape(k, -1, LEAF)
    to_end = jnp.flip(jnp.cumsum(jnp.flip(steps, 2), axis=2), 2)
    from_begin = jnp.cumsum(steps, axis=2) - steps
    found = []
    for level in levels(n_pad):
        missing = 2 * level.pairs - to_end.shape[1]
        end, begin = (
            jnp.pad(part, ((0, 0), (0, missing), (0, 0))).reshape(k, level.pairs, 2, level.size)
            for part in (to_end, from_begin)
        )
        found.append(jnp.concatenate([end[:, :, 0], begin[:, :, 1]], axis=2).reshape(k, -1))
        to_end = jnp.concatenate([end[:, :, 0] + end[:, :, 1, :1], end[:, :, 1]], axis=2)
        from_begin = jnp.concatenate([begin[:, :, 0], begin[:, :, 1] + end[:, :, 0, :1]], axis=2)
    return jnp.concatenate(found, axis=1)


def sides(n_pad: int) -> Float[np.ndarray, " n_all"]:
    """Return 1 for frames before their border and -1 for those after it, in the order of `spread`."""
    pattern = [np.broadcast_to([[1.0], [-1.0]], (level.pairs, 2, level.size)).ravel() for level in levels(n_pad)]
    return np.concatenate(pattern)


def blocks_beside_leaves(n_pad: int) -> Int[np.ndarray, " n_leaf"]:
    """Return the number of the block on the other side of the border of every leaf of all levels.

    Blocks are counted through the levels, and leaves are in the order of `spread`.
    """
    found, before = [], 0
    for level in levels(n_pad):
        block = np.repeat(np.arange(2 * level.pairs), level.size // LEAF)
        found.append(before + (block ^ 1))
        before += 2 * level.pairs
    return np.concatenate(found)
