"""Engines that sample the shards: in this process, in several local ones, or on the workers of a Dask scheduler.

An engine is a function of the work and the numbers of the missing shards that yields finished ones, in any order, each
with the number of shards sampled at the same time. The draws of a shard do not depend on the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from heterodyne_cmc.engine.local import in_processes, local_workers
from heterodyne_cmc.sub_posterior import SubPosterior, Tell
from heterodyne_cmc.unfinished import ChainStore
from heterodyne_cmc.work import Work, run_shard
from heterodyne_data import available_cores
from heterodyne_spec import CMCConfig

__all__ = ["finished", "in_this_process", "plan"]


def finished(
    work: Work, missing: Sequence[int], tell: Tell, chains: Callable[[int], ChainStore | None] = lambda shard: None
) -> Generator[tuple[SubPosterior, int]]:
    """Yield the shards `missing` as they finish, each with the number of shards sampled at the same time.

    `tell` is called with the progress of a shard of this process, whose unfinished chains are stored in
    ``chains(shard)``; other shards only report when they are finished.

    Raises
    ------
    SamplingError : if the workers of a shard fail repeatedly.
    ConfigError : if the requested engine is not installed or cannot be reached.
    """
    settings = work.request.config.cmc
    if not missing:
        return
    if settings.engine == "dask":
        from heterodyne_cmc.engine.cluster import on_cluster

        yield from on_cluster(work, missing)
    elif in_this_process(work, len(missing)):
        # The chains of a shard share the cores not used by other shards.
        yield from ((run_shard(work, shard, available_cores(), tell, chains(shard)), 1) for shard in missing)
    else:
        yield from in_processes(work, missing, local_workers(settings, work.memory, len(missing)))


def in_this_process(work: Work, n_missing: int) -> bool:
    """Return whether shards are sampled one after the other in this process, which tells of each while it is."""
    settings = work.request.config.cmc
    return settings.engine != "dask" and local_workers(settings, work.memory, n_missing) <= 1


def plan(settings: CMCConfig, each: float, missing: Sequence[int], n_shards: int) -> str:
    """Return a line describing what will run, where, and with how much memory: `each` worker takes so many bytes."""
    if settings.engine == "dask":
        where = "on the workers of a Dask scheduler"
    else:
        workers = local_workers(settings, each, len(missing))
        where = "in this process" if workers == 1 else f"in {workers} processes"
    shards = "1 shard" if len(missing) == 1 else f"{len(missing)} shards"
    return f"{shards} of {n_shards} to sample {where}, about {each / 1e9:.1f} GB each"
