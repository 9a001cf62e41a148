"""Shards on the workers of a Dask scheduler: a running one by its address, or jobs of Slurm or PBS."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any

from heterodyne_cmc.combination import SamplingError
from heterodyne_cmc.engine.local import POOL_SIZE, RETRIES
from heterodyne_cmc.sub_posterior import SubPosterior
from heterodyne_cmc.work import ShardWork, fingerprint, run_shard, versions
from heterodyne_spec import ConfigError, Problem

_CLUSTERS = {"slurm": "SLURMCluster", "pbs": "PBSCluster"}
_FREE_PORT = {"dashboard_address": ":0"}
"""Of a scheduler's page, unless one is asked for: where others use Dask, its own is taken, and it warns of that."""
_CONNECT_S = 30
"""Seconds that a scheduler may take to answer."""
_KEPT = "run the same again: finished shards are kept where a folder was given"


def on_cluster(work: ShardWork, missing: Sequence[int]) -> Iterator[tuple[SubPosterior, int]]:
    """Yield the shards as they get ready, each with the number of shards that the workers sample at once.

    Dask runs a dead worker's shard on another. Where it has lost the data with the last worker that had them, they are
    sent anew.

    Raises
    ------
    SamplingError : when a shard's workers die again and again, have other versions, or the scheduler is gone.
    ConfigError : when Dask is not installed, or the scheduler does not answer.
    """
    distributed = _imported("distributed")
    left, fruitless = list(missing), 0
    with contextlib.ExitStack() as stack:
        client = _client(distributed, work.request.config.cmc.dask, len(missing), stack)
        for attempt in itertools.count():
            before = len(left)
            for sub in _sent(distributed, client, work, tuple(left), attempt):
                left.remove(sub.shard)
                yield sub, max(1, sum(client.nthreads().values()))
            if not left:
                return
            if client.status != "running":
                raise SamplingError(f"the Dask scheduler is gone; {_KEPT}")
            fruitless = fruitless + 1 if len(left) == before else 0
            if fruitless > RETRIES:
                raise SamplingError(f"all Dask workers died {fruitless} times before any of them was done; {_KEPT}")


def _sent(
    distributed: Any, client: Any, work: ShardWork, shards: Sequence[int], attempt: int
) -> Iterator[SubPosterior]:
    """Send the work and yield those of `shards` that get ready; not those whose data the scheduler loses meanwhile."""
    # A job may wait in its queue for hours; scattering would not.
    client.wait_for_workers(1)
    payload = client.scatter(work, broadcast=True, hash=False)
    # Named for what determines the draws: what another run on this scheduler has under this name is the same.
    # A name that the scheduler gave up stays so: every attempt has others.
    name = f"heterodyne-{fingerprint(work)[:32]}-{attempt}"
    futures = {client.submit(_run, payload, shard, versions(), key=f"{name}-{shard}"): shard for shard in shards}
    for future in distributed.as_completed(futures):
        try:
            sub = future.result()
        except distributed.KilledWorker:
            raise SamplingError(
                f"the workers of shard {futures[future] + 1} died again and again; if memory ran out, raise cmc.shards "
                f"or the memory in cmc.dask.options, and {_KEPT}"
            ) from None
        except CancelledError:
            continue
        yield sub


def _run(work: ShardWork, shard: int, wanted: Mapping[str, str]) -> SubPosterior:
    """Return a shard's draws, on a worker that has the versions `wanted`: others may draw otherwise."""
    found = versions()
    if other := [f"{name} {found[name]} for {wanted[name]}" for name in wanted if found[name] != wanted[name]]:
        raise SamplingError(f"a Dask worker has other versions than this machine: {', '.join(other)}; install the same")
    # Before the first computation of this process; later XLA does not read it.
    os.environ.setdefault(POOL_SIZE, str(_imported("distributed").get_worker().state.nthreads))
    return run_shard(work, shard)


def job_script(settings: Mapping[str, Any]) -> str:
    """Return the script that a job of the configured cluster would run; needs no cluster.

    Raises
    ------
    ConfigError : when no cluster is configured, or dask-jobqueue is not installed.
    """
    with contextlib.closing(_cluster(settings)) as cluster:
        return str(cluster.job_script())


def _client(distributed: Any, settings: Mapping[str, Any], n_missing: int, stack: contextlib.ExitStack) -> Any:
    address = settings["scheduler"]
    if address is None:
        cluster = stack.enter_context(contextlib.closing(_cluster(settings)))
        jobs = min(int(settings["jobs"]), n_missing)
        # Not scale(): a job that ends, by its time or with its machine, is then replaced by another.
        cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)
        return stack.enter_context(distributed.Client(cluster))
    try:
        return stack.enter_context(distributed.Client(address, timeout=_CONNECT_S))
    except (OSError, ValueError) as error:
        found = f"'{address}', which does not answer ({' '.join(str(error).split())[:120]})"
        wanted, remedy = "the address of a running scheduler", "start it (dask scheduler), or correct the address"
        raise ConfigError("configuration", [Problem("cmc.dask.scheduler", found, wanted, remedy)]) from None


def _cluster(settings: Mapping[str, Any]) -> Any:
    kind = settings["cluster"]
    if kind is None:
        wanted = "cmc.dask.scheduler (an address), or cmc.dask.cluster (slurm or pbs)"
        raise ConfigError("configuration", [Problem("cmc.dask", "neither", wanted, "give one of the two")])
    options = settings["options"]
    try:
        scheduler = {**_FREE_PORT, **options.get("scheduler_options", {})}
        return getattr(_imported("dask_jobqueue"), _CLUSTERS[kind])(**{**options, "scheduler_options": scheduler})
    except (TypeError, ValueError) as error:
        found = " ".join(str(error).split())[:200]
        remedy = "correct cmc.dask.options: they are those of dask-jobqueue"
        raise ConfigError("configuration", [Problem("cmc.dask.options", found, "cores, memory, ...", remedy)]) from None


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        remedy = "pip install 'heterodyne-cmc[dask]'"
        problem = Problem("cmc.engine", f"'dask', and {name} is not installed", "Dask", remedy)
        raise ConfigError("configuration", [problem]) from None
