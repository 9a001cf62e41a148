"""The command: exit codes, one-line errors, complete files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest
from conftest import at, make, values
from jax.experimental.compilation_cache import compilation_cache

from heterodyne_data import NLSQResult, save_data
from heterodyne_nlsq import command, fit
from heterodyne_spec import DONE, FAILED, INTERRUPTED, NOT_CONVERGED


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    names = ("cache_dir", "min_compile_time_secs", "min_entry_size_bytes")
    settings = ["jax_compilation_" + names[0], *("jax_persistent_cache_" + name for name in names[1:])]
    before = {name: getattr(jax.config, name) for name in settings}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    # JAX keeps the cache that it has opened: later tests would use the folder of this one.
    compilation_cache.reset_cache()


@pytest.fixture
def measurement(tmp_path: Path) -> Path:
    return save(tmp_path)


def save(folder: Path) -> Path:
    path = folder / "measurement.h5"
    save_data(path, make(noise=0.02), layout="aps-u")
    return path


def configuration(folder: Path, **sections: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(at(values(), **sections)))
    return path


@pytest.mark.usefixtures("undrawn")
def test_fit_from_file_to_files(measurement: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    arguments = ["--data", str(measurement), "--config", str(configuration(tmp_path)), "--output", str(output)]
    assert command.main(arguments) == DONE
    printed = capsys.readouterr().out
    assert "3 angles x 120 frames" in printed
    assert "not determined" in printed
    assert {p.name for p in output.iterdir()} == {"nlsq_result.json", "nlsq_result.h5", "plots", "report.html"}
    for name in ("maps", "curves", "functions"):
        assert (output / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    result = NLSQResult.load(output)
    assert result.success
    assert result.data.provenance["file"] == "measurement.h5"
    assert len(str(result.data.provenance["sha256"])) == 64
    assert result.command.startswith("heterodyne-nlsq --data ")
    with h5py.File(output / "nlsq_result.h5") as file:
        residual = file["maps/residual"][()]
        np.testing.assert_allclose(residual, file["maps/c2"][()] - file["maps/model"][()], atol=1e-6)
    page = (output / "report.html").read_text()
    # Four functions, three maps and curves of every angle.
    assert page.count("<img ") == 4 + 3 * 3 + 3
    assert 'src="http' not in page
    assert "the velocity" in page
    assert "phi0" in page
    assert str(result.data.provenance["sha256"]) in page


@pytest.mark.slow
def test_without_configuration(measurement: Path, tmp_path: Path) -> None:
    code = command.main(["--data", str(measurement), "--output", str(tmp_path / "out"), "--quiet"])
    assert code in (DONE, NOT_CONVERGED)
    assert (tmp_path / "out" / "nlsq_result.json").is_file()


def test_not_converged_has_its_exit_code(measurement: Path, tmp_path: Path) -> None:
    settings = configuration(tmp_path, nlsq={"max_iterations": 1}, output={"plots": False, "report": False})
    output = tmp_path / "out"
    arguments = ["--data", str(measurement), "--config", str(settings), "--output", str(output)]
    assert command.main(arguments) == NOT_CONVERGED
    assert {p.name for p in output.iterdir()} == {"nlsq_result.json", "nlsq_result.h5"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "missing.h5"], ["missing.h5"]),
        (["--data", "measurement.h5", "--q", "0.02"], ["0.0054", "0.02"]),
        (["--data", "measurement.h5", "--config", "missing.yaml"], ["missing.yaml"]),
        (["--data", "measurement.h5", "--config", "bad.yaml"], ["line 2", "duplicate key"]),
        (["--data", "bad.yaml"], ["bad.yaml"]),
        (["--data", "measurement.h5", "--output", "bad.yaml"], ["bad.yaml"]),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str],
    words: list[str],
    measurement: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(measurement.parent)
    (measurement.parent / "bad.yaml").write_text("data: {q: 0.0054}\ndata: {q: 0.0081}\n")
    quick = ["--quiet"] if "--config" in arguments else ["--quiet", "--config", str(configuration(measurement.parent))]
    assert command.main([*arguments, *quick]) == FAILED
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert all(word in captured.err for word in words), captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["inspect", "my file.h5"], "inspect is a subcommand"),
        (["batch", "a.h5", "--q", "all"], "batch is a subcommand"),
        (["--quiet", "report", "results"], "report is a subcommand"),
        (["--data", "a.h5", "--method=cmc"], "--method is an option"),
    ],
)
def test_what_the_command_heterodyne_does_is_refused_with_the_way_to_it(
    arguments: list[str], word: str, there: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: there or None)
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert stop.value.code == FAILED
    error = capsys.readouterr().err
    assert error.startswith(f"error: {word} of heterodyne, not of heterodyne-nlsq; ")
    assert error.endswith(f"run: heterodyne {shlex.join(arguments)}\n")
    assert ("pip install heterodyne-cli" in error) is not there
    assert error.count("\n") == 1


def test_other_words_are_refused_and_the_help_names_the_other_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, text in (
        (["--output", "report", "extra"], "unrecognized arguments: extra"),
        (["m.h5"], "unrecognized arguments: m.h5; a measurement is given as --data m.h5"),
        (["--help"], ""),
    ):
        with pytest.raises(SystemExit):
            command.main(arguments)
        captured = capsys.readouterr()
        assert text in captured.err
    assert "pip install heterodyne-cli" in captured.out


def test_interrupt_leaves_nothing_half_done(
    measurement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "fit_nlsq_jax", interrupted)
    output = tmp_path / "out"
    assert command.main(["--data", str(measurement), "--output", str(output)]) == INTERRUPTED
    assert not output.exists()
    assert "interrupted" in capsys.readouterr().err
