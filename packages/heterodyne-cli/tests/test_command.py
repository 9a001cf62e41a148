"""The command's own part: dispatch, configuration template, methods that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterodyne_cli import command
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
