"""The problem of one shard of a request: some pairs one by one, or all of them by exact sums over whole maps."""

from __future__ import annotations

from collections.abc import Iterator

from heterodyne_cmc.density import ShardProblem, shard_problem
from heterodyne_cmc.request import Request
from heterodyne_cmc.sums import AllPairs, all_pairs, some_pairs
from heterodyne_cmc.whitening import Whitening

_EXCLUDED_PER_FRAME = 64
"""Single excluded pairs per frame beyond which evaluating them one by one costs more than the sums save."""


def make_problem(request: Request, noise: float, whitening: Whitening, shard: int) -> ShardProblem:
    """Return the problem of shard number `shard` (from 0); `noise` is the first guess of σ."""
    data, deal = request.data, request.partition
    whole = deal.n_shards == 1 and _few_gaps(request)
    pairs = _all(request) if whole else some_pairs(data, deal.pairs(shard))
    return shard_problem(pairs, request.space, request.scaling, noise, whitening.tilt, deal.n_shards)


def whole_problems(request: Request, noise: float, whitening: Whitening) -> Iterator[ShardProblem]:
    """Yield problems whose densities multiply to the posterior: one of all pairs, or those of all shards where many
    single pairs are left out."""
    if _few_gaps(request):
        yield shard_problem(_all(request), request.space, request.scaling, noise, whitening.tilt, 1)
    else:
        for shard in range(request.partition.n_shards):
            yield make_problem(request, noise, whitening, shard)


def _all(request: Request) -> AllPairs:
    return all_pairs(request.data, request.config.data.exclude_diagonals)


def _few_gaps(request: Request) -> bool:
    """Return whether few pairs are left out although both their frames count."""
    data = request.data
    used = data.valid & (data.weight > 0)
    whole = used.sum(axis=1) * (used.sum(axis=1) - 1) // 2
    left = [len(pairs) for pairs in request.partition.order]
    return bool(max(whole - left) <= _EXCLUDED_PER_FRAME * data.n_t)
