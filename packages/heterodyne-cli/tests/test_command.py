"""The command's own part: dispatch, configuration template, methods that are missing, what a shell completes."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heterodyne_cli import command
from heterodyne_cli.commands import SUBCOMMANDS
from heterodyne_data import TwoTimeData, save_data
from heterodyne_nlsq import command as nlsq_command
from heterodyne_spec import load_config


def test_config_writes_a_valid_configuration_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    assert command.main(["config", str(path)]) == 0
    assert load_config(path).data.q_tolerance == 0.02
    path.write_text("data: {q: 0.0054}\n")
    assert command.main(["config", str(path)]) == 1
    assert "--force" in capsys.readouterr().err
    assert path.read_text() == "data: {q: 0.0054}\n"
    assert command.main(["config", str(path), "--force"]) == 0
    assert "q_tolerance" in path.read_text()


def test_config_to_the_terminal_is_the_same_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["config", str(tmp_path / "config.yaml")])
    capsys.readouterr()
    assert command.main(["config"]) == 0
    assert capsys.readouterr().out == (tmp_path / "config.yaml").read_text()


def test_validate_says_where_settings_are_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("data: {q: 0.0054}\n")
    assert command.main(["validate", str(path), "--set", "data.bins=pixels"]) == 0
    assert "--set, --q and --dt are ignored; they apply only to measurements" in capsys.readouterr().out
    assert command.main(["validate", str(path)]) == 0
    assert "not used" not in capsys.readouterr().out


def test_validate_names_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("data: {qq: 0.0054}\nmodel: {parameters: {v0: {value: -3}}}\n")
    assert command.main(["validate", str(path)]) == 1
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert "did you mean 'q'" in text
    assert "model.parameters.v0.value" in text


def test_missing_measurement_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--data", str(tmp_path / "missing.h5"), "--method", "nlsq"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_posteriors_need_their_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert command.main(["--data", "m.h5", "--method", "cmc"]) == 1
    assert "heterodyne-cli[cmc]" in capsys.readouterr().err


def test_unknown_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["--method", "magic", "--data", "m.h5"])
    assert stop.value.code == 1
    assert "invalid choice" in capsys.readouterr().err
    for main in (command.main, nlsq_command.main):
        with pytest.raises(SystemExit) as stop:
            main(["--dat", "m.h5"])
        assert stop.value.code == 1
        assert capsys.readouterr().err.startswith("error: unknown option --dat; did you mean '--data'?")


@pytest.fixture
def measurement(tmp_path: Path) -> Path:
    path = tmp_path / "m.h5"
    c2 = np.full((2, 30, 30), 1.1) + 0.01 * (np.eye(30, k=2) + np.eye(30, k=-2))
    save_data(path, TwoTimeData(c2=c2, t=0.1 * np.arange(1, 31), q=0.005, phi=[0.0, 90.0], dt=0.1))
    return path


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    measurement: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    asked = ["--data", str(measurement), "--output", str(tmp_path / "out"), "--dry-run"]
    held = ["--set", "model.parameters.phi0.vary=false", "--set", "data.frames=[1, 20]"]
    assert command.main([*asked, *held]) == 0
    said = capsys.readouterr().out
    assert "2 angles x 20 frames" in said
    assert "fixed: f2, phi0" in said
    assert str(tmp_path / "out" / "report.html") in said
    assert set(tmp_path.iterdir()) == before
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "nlsq_result.json").write_text("{}")
    assert command.main([*asked, "--json"]) == 0
    kinds = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["progress", "measurement", "plan", "end"]
    assert command.main(asked) == 0
    assert "would replace: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.qq=1", "did you mean 'q'"),
        ("data.q", "such as data.q=0.0054"),
        ("data.q=[1", "--set data.q"),
        ("output.plots.more=1", "--set output.plots.more"),
        ("model.parameters.v0.value=-3", "model.parameters.v0.value"),
        ("data.frames=[1,4]", "too few valid pairs of frames for 17 fitted values (fewest, 6, at phi = 0)"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_line(
    setting: str, words: str, measurement: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("output: {plots: true}\n")
    arguments = ["--data", str(measurement), "--config", str(config), "--set", setting, "--dry-run"]
    assert command.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error


def test_options_before_a_subcommand_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["--quiet", "config"])
    assert stop.value.code == 1
    assert "after the subcommand" in capsys.readouterr().err


def test_the_fit_alone_knows_the_subcommands_that_it_has_not() -> None:
    assert set(nlsq_command.SUBCOMMANDS) == {one.name for one in SUBCOMMANDS}


def test_every_subcommand_has_help_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for one in SUBCOMMANDS:
        with pytest.raises(SystemExit):
            command.main([one.name, "--help"])
        text = capsys.readouterr().out
        assert all(example in text for example in one.examples)
        assert one.examples


def test_bash_completes_subcommands_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = tmp_path / "completion.bash"
    assert command.main(["completion", "bash"]) == 0
    script.write_text(capsys.readouterr().out)
    ask = 'source "$0"; COMP_WORDS=(heterodyne $1); COMP_CWORD=$#; _shtab_heterodyne; echo "${COMPREPLY[@]}"'
    for typed, expected in (("ins", "inspect"), ("--dry", "--dry-run")):
        done = subprocess.run([bash, "-c", ask, script, typed], capture_output=True, text=True, check=True)
        assert expected in done.stdout.split()
    for shell in ("zsh", "fish"):
        assert command.main(["completion", shell]) == 0
        text = capsys.readouterr().out
        assert "simulate" in text
        assert "dry-run" in text


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("data: {qq: 1}\n")
    code = [sys.executable, "-m", "heterodyne_cli.command", "validate", str(bad)]
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}

    def on_terminal(**more: str) -> bytes:
        leader, follower = pty.openpty()
        subprocess.run(code, stdout=follower, stderr=follower, check=False, env=environment | more)
        os.close(follower)
        shown = os.read(leader, 100_000)
        os.close(leader)
        return shown

    assert b"\033[31m" in on_terminal()
    assert b"\033[" not in on_terminal(NO_COLOR="1")
    assert b"\033[" not in subprocess.run(code, capture_output=True, check=False, env=environment).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("m.h5", "to inspect it: heterodyne inspect m.h5; to fit it: heterodyne --data m.h5"),
        ("inspct m.h5", "unknown subcommand inspct; did you mean 'inspect'?"),
        ("inspect m.h5 --pictur a.png", "unknown option --pictur; did you mean '--picture'?; see heterodyne inspect"),
        ("watch . --evry 3", "unknown option --evry; did you mean '--every'?"),
        ("-data m.h5", "unknown option -data; did you mean '--data'?"),
        ("--data m.h5 --data n.h5", "--data is given twice"),
        ("inspect m.h5 --q 0.005 --q 0.006", "--q is given twice"),
        ("--data m.h5 inspect", "--data precedes inspect: put options after the subcommand"),
        ("validate m.h5 --picture n.png", "--picture"),
    ],
)
def test_what_cannot_be_meant_is_never_half_obeyed(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(arguments.split())
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_two_measurements_are_for_a_batch_or_a_joint_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--data", "m.h5", "n.h5"]) == 1
    error = capsys.readouterr().err
    assert "found 2 files, expected one measurement; a fit takes one file" in error
    assert "to fit them together add --joint; to fit each: heterodyne batch m.h5 n.h5" in error
