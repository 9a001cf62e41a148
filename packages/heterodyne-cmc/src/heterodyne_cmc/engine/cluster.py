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
from heterodyne_cmc.work import Work, fingerprint, run_shard, versions
from heterodyne_spec import ConfigError, Problem

_CLUSTERS = {"slurm": "SLURMCluster", "pbs": "PBSCluster"}
_FREE_PORT = {"dashboard_address": ":0"}
"""Port of the dashboard of a scheduler, unless configured: a random one, because the default may be in use."""
_CONNECT_S = 30
"""Timeout in seconds for the scheduler to respond."""
_KEPT = "rerun the command; finished shards are reused if an output folder was given"


def on_cluster(work: Work, missing: Sequence[int]) -> Iterator[tuple[SubPosterior, int]]:
    """Yield the shards as they finish, each with the number of shards that the workers sample at the same time.

    Dask reruns the shard of a failed worker on another one. If the data were lost with the last worker that had them,
    they are sent again.

    Raises
    ------
    SamplingError : if the workers of a shard fail repeatedly or have other versions, or if the scheduler is lost.
    ConfigError : if Dask is not installed, or the scheduler does not respond.
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
                raise SamplingError(f"the connection to the Dask scheduler was lost; {_KEPT}")
            fruitless = fruitless + 1 if len(left) == before else 0
            if fruitless > RETRIES:
                raise SamplingError(
                    f"all Dask workers failed {fruitless} times before any of them finished a shard; {_KEPT}"
                )


def _sent(distributed: Any, client: Any, work: Work, shards: Sequence[int], attempt: int) -> Iterator[SubPosterior]:
    """Send the work and yield finished shards of `shards`, except those whose data the scheduler loses."""
    # Scattering would time out before a job that waits in its queue for hours.
    client.wait_for_workers(1)
    payload = client.scatter(work, broadcast=True, hash=False)
    # Keys are derived from all that determines the draws, so that equal keys of other runs have equal content.
    # A failed key stays failed: every attempt uses new ones.
    name = f"heterodyne-{fingerprint(work)[:32]}-{attempt}"
    futures = {client.submit(_run, payload, shard, versions(), key=f"{name}-{shard}"): shard for shard in shards}
    for future in distributed.as_completed(futures):
        try:
            sub = future.result()
        except distributed.KilledWorker:
            raise SamplingError(
                f"the workers of shard {futures[future] + 1} failed repeatedly; if they ran out of memory, raise "
                f"cmc.shards or the memory in cmc.dask.options, and {_KEPT}"
            ) from None
        except CancelledError:
            continue
        yield sub


def _run(work: Work, shard: int, wanted: Mapping[str, str]) -> SubPosterior:
    """Return the draws of a shard on a worker with the versions `wanted`, because others may give other draws."""
    found = versions()
    if other := [f"{name} {found[name]} for {wanted[name]}" for name in wanted if found[name] != wanted[name]]:
        raise SamplingError(f"package versions differ on a Dask worker: {', '.join(other)}; install equal versions")
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
        # Instead of scale(), so that a job that ends by its time limit or a failure is replaced.
        cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)
        return stack.enter_context(distributed.Client(cluster))
    try:
        return stack.enter_context(distributed.Client(address, timeout=_CONNECT_S))
    except (OSError, ValueError) as error:
        found = f"'{address}', which does not respond ({' '.join(str(error).split())[:120]})"
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
        remedy = "correct cmc.dask.options (see dask-jobqueue)"
        raise ConfigError("configuration", [Problem("cmc.dask.options", found, "cores, memory, ...", remedy)]) from None


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        remedy = "pip install 'heterodyne-cmc[dask]'"
        problem = Problem("cmc.engine", f"'dask', and {name} is not installed", "Dask", remedy)
        raise ConfigError("configuration", [problem]) from None
