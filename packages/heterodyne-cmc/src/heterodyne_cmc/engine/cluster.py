"""Shards on the workers of a Dask scheduler: a running one by its address, or jobs of Slurm or PBS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heterodyne_cmc.combination import SamplingError
from heterodyne_cmc.engine.local import RETRIES
from heterodyne_cmc.sampler import SubPosterior
from heterodyne_cmc.work import ShardWork, run_shard
from heterodyne_spec import ConfigError, Problem

_CLUSTERS = {"slurm": "SLURMCluster", "pbs": "PBSCluster"}
_CONNECT_S = 30
"""Seconds that a scheduler may take to answer."""


def on_cluster(work: ShardWork, missing: Sequence[int]) -> Iterator[SubPosterior]:
    """Yield the shards as they get ready; Dask runs those of a dead worker again.

    Raises
    ------
    SamplingError : when a shard's workers die again and again.
    ConfigError : when Dask is not installed, or the scheduler does not answer.
    """
    distributed = _imported("distributed")
    with contextlib.ExitStack() as stack:
        client = _client(distributed, work.request.config.cmc.dask, len(missing), stack)
        payload = client.scatter(work, broadcast=True)
        futures = {
            client.submit(
                run_shard, payload, shard, pure=False, retries=RETRIES, key=f"shard-{shard}-{id(work)}"
            ): shard
            for shard in missing
        }
        for future in distributed.as_completed(futures):
            try:
                yield future.result()
            except distributed.KilledWorker:
                raise SamplingError(
                    f"the workers of shard {futures[future] + 1} died again and again; if memory ran out, raise "
                    "cmc.shards or the memory in cmc.dask.options, and run the same command again: finished shards "
                    "are kept"
                ) from None


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
        cluster.scale(min(int(settings["jobs"]), n_missing))
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
    try:
        return getattr(_imported("dask_jobqueue"), _CLUSTERS[kind])(**settings["options"])
    except (TypeError, ValueError) as error:
        found = " ".join(str(error).split())[:200]
        remedy = "correct cmc.dask.options: they are those of dask-jobqueue"
        raise ConfigError("configuration", [Problem("cmc.dask.options", found, "cores, memory, ...", remedy)]) from None


def _imported(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        remedy = "pip install 'heterodyne-cmc[dask]'"
        problem = Problem("cmc.engine", f"'dask', and {name} is not installed", "Dask", remedy)
        raise ConfigError("configuration", [problem]) from None
