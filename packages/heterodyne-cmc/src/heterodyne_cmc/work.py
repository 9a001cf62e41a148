"""The work of a worker on a shard, independent of where it runs."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import numpy as np

from heterodyne_cmc.density import Density, ShardProblem
from heterodyne_cmc.joint_vectors import Complete, joint_draws
from heterodyne_cmc.problem import make_problem, whole_problems
from heterodyne_cmc.request import Request
from heterodyne_cmc.sampler import sample_shard
from heterodyne_cmc.shards import bytes_of_one_shard
from heterodyne_cmc.sub_posterior import Settings, SubPosterior, Tell
from heterodyne_cmc.unfinished import ChainStore
from heterodyne_cmc.weighted import holds, learned, weighted_shard
from heterodyne_cmc.whitening import Whitening

_DISTRIBUTIONS = (
    "heterodyne-cmc",
    "heterodyne-physics-elementwise",
    "heterodyne-physics-meshgrid",
    "jax",
    "jaxlib",
    "numpy",
    "numpyro",
)
"""Packages whose versions affect the draws."""

_PER_PAIR = 700
"""Bytes per pair of a shard during the computation of a gradient; measured 300 to 500."""
_PROCESS = 0.7e9
"""Bytes of a process on single pairs without its data: interpreter, JAX, compilation."""


@dataclass(frozen=True)
class ShardWork:
    """All shards of a request, small enough to be sent once to every worker."""

    request: Request
    noise: float
    whitening: Whitening

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return self.request.partition.n_shards

    @property
    def memory(self) -> float:
        """Bytes of a worker, about."""
        return bytes_per_worker(self.request)

    def problem(self, shard: int) -> ShardProblem:
        """Return the problem of shard number `shard` (from 0)."""
        return make_problem(self.request, self.noise, self.whitening, shard)

    @property
    def complete(self) -> Complete:
        """What is added to the draws of a shard: contrast and offset."""
        return joint_draws

    def coordinates(self, shard: int) -> Whitening:
        """Return the coordinates of a shard, which are those of all."""
        return self.whitening

    def parts(self) -> Iterator[Any]:
        """Yield everything that affects the draws, but for versions."""
        yield from parts_of(self.request, self.noise, self.whitening)

    def problems(self) -> Callable[[], Iterable[ShardProblem]]:
        """Return a function that yields problems whose densities, without anchors, multiply to the posterior."""
        return whole_problems(self.request, self.noise, self.whitening)


def bytes_per_worker(request: Request) -> float:
    """Return an estimate of the memory of a worker on shards of `request`, in bytes."""
    data, deal, cmc = request.data, request.partition, request.config.cmc
    draws = 16.0 * cmc.chains * cmc.samples * request.n_joint
    if deal.n_shards == 1:
        return bytes_of_one_shard(data, deal.order) + draws
    held = data.c2.nbytes + sum(pairs.nbytes for pairs in deal.order)
    return _PROCESS + 1.5 * held + _PER_PAIR * deal.n_pairs / deal.n_shards + draws


def shard_work(request: Request, noise: float, whitening: Whitening) -> ShardWork:
    """Return the work of a request, without the point estimate, which is no longer needed."""
    return ShardWork(replace(request, nlsq=None), noise, whitening)


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that affect the draws."""
    return {name: importlib.metadata.version(name) for name in _DISTRIBUTIONS}


class Work(Protocol):
    """The work of all shards, small enough to be sent once to every worker; `request` holds the settings."""

    @property
    def request(self) -> Request:
        """The request whose settings and size are those of every shard."""
        ...

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        ...

    @property
    def memory(self) -> float:
        """Bytes of a worker, about."""
        ...

    @property
    def complete(self) -> Complete:
        """What is added to the draws of a shard."""
        ...

    def problem(self, shard: int) -> Density:
        """Return the problem of shard number `shard` (from 0)."""
        ...

    def coordinates(self, shard: int) -> Whitening:
        """Return the coordinates of a shard."""
        ...

    def parts(self) -> Iterator[Any]:
        """Yield everything that affects the draws, but for versions."""
        ...


def run_shard(
    work: Work,
    shard: int,
    threads: int = 1,
    tell: Tell = lambda share, divergences: None,
    store: ChainStore | None = None,
) -> SubPosterior:
    """Return the draws of shard number `shard` (from 0), which depend on the work and this number only.

    Unfinished chains are kept in `store` and continued from there.
    """
    cmc = work.request.config.cmc
    with jax.enable_x64(True):
        problem, whitening = work.problem(shard), work.coordinates(shard)
        settings = Settings(cmc.chains, cmc.samples, cmc.seed, threads, work.request.rounds)
        if store is not None and (going_on := store.load()[0]) is not None:
            chains = shard, problem, whitening, settings, cmc.warmup, tell
            return sample_shard(*chains, store=store, going_on=going_on, complete=work.complete)
        if cmc.sampler != "nuts":
            sub, population = weighted_shard(shard, problem, whitening, settings, tell, work.complete)
            if cmc.sampler == "importance" or holds(sub, settings):
                return sub
            learnt, starts = learned(whitening, population, cmc.chains, cmc.seed)
            return sample_shard(
                shard, problem, learnt, settings, cmc.warmup, tell, starts, store, complete=work.complete
            )
        return sample_shard(shard, problem, whitening, settings, cmc.warmup, tell, store=store, complete=work.complete)


def fingerprint(work: Work) -> str:
    """Return the SHA-256 of everything that affects the draws, including versions."""
    digest = hashlib.sha256()
    for part in (*versions().items(), *work.parts()):
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            digest.update(repr(part).encode())
        digest.update(b"|")
    return digest.hexdigest()


def parts_of(request: Request, noise: float, whitening: Whitening) -> Iterator[Any]:
    """Yield everything that affects the draws of a request's shards, but for versions."""
    data, space, scaling, cmc = request.data, request.space, request.scaling, request.config.cmc
    yield from (request.spec.sha256, request.config.data.exclude_diagonals, request.partition.n_shards, noise)
    yield from (cmc.chains, cmc.warmup, cmc.samples, cmc.seed, cmc.sampler, request.rounds)
    yield from (np.asarray(part) for part in (data.c2, data.t, data.q, data.phi, data.valid, data.weight))
    yield from (space.status, space.tie, space.free, space.priors)
    yield from (space.base, space.expand, space.bounds, space.log, *space.laws, *space.naming)
    yield from (scaling.basis, scaling.held, scaling.mean, scaling.precision)
    yield from (np.asarray(part) for part in (whitening.centre, whitening.spread))
    yield from (np.asarray(part) for part in (*whitening.adjustment, *whitening.anchor))
