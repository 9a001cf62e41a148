"""Where shards are sampled changes nothing of what they are; what ends early is not lost."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measurement import config, make, point_estimate

from heterodyne_cmc import CMCResult, clear_shards, fit_cmc_jax
from heterodyne_cmc.engine import finished, plan
from heterodyne_cmc.engine.cluster import job_script
from heterodyne_cmc.fit import prepared_work
from heterodyne_cmc.request import prepare
from heterodyne_cmc.work import ShardWork
from heterodyne_spec import ConfigError, load_config

CMC = {"shards": 3, "chains": 2, "warmup": 50, "samples": 40}


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
        np.testing.assert_allclose(found.sub_draws[name], draws, rtol=1e-9)


def test_a_dead_worker_costs_a_retry(expected: CMCResult) -> None:
    def kill(done: int, *_: Any) -> None:
        if done == 1:
            multiprocessing.active_children()[0].kill()

    data, said = make(), list[str]()
    asked = config(cmc={**CMC, "workers": 2})
    same(fit_cmc_jax(data, asked, point_estimate(data), progress=kill, say=said.append), expected)
    assert "3 shards of 3 to sample in 2 processes" in said[0]
    assert "GB each" in said[0]


RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_engine import sample
if __name__ == "__main__":
    sample(Path(sys.argv[2]), workers=2)
"""


def test_a_killed_run_goes_on_where_it_was(expected: CMCResult, tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)
    run = subprocess.Popen([sys.executable, str(script), str(Path(__file__).parent), str(tmp_path)])
    shards = tmp_path / "shards"
    until = time.monotonic() + 120
    while not list(shards.glob("shard_*.npz")) and time.monotonic() < until:
        assert run.poll() is None
        time.sleep(0.02)
    run.kill()
    run.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in shards.glob("shard_*.npz")}
    assert 1 <= len(kept) < 3
    said: list[str] = []
    same(sample(tmp_path, say=said), expected)
    assert f"{len(kept)} of 3 shards are there from an earlier run" in said
    # What was there was not sampled again.
    assert {name: (shards / name).stat().st_mtime_ns for name in kept} == kept
    clear_shards(tmp_path, 3)
    assert not shards.exists()


def test_damaged_and_foreign_shards_are_not_used(expected: CMCResult, tmp_path: Path) -> None:
    sample(tmp_path, seed=1, workers=1)
    damaged = tmp_path / "shards" / "shard_0002_of_0003.npz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    said: list[str] = []
    same(sample(tmp_path, say=said, workers=1), expected)
    assert "shard_0001_of_0003.npz is of other data" in said[0]
    assert "shard_0002_of_0003.npz is damaged" in said[1]
    said.clear()
    same(sample(tmp_path, say=said), expected)
    assert said == ["3 of 3 shards are there from an earlier run"]


def test_memory_bounds_the_workers() -> None:
    one = work().bytes_per_worker / 1e9
    assert "in 2 processes" in plan(work(workers=3, memory=2.5 * one), range(3))
    with pytest.raises(ConfigError, match=r"cmc\.memory"):
        plan(work(workers=3, memory=0.5 * one), range(3))


def test_dask_workers_draw_what_one_process_does(expected: CMCResult) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        same(sample(engine="dask", dask={"scheduler": cluster.scheduler_address}), expected)


def test_job_scripts_need_no_cluster() -> None:
    pytest.importorskip("dask_jobqueue")
    options = {"queue": "short", "cores": 4, "memory": "8GB", "walltime": "00:30:00"}
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
        ({"scheduler": "tcp://127.0.0.1:9"}, "cmc.dask.scheduler"),
    ],
)
def test_a_scheduler_that_is_not_there_is_named(
    dask: dict[str, Any], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setattr("heterodyne_cmc.engine.cluster._CONNECT_S", 1)
    with pytest.raises(ConfigError) as caught:
        list(finished(work(engine="dask", dask=dask), [0]))
    assert named in str(caught.value)
