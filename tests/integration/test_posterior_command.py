"""What ``--method cmc`` does around the sampling: job scripts, and an end before its time."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made import fit_result, posterior_result

from heterodyne_cli import command, joint_posterior, posterior
from heterodyne_cmc.joint.result import JointPosterior, PosteriorMember
from heterodyne_report import Console

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


def test_validate_tells_what_a_posterior_cannot_be_made_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("scaling: {fourier: 1}\n")
    assert command.main(["validate", str(path)]) == 0
    said = capsys.readouterr().out
    assert "valid configuration" in said
    assert "valid for a fit, but not for --method cmc: scaling: found" in said


def test_point_estimates_have_no_job(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["--data", "missing.h5", "--preview-job"])
    assert stop.value.code == 1
    assert "--method cmc" in capsys.readouterr().err


def test_a_posterior_shows_what_goes_on_before_and_after_its_shards(capsys: pytest.CaptureFixture[str]) -> None:
    with Console(machine=True).progress() as shown:
        progress = posterior.SamplingProgress(shown)
        progress(1, 2, 0, 5.0)  # too soon after the first to be told
        progress(2, 2, 3, 0.0)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["stage"] for event in events] == ["preparing the sampling", "combining"]
    assert events[1]["text"] == "2 of 2 shards done, 3 divergences; combining them: 0 s"
    with Console(machine=True).progress() as shown:
        posterior.SamplingProgress(shown)(1, 1, 0, 0.0)
    text = json.loads(capsys.readouterr().out.splitlines()[-1])["text"]
    assert text == "100 % done, 0 divergences; putting the result together: 0 s"


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
    assert "before any shard was finished; rerun the same command to start again" in error
    shards = tmp_path / "results" / "shards"
    shards.mkdir(parents=True)
    (shards / "shard_0001_of_0004.npz").touch()
    assert command.main([*arguments, "--nlsq-result", "results"]) == 130
    kept = f"kept in {tmp_path / 'results'}: 1 finished shard; rerun the same command to resume"
    assert kept in capsys.readouterr().err
    assert given["directory"] == tmp_path / "results"


@pytest.mark.usefixtures("undrawn")
def test_a_posterior_leaves_one_report_with_the_fit_that_it_started_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(posterior, "read_measurement", lambda *_: None)
    monkeypatch.setattr(posterior, "plan_of_sampling", lambda *_: ["would sample"])
    monkeypatch.setattr(posterior, "fit_cmc_jax", lambda *_, **__: posterior_result())
    start, output = fit_result().save(tmp_path / "fit"), tmp_path / "out"
    arguments = ["--data", "m.h5", "--method", "cmc", "--nlsq-result", str(start), "--output", str(output)]
    asked = [*arguments, "--set", "output.plots=false"]
    assert command.main([*asked, "--dry-run"]) == 0
    assert f"would write: {output / 'cmc_result.nc'}, {output / 'report.html'}\n" in capsys.readouterr().out
    assert command.main(asked) == 0
    assert {path.name for path in output.iterdir()} == {"cmc_result.nc", "report.html"}
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "Posterior: parameters" in page
    assert "Point estimate: parameters" in page
    # The command line of this run, not of the one that the result was made by.
    assert "--nlsq-result" in page
    bare = [*asked[:-3], str(tmp_path / "bare"), *asked[-2:], "--set", "output.report=false"]
    assert command.main(bare) == 0
    assert [path.name for path in (tmp_path / "bare").iterdir()] == ["cmc_result.nc"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--share", "v", "--nlsq-result", "together"], "what is common is that of the joint fit"),
        (["--dry-run"], "m.h5: no such file"),
        (["--dry-run", "--nlsq-result", "together"], "together/joint_result.json"),
    ],
)
def test_a_joint_posterior_refuses_what_it_cannot_use_also_in_a_dry_run(
    options: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main(["--data", "m.h5", "n.h5", "--joint", "--method", "cmc", *options]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error


def test_programs_are_told_the_posterior_of_several_measurements() -> None:
    member = PosteriorMember("q = 0.0054", posterior_result())
    result = JointPosterior(True, "usable", ("v0",), (member, replace(member, label="q = 0.0081")), "exact")
    told = json.loads(json.dumps(joint_posterior.joint_posterior_event(result)))
    assert told["members"] == ["q = 0.0054", "q = 0.0081"] == list(told["parameters"])
    assert [row["name"] for row in told["common"]] == ["v0"]
    assert told["common"][0]["mean"] == member.posterior.row("v0").mean
    assert told["r_hat"] == member.posterior.diagnostics.r_hat


@pytest.mark.parametrize(
    ("options", "kept", "words"),
    [
        ([], "", "the joint fit is in out: add --nlsq-result out to sample from there"),
        ([], "1 of 2 shards", "kept in out: 1 of 2 shards; rerun the same command to resume"),
        (["--nlsq-result", "together"], "", "before any shard was finished; rerun the same command to start again"),
    ],
)
def test_an_interrupted_joint_posterior_says_how_to_go_on(
    options: list[str],
    kept: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(joint_posterior, "fit_command", lambda *_: 0)
    monkeypatch.setattr(joint_posterior, "kept_so_far", lambda _: kept)
    monkeypatch.setattr(joint_posterior.JointResult, "load", interrupted)
    asked = ["--data", "m.h5", "n.h5", "--joint", "--method", "cmc", "--output", "out", *options]
    assert command.main(asked) == 130
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error
