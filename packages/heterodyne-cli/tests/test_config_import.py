"""``heterodyne config import``: a file written once, the lists beside it, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterodyne_cli.command import main
from heterodyne_spec import load_config

OLD = """\
analyzer_parameters: {dt: 0.1, start_frame: 1, end_frame: 400, scattering: {wavevector_q: 0.0054}}
experimental_data: {file_path: run12.h5}
parameters:
  angle:
    phi0: {value: 4.0, min: -10.0, max: 10.0, vary: true}
logging: {level: INFO}
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.yaml"
    path.write_text(OLD, encoding="utf-8")
    return path


def test_file_is_written_once_with_the_lists_on_the_terminal(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = old.with_name("config.yaml")
    assert main(["config", "import", str(old), "-o", str(new)]) == 0
    told = capsys.readouterr().out
    for word in (
        "heterodyne",
        "analyzer_parameters.dt",
        "data.dt",
        "Differs",
        "phi0",
        "logging.level",
        f"written: {new}",
    ):
        assert word in told
    assert load_config(new).data.frames == [1, 400]
    new.write_text("data: {q: 0.1}\n", encoding="utf-8")
    assert main(["config", "import", str(old), "-o", str(new)]) == 1
    assert "--force" in capsys.readouterr().err
    assert new.read_text(encoding="utf-8") == "data: {q: 0.1}\n"
    assert main(["config", "import", str(old), "-o", str(new), "--force"]) == 0
    assert load_config(new).data.q == 0.0054


def test_without_a_file_the_configuration_alone_is_on_stdout(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "import", str(old)]) == 0
    captured = capsys.readouterr()
    again = old.with_name("piped.yaml")
    again.write_text(captured.out, encoding="utf-8")
    assert load_config(again).model.parameters["phi0"].value == 4
    assert "Left out" in captured.err


@pytest.mark.parametrize("text", ["analyzer_parameters:\n\tdt: 1\n", "title: none\n", "data: {q: 0.1}\n"])
def test_unusable_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["config", "import", str(path), "-o", str(tmp_path / "new.yaml")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "new.yaml").exists()
