"""The problem of one shard of a request: pairs one by one, or all pairs by exact sums over whole maps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace

from heterodyne_cmc.density import ShardProblem, no_anchor, shard_problem
from heterodyne_cmc.request import Request
from heterodyne_cmc.sums import AllPairs, all_pairs, has_exact_sums, some_pairs
from heterodyne_cmc.whitening import Whitening


def make_problem(request: Request, noise: float, whitening: Whitening, shard: int) -> ShardProblem:
    """Return the problem of shard number `shard` (from 0); `noise` is the first guess of σ."""
    data, deal = request.data, request.partition
    whole = deal.n_shards == 1 and _exact(request)
    pairs = _all(request) if whole else some_pairs(data, deal.pairs(shard), request.spec.id)
    return shard_problem(
        pairs, request.space, request.scaling, noise, whitening.adjustment, deal.n_shards, whitening.anchor
    )


def whole_problems(request: Request, noise: float, whitening: Whitening) -> Callable[[], Iterable[ShardProblem]]:
    """Return a function that yields problems whose densities, without anchors, multiply to the posterior.

    The problem of all pairs is prepared once and kept; shards are prepared on demand, one at a time.
    """
    free = replace(whitening, anchor=no_anchor(len(request.space.free)))

    @functools.cache
    def all_pairs_at_once() -> tuple[ShardProblem]:
        return (shard_problem(_all(request), request.space, request.scaling, noise, whitening.adjustment, 1),)

    def shard_by_shard() -> Iterable[ShardProblem]:
        return (make_problem(request, noise, free, shard) for shard in range(request.partition.n_shards))

    return all_pairs_at_once if _exact(request) else shard_by_shard


def _exact(request: Request) -> bool:
    return has_exact_sums(request.data, request.partition.order, request.spec.id)


def _all(request: Request) -> AllPairs:
    return all_pairs(request.data, request.config.data.exclude_diagonals, request.spec.id)
