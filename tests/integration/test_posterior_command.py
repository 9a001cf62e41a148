"""What ``--method cmc`` does around the sampling: job scripts, and an end before its time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from heterodyne_cli import command, posterior

CONFIG = """
cmc:
  engine: dask
  dask:
    cluster: slurm
    options: {queue: short, cores: 4, memory: 16GB, walltime: "02:00:00"}
"""


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return ["--config", str(path), "--data", "missing.h5", "--method", "cmc", "--output", str(tmp_path / "results")]


def test_job_scripts_are_printed_without_data_and_cluster(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dask_jobqueue", reason="heterodyne-cmc[dask] is not installed")
    assert command.main([*arguments, "--preview-job"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#!")
    assert "#SBATCH -p short" in script
    assert "#SBATCH -t 02:00:00" in script


def test_job_scripts_without_dask_say_what_to_install(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    assert command.main([*arguments, "--preview-job"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "heterodyne-cmc[dask]" in error


def test_point_estimates_have_no_job(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["--data", "missing.h5", "--preview-job"])
    assert stop.value.code == 1
    assert "--method cmc" in capsys.readouterr().err


def test_interrupted_runs_say_how_to_go_on(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}

    def interrupted(*_: object, **options: Any) -> None:
        given.update(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(posterior, "fit_cmc_jax", interrupted)
    monkeypatch.setattr(posterior, "read_measurement", lambda *_: None)
    monkeypatch.setattr(posterior.NLSQResult, "load", lambda path: None)
    assert command.main([*arguments, "--nlsq-result", "results"]) == 130
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "run the same command again" in error
    # Where finished shards are kept.
    assert given["directory"] == tmp_path / "results"
