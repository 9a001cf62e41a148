"""Where shards are sampled: this process, several local ones, or the workers of a Dask scheduler.

An engine is a function of the work and the numbers of the missing shards that yields finished ones, in any order, each
with the number of shards that are sampled at once. What a shard's draws are does not depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence

from heterodyne_cmc.engine.local import in_processes, local_workers
from heterodyne_cmc.request import Request
from heterodyne_cmc.sub_posterior import SubPosterior, Tell
from heterodyne_cmc.unfinished import ChainStore
from heterodyne_cmc.work import ShardWork, bytes_per_worker, run_shard

__all__ = ["finished", "plan"]


def finished(
    work: ShardWork, missing: Sequence[int], tell: Tell, chains: Callable[[int], ChainStore | None] = lambda shard: None
) -> Generator[tuple[SubPosterior, int]]:
    """Yield the shards `missing` as they get ready, each with the number of shards that are sampled at once.

    `tell` hears how far a shard of this process is, whose unfinished chains are kept in ``chains(shard)``; of shards
    elsewhere it is known when they are ready.

    Raises
    ------
    SamplingError : when a shard's workers die again and again.
    ConfigError : when the engine that is asked for is not installed, or cannot be reached.
    """
    settings = work.request.config.cmc
    if not missing:
        return
    if settings.engine == "dask":
        from heterodyne_cmc.engine.cluster import on_cluster

        yield from on_cluster(work, missing)
    elif (workers := local_workers(work.request, len(missing))) > 1:
        yield from in_processes(work, missing, workers)
    else:
        # The chains of a shard share the cores that no other shard takes.
        yield from ((run_shard(work, shard, os.cpu_count() or 1, tell, chains(shard)), 1) for shard in missing)


def plan(request: Request, missing: Sequence[int]) -> str:
    """Return in one line what is going to run where, and in how much memory."""
    gigabytes = bytes_per_worker(request) / 1e9
    if request.config.cmc.engine == "dask":
        where = "on the workers of a Dask scheduler"
    else:
        workers = local_workers(request, len(missing))
        where = "in this process" if workers == 1 else f"in {workers} processes"
    shards = "1 shard" if len(missing) == 1 else f"{len(missing)} shards"
    return f"{shards} of {request.partition.n_shards} to sample {where}, about {gigabytes:.1f} GB each"
