"""Where shards are sampled changes nothing of what they are; what ends early is not lost."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measurement import config, make, point_estimate

from heterodyne_cmc import CMCResult, clear_shards, fit_cmc_jax
from heterodyne_cmc.combination import SamplingError
from heterodyne_cmc.engine import finished, plan
from heterodyne_cmc.engine.cluster import _run, job_script
from heterodyne_cmc.fit import prepared_work, sample_shards
from heterodyne_cmc.request import prepare
from heterodyne_cmc.sampler import Chains, SubPosterior
from heterodyne_cmc.work import ShardWork, fingerprint, versions
from heterodyne_spec import ConfigError, load_config

# The numbers of pairs, chains and steps before the draws are those of test_fit.py: chains are compiled once for both.
CMC = {"shards": 2, "chains": 2, "warmup": 200, "samples": 40, "consensus": "gaussian"}


def sample(directory: Path | None = None, say: list[str] | None = None, **cmc: Any) -> CMCResult:
    data, said = make(), [] if say is None else say
    return fit_cmc_jax(data, config(cmc={**CMC, **cmc}), point_estimate(data), directory=directory, say=said.append)


def work(**cmc: Any) -> ShardWork:
    data = make()
    return prepared_work(prepare(data, load_config(config(cmc={**CMC, **cmc})), point_estimate(data)))


@pytest.fixture(scope="module")
def expected() -> CMCResult:
    """The draws of one process."""
    return sample(workers=1)


def same(found: CMCResult, expected: CMCResult) -> None:
    for name, draws in expected.sub_draws.items():
        np.testing.assert_array_equal(found.sub_draws[name], draws)


@pytest.mark.slow
def test_a_dead_worker_costs_a_retry(expected: CMCResult) -> None:
    def kill(done: int, *_: Any) -> None:
        if done == 1:
            multiprocessing.active_children()[0].kill()

    data, said = make(), list[str]()
    asked = config(cmc={**CMC, "workers": 2})
    same(fit_cmc_jax(data, asked, point_estimate(data), progress=kill, say=said.append), expected)
    assert "2 shards of 2 to sample in 2 processes" in said[1]
    assert "GB each" in said[1]


# As users write it: with nothing that keeps a worker from running it again.
RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_engine import sample
sample(Path(sys.argv[2]), **json.loads(sys.argv[3]))
"""


def killed(folder: Path, **cmc: Any) -> dict[str, int]:
    """Start a run in another process, kill it once a shard is on disk, return the shards and their times."""
    script = folder / "run.py"
    script.write_text(RUN)
    run = subprocess.Popen([sys.executable, str(script), str(Path(__file__).parent), str(folder), json.dumps(cmc)])
    shards = folder / "shards"
    until = time.monotonic() + 120
    while not list(shards.glob("shard_*.npz")) and time.monotonic() < until:
        assert run.poll() is None
        time.sleep(0.02)
    run.kill()
    run.wait()
    return times(folder)


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "shards").glob("shard_*.npz")}


def test_a_killed_run_goes_on_where_it_was(expected: CMCResult, tmp_path: Path) -> None:
    kept = killed(tmp_path, workers=1)
    assert len(kept) == 1
    said: list[str] = []
    same(sample(tmp_path, say=said, workers=1), expected)
    assert "1 of 2 shards reused from an earlier run" in said
    # What was there was not sampled again.
    assert times(tmp_path).items() >= kept.items()
    clear_shards(tmp_path, 2)
    assert not (tmp_path / "shards").exists()


def test_damaged_and_foreign_shards_are_not_used(expected: CMCResult, tmp_path: Path) -> None:
    sample(tmp_path, seed=1, workers=1)
    damaged = tmp_path / "shards" / "shard_0002_of_0002.npz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    said: list[str] = []
    same(sample(tmp_path, say=said, workers=1), expected)
    assert "shard_0001_of_0002.npz belongs to other data" in said[1]
    assert "shard_0002_of_0002.npz is damaged" in said[2]
    said.clear()
    same(sample(tmp_path, say=said), expected)
    assert said[1:] == ["2 of 2 shards reused from an earlier run"]


