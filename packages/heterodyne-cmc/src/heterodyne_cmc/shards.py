"""The disjoint random partition of all pairs of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData, pair_valid
from heterodyne_spec import DataError

type FloatArray = npt.NDArray[np.float64]
type IntArray = npt.NDArray[np.int32]

PAIRS_PER_SHARD = 50_000
"""Pairs per shard for ``shards: auto`` with several shards: 1e4 to 1e5, for gradients that take milliseconds and a
small contribution of the prior."""
_EXCLUDED_PER_FRAME = 64
"""Excluded single pairs per frame above which evaluating them one by one costs more than the exact sums save."""
_PROCESS_ALL_PAIRS, _HELD = 1.1e9, 2.5
"""Bytes of a process with the exact sums without its data, and per unit of these: maps, pairs, and coarsened maps."""


@dataclass(frozen=True)
class Pairs:
    """The pairs of one shard, per angle; rows are padded with pairs (0, 0) of weight 0.

    `i` < `j` are frame indices from 0, `value` the correlation, `weight` that of the pair, all (n_phi, n_pair).
    Every shard of a partition has the same shape, so that all run the same compiled code.
    """

    i: IntArray
    j: IntArray
    value: FloatArray
    weight: FloatArray

    @property
    def count(self) -> int:
        """Number of pairs with positive weight."""
        return int(np.count_nonzero(self.weight))


@dataclass(frozen=True)
class Partition:
    """All usable pairs of a measurement in random order, dealt out to `n_shards` shards.

    `order` holds per angle the pairs (n_used, 2), shuffled. The whole sequence, angle after angle, is distributed in
    turn: shards differ by at most one pair, in total and per angle.
    """

    data: TwoTimeData
    n_shards: int
    order: tuple[IntArray, ...]

    @property
    def n_pairs(self) -> int:
        """Number of usable pairs."""
        return sum(len(pairs) for pairs in self.order)

    @property
    def weight(self) -> float:
        """Sum of the weights of all usable pairs."""
        pairs = (row.T for row in self.order)
        return float(sum(np.sum(self.data.weight[a, i] * self.data.weight[a, j]) for a, (i, j) in enumerate(pairs)))

    def members(self, shard: int) -> tuple[IntArray, ...]:
        """Return the pairs (n, 2) of a shard, per angle."""
        before = np.cumsum([0, *(len(pairs) for pairs in self.order)])
        return tuple(pairs[(shard - before[a]) % self.n_shards :: self.n_shards] for a, pairs in enumerate(self.order))

    def pairs(self, shard: int) -> Pairs:
        """Return the pairs of a shard with their values, ready for the density."""
        width = max(-(-len(pairs) // self.n_shards) for pairs in self.order)
        frames = np.zeros((len(self.order), width, 2), np.int32)
        value, weight = np.zeros((2, len(self.order), width))
        for a, chosen in enumerate(self.members(shard)):
            n, (i, j) = len(chosen), chosen.T
            frames[a, :n] = chosen
            value[a, :n] = self.data.c2[a, i, j]
            weight[a, :n] = self.data.weight[a, i] * self.data.weight[a, j]
        return Pairs(frames[..., 0], frames[..., 1], value, weight)


def automatic_shards(n_pairs: int) -> int:
    """Return the number of shards for ``shards: auto``: one per 50 000 pairs, rounded; one below 75 000."""
    return max(1, round(n_pairs / PAIRS_PER_SHARD))


def bytes_of_one_shard(data: TwoTimeData, pairs: tuple[IntArray, ...]) -> float:
    """Return an estimate of the memory for all pairs at once, in bytes."""
    return _PROCESS_ALL_PAIRS + _HELD * (data.c2.nbytes + sum(row.nbytes for row in pairs))


def few_gaps(data: TwoTimeData, pairs: tuple[IntArray, ...]) -> bool:
    """Return whether few pairs of valid frames are excluded, so that exact sums are efficient."""
    used = (data.valid & (data.weight > 0)).sum(axis=1)
    left_out = used * (used - 1) // 2 - [len(row) for row in pairs]
    return bool(np.max(left_out) <= _EXCLUDED_PER_FRAME * data.n_t)


def usable_pairs(data: TwoTimeData, exclude_diagonals: int) -> tuple[IntArray, ...]:
    """Return the usable pairs (n, 2) with i < j, per angle.

    The `exclude_diagonals` diagonals around t1 = t2, masked frames, NaN entries and frames of weight 0 are excluded.

    Raises
    ------
    DataError : if an angle has no usable pair.
    """
    i, j = np.triu_indices(data.n_t, k=exclude_diagonals)
    used = pair_valid(data)[:, i, j] & (data.weight[:, i] * data.weight[:, j] > 0)
    if not used.any(axis=1).all():
        angle = data.phi[int(np.argmin(used.any(axis=1)))]
        raise DataError(
            f"c2 (phi = {angle:g}): no usable pair of frames; exclude this angle, mask fewer frames, or "
            f"lower data.exclude_diagonals ({exclude_diagonals})"
        )
    frames = np.stack([i, j], axis=1).astype(np.int32)
    return tuple(frames[row] for row in used)


def partition(data: TwoTimeData, pairs: tuple[IntArray, ...], n_shards: int, seed: int) -> Partition:
    """Return `pairs` (from `usable_pairs`) shuffled by `seed` and dealt out to `n_shards` shards."""
    rng = np.random.default_rng([seed, 1])  # 1: a stream of its own beside those of the chains
    return Partition(data, n_shards, tuple(rng.permutation(row, axis=0) for row in pairs))
