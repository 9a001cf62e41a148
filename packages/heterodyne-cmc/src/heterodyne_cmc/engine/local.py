"""Shards in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import jax

from heterodyne_cmc.combination import SamplingError
from heterodyne_cmc.sampler import SubPosterior
from heterodyne_cmc.work import ShardWork, run_shard
from heterodyne_spec import ConfigError, Problem

RETRIES = 2
"""How often a shard is tried again whose worker died."""

_SHARE = 0.8
"""Part of the free memory that workers may take when the configuration does not say."""


def local_workers(work: ShardWork, n_missing: int) -> int:
    """Return the number of processes: as many as asked for, cores, shards and memory allow.

    Raises
    ------
    ConfigError : when not even one fits into the memory that is allowed.
    """
    settings = work.request.config.cmc
    asked = (os.cpu_count() or 1) if settings.workers == "auto" else int(settings.workers)
    allowed = _SHARE * _free_memory() if settings.memory == "auto" else 1e9 * float(settings.memory)
    fitting = int(allowed // work.bytes_per_worker)
    if fitting < 1:
        found = f"{allowed / 1e9:.1f} GB for workers that take about {work.bytes_per_worker / 1e9:.1f} GB each"
        wanted = "memory for at least one"
        raise ConfigError("configuration", [Problem("cmc.memory", found, wanted, "raise cmc.shards or cmc.memory")])
    return max(1, min(asked, n_missing, fitting))


def _free_memory() -> float:
    """Return the free memory in bytes; where the system does not tell, enough."""
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return float("inf")


_given: ShardWork | None = None
"""In a worker: the work, sent once."""


def _begin(work: ShardWork, parent: int, cache: str | None) -> None:
    """Prepare a worker: its work, one thread, its parent's compiled functions, and an end when its parent is gone."""
    global _given
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    os.environ["OMP_NUM_THREADS"] = "1"
    jax.config.update("jax_compilation_cache_dir", cache)
    _given = work
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process once its parent has: a killed run leaves no workers behind."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _run(shard: int) -> SubPosterior:
    assert _given is not None
    return run_shard(_given, shard)


def in_processes(work: ShardWork, missing: Sequence[int], workers: int) -> Iterator[SubPosterior]:
    """Yield the shards as they get ready; a worker that dies costs its shard's retry.

    Raises
    ------
    SamplingError : when a shard was lost more than `RETRIES` times.
    """
    left, lost = list(missing), Counter[int]()
    while left:
        pool = ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(work, os.getpid(), jax.config.jax_compilation_cache_dir),
        )
        running: dict[Future[SubPosterior], int] = {}
        try:
            queue = iter(list(left))
            while True:
                # No more at once than workers: what a broken pool loses is then what was running.
                while len(running) < workers and (shard := next(queue, None)) is not None:
                    running[pool.submit(_run, shard)] = shard
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    sub = future.result()
                    left.remove(running.pop(future))
                    yield sub
        except BrokenProcessPool:
            lost.update(running.values())
            if given_up := sorted(shard + 1 for shard, times in lost.items() if times > RETRIES):
                names = ", ".join(str(shard) for shard in given_up)
                raise SamplingError(
                    f"the worker of shard {names} died {RETRIES + 1} times; if memory ran out, raise cmc.shards or "
                    "lower cmc.workers, and run the same command again: finished shards are kept"
                ) from None
        finally:
            _stop(pool)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the pool now, whatever its workers do."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
