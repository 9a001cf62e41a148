"""Ends before the end, drawings of a fit before, compiled functions that are not whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heterodyne_nlsq import output
from heterodyne_nlsq.compilation import _Mending
from heterodyne_nlsq.plots import FIGURES
from heterodyne_spec import OutputError

SLOW = """
import time
def work():
    print("at work", flush=True)
    # In short steps: a signal that arrives just before a sleep begins is heard when the sleep is over.
    for _ in range(3000):
        time.sleep(0.02)
{importing}
def main():
    work()
"""


def ended(folder: Path, number: signal.Signals, importing: str = "", shell: str = "") -> tuple[int, str]:
    """Return exit code and errors of a command that was sent a signal at its work, or at an import."""
    (folder / "slow.py").write_text(SLOW.format(importing=importing))
    # What starts the tests in the background may have had them take no notice of Ctrl-C, or of a terminal that closes.
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    heard += "" if shell else "; signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    code = f"{heard}; from heterodyne_report import run_entry_point; sys.exit(run_entry_point('slow'))"
    paths = os.pathsep.join([str(folder), *sys.path])
    command = ["bash", "-c", f'{shell}exec "$0" "$@"', sys.executable, "-c", code]
    run = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "at work\n"
    run.send_signal(number)
    if shell:
        time.sleep(0.3)
        assert run.poll() is None
        run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=60)
    return run.returncode, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("importing", ["", "work()"])
def test_whoever_asks_for_an_end_gets_one_line(number: signal.Signals, importing: str, tmp_path: Path) -> None:
    assert ended(tmp_path, number, importing) == (130, "interrupted\n")


LOST = """
class Library:
    def __del__(self):
        work()
Library()
"""


def test_a_ctrl_c_that_falls_into_a_callback_is_not_lost(tmp_path: Path) -> None:
    assert ended(tmp_path, signal.SIGINT, LOST) == (130, "interrupted\n")


def test_a_command_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    assert ended(tmp_path, signal.SIGHUP, shell="trap '' HUP; ") == (130, "interrupted\n")


def test_drawings_of_a_fit_before_go_when_the_next_is_written(tmp_path: Path) -> None:
    assert tuple(FIGURES) == output.PICTURES
    (tmp_path / "plots").mkdir()
    names = (*(f"plots/{name}.png" for name in output.PICTURES), "plots/posterior_pairs.png", "report.html")

    class Full:
        def save(self, directory: Path) -> Path:
            raise OutputError("full")

    class Saved:
        def save(self, directory: Path) -> Path:
            return directory / "nlsq_result.json"

    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(OutputError):
        output.save_fit(Full(), tmp_path)  # type: ignore[arg-type]
    assert all((tmp_path / name).is_file() for name in names)
    output.save_fit(Saved(), tmp_path)  # type: ignore[arg-type]
    assert [name for name in names if (tmp_path / name).is_file()] == ["plots/posterior_pairs.png"]


def test_compiled_functions_that_are_not_whole_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "heterodyne"
    folder.mkdir()
    shown: list[str] = []
    mending = _Mending(lambda message, *rest: shown.append(str(message)), folder)
    for doing, lines in (("reading", 0), ("writing", 1), ("writing", 0)):
        (folder / "jit_f-0123-cache").touch()
        (folder / "jit_g-0123-cache").touch()
        mending(f"Error {doing} persistent compilation cache entry for 'jit_f': OSError: no room\nmore", UserWarning)
        assert [path.name for path in folder.iterdir()] == ["jit_g-0123-cache"]
        assert capsys.readouterr().err.count("\n") == lines
    mending("something else", UserWarning)
    assert shown == ["something else"]