def test_memory_bounds_the_workers() -> None:
    one = work(shards=3).memory / 1e9
    settings = [work(shards=3, workers=3, memory=share * one).request.config.cmc for share in (2.5, 0.5)]
    assert "in 2 processes" in plan(settings[0], 1e9 * one, range(3), 3)
    with pytest.raises(ConfigError, match=r"cmc\.memory"):
        plan(settings[1], 1e9 * one, range(3), 3)


def test_time_left_is_that_of_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four shards of 10 s by two workers, one after another: done at 10, 10, 20 and 20 s."""
    some, calls = np.zeros((2, 3)), list[tuple[Any, ...]]()
    chains = Chains(some, some, some, some, some, some, some)
    subs = [(SubPosterior(shard, 9, some, chains, 2, (7, 1), 10.0), 2) for shard in (1, 0, 3, 2)]
    monkeypatch.setattr("heterodyne_cmc.fit.finished", lambda *given: (found for found in subs))
    sample_shards(work(shards=4, workers=2), None, lambda *call: calls.append(call), lambda text: None)
    # How long one takes is not known before the first.
    assert calls[0][:3] == (0, 4, 0)
    assert np.isnan(calls.pop(0)[3])
    # Divergences of the last attempts, and at most half a shard's time too much.
    assert calls == [(1, 4, 1, 15.0), (2, 4, 2, 10.0), (3, 4, 3, 5.0), (4, 4, 4, 0.0)]


def test_dask_workers_draw_what_one_process_does(expected: CMCResult) -> None:
    distributed = pytest.importorskip("distributed", reason="heterodyne-cmc[dask] is not installed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        same(sample(engine="dask", dask={"scheduler": cluster.scheduler_address}), expected)


@pytest.mark.slow
def test_dask_goes_on_after_its_client_and_then_all_its_workers_were_killed(
    expected: CMCResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed", reason="heterodyne-cmc[dask] is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        asked = {"engine": "dask", "dask": {"scheduler": cluster.scheduler_address}}
        kept = killed(tmp_path, **asked)
        assert kept
        same(sample(tmp_path, **asked), expected)
        assert times(tmp_path).items() >= kept.items()

        def kill(work: ShardWork) -> str:
            """Called when the data were sent; with the last worker that has them, Dask loses them."""
            monkeypatch.undo()
            for nanny in cluster.workers.values():
                os.kill(nanny.pid, signal.SIGKILL)
            return fingerprint(work)

        monkeypatch.setattr("heterodyne_cmc.engine.cluster.fingerprint", kill)
        same(sample(**asked), expected)


def test_dask_workers_of_other_versions_are_refused() -> None:
    with pytest.raises(SamplingError, match=r"heterodyne-cmc .* for 99\.0"):
        _run(work(), 0, {**versions(), "heterodyne-cmc": "99.0"})


def test_job_scripts_need_no_cluster() -> None:
    pytest.importorskip("dask_jobqueue")
    options = {"queue": "short", "cores": 4, "memory": "8GB", "walltime": "00:30:00"}
    with socket.socket() as taken:
        # Somebody else uses Dask here, be it a test beside this one: the port of its page is taken.
        with contextlib.suppress(OSError):
            taken.bind(("", 8787))
            taken.listen()
        for cluster, marks in (
            ("slurm", ["#SBATCH -p short", "#SBATCH --cpus-per-task=4"]),
            ("pbs", ["#PBS -q short", "ncpus=4"]),
        ):
            asked = load_config({"cmc": {"engine": "dask", "dask": {"cluster": cluster, "options": options}}})
            script = job_script(asked.cmc.dask)
            assert all(mark in script for mark in marks), script


@pytest.mark.parametrize(
    ("dask", "named"),
    [
        ({}, "cmc.dask: found neither"),
        ({"scheduler": "tcp://127.0.0.1:9", "cluster": "slurm"}, "cmc.dask: found both"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "cmc.dask.scheduler"),
    ],
)
def test_a_scheduler_that_is_not_there_is_named(
    dask: dict[str, Any], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setattr("heterodyne_cmc.engine.cluster._CONNECT_S", 1)
    with pytest.raises(ConfigError) as caught:
        list(finished(work(engine="dask", dask=dask), [0], lambda share, divergences: None))
    assert named in str(caught.value)
