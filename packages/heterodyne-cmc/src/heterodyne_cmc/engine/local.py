"""Shards in processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import jax

from heterodyne_cmc.combination import SamplingError
from heterodyne_cmc.sub_posterior import SubPosterior
from heterodyne_cmc.work import Work, run_shard
from heterodyne_data import available_cores, end_with, free_memory
from heterodyne_spec import CMCConfig, ConfigError, Problem

RETRIES = 2
"""Number of retries of a shard whose worker failed."""

_SHARE = 0.8
"""Default fraction of the free memory for workers."""
POOL_SIZE = "NPROC"
"""Environment variable that sets the size of the thread pool of XLA. With more threads than cores of a worker, the same
draws take twice the processor time (measured)."""

_ONE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    POOL_SIZE: "1",
}
"""Environment of a worker, one for each core."""


def local_workers(settings: CMCConfig, each: float, n_missing: int) -> int:
    """Return the number of processes, limited by the number of shards and memory (`each` takes so many bytes); by
    default one per core.

    Raises
    ------
    ConfigError : if the configured memory is not sufficient for one process.
    """
    asked = _automatic() if settings.workers == "auto" else int(settings.workers)
    if settings.memory == "auto":
        # At least one shard: the estimate is an upper limit, and other processes may release memory.
        fitting = max(1, int(min(_SHARE * free_memory() / each, asked)))
    else:
        fitting = int(1e9 * float(settings.memory) // each)
    if fitting < 1:
        found = f"{settings.memory:g} GB for workers that take about {each / 1e9:.1f} GB each"
        wanted = "memory for at least one"
        raise ConfigError("configuration", [Problem("cmc.memory", found, wanted, "raise cmc.shards or cmc.memory")])
    return min(asked, n_missing, fitting)


def _automatic() -> int:
    """Return one worker per available core, or one if they would have to share a GPU."""
    if jax.default_backend() != "cpu":
        return 1
    return available_cores()


_given: Work | None = None
"""In a worker: the work, sent once."""


def _begin(work: Work, parent: int, cache: str | None) -> None:
    """Prepare a worker: set its work and compilation cache, and let it exit when its parent does."""
    global _given
    jax.config.update("jax_compilation_cache_dir", cache)
    _given = work
    end_with(parent)


def _run(shard: int) -> SubPosterior:
    assert _given is not None
    return run_shard(_given, shard)


@contextlib.contextmanager
def _for_children() -> Iterator[None]:
    """Let processes started in this context use one thread, ignore Ctrl-C, and not import the user's script.

    A spawned process imports the main module again: a script that calls the sampling at module level would be executed
    in every worker, and a shard does not need it.
    """
    before, main = {name: os.environ.get(name) for name in _ONE_THREAD}, sys.modules["__main__"]
    flags = " ".join(part for part in (before["XLA_FLAGS"], _ONE_THREAD["XLA_FLAGS"]) if part)
    os.environ.update({**_ONE_THREAD, "XLA_FLAGS": flags})
    sys.modules["__main__"] = types.ModuleType("__main__")
    # Blocked rather than ignored: Ctrl-C is delayed here until the process is started. The child inherits the mask.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def in_processes(work: Work, missing: Sequence[int], workers: int) -> Iterator[tuple[SubPosterior, int]]:
    """Yield the shards as they finish, each with `workers`; if a worker fails, the running shards are retried.

    Raises
    ------
    SamplingError : if a shard was lost more than `RETRIES` times.
    """
    left, lost = list(missing), Counter[int]()
    while left:
        try:
            for sub in _one_pool(work, left, workers):
                left.remove(sub.shard)
                yield sub, workers
        except _LostError as error:
            lost.update(error.shards)
            if given_up := sorted(shard + 1 for shard, times in lost.items() if times > RETRIES):
                names = ", ".join(str(shard) for shard in given_up)
                raise SamplingError(
                    f"a worker failed {RETRIES + 1} times while sampling shard {names}; if it ran out of memory, raise "
                    "cmc.shards or lower cmc.workers, and rerun the command; finished shards are reused if an output "
                    "folder was given"
                ) from None


class _LostError(Exception):
    """A worker failed, and with it its pool; `shards` were running."""

    def __init__(self, shards: list[int]):
        self.shards = shards


def _one_pool(work: Work, shards: Sequence[int], workers: int) -> Iterator[SubPosterior]:
    """Yield `shards` as a pool of processes finishes them; raise _LostError if a process fails."""
    context = multiprocessing.get_context("spawn")
    given = (work, os.getpid(), jax.config.jax_compilation_cache_dir)
    pool = ProcessPoolExecutor(min(workers, len(shards)), context, initializer=_begin, initargs=given)
    running: dict[Future[SubPosterior], int] = {}
    waiting = list(reversed(shards))
    try:
        while waiting or running:
            # No more at once than workers, so that a broken pool loses running shards only.
            while waiting and len(running) < workers:
                with _for_children():
                    future = pool.submit(_run, waiting[-1])
                running[future] = waiting.pop()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            # Finished shards first, so that they are not lost if the pool breaks at the same time.
            for future in sorted(done, key=lambda future: future.exception() is not None):
                sub = future.result()
                del running[future]
                yield sub
    except BrokenProcessPool:
        raise _LostError(list(running.values())) from None
    finally:
        _stop(pool)


def _stop(pool: ProcessPoolExecutor) -> None:
    """Stop the pool immediately."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
