"""Complete files or none, also where a process was killed, and streams that lead nowhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heterodyne_spec import OutputError
from heterodyne_spec.files import check_written, text_writer, write_text, write_together

HALF = """
import os, signal, sys, pathlib
from heterodyne_spec.files import write_atomically
def half(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
write_atomically(pathlib.Path(sys.argv[1]), half)
"""


def test_what_a_killed_process_has_half_written_is_gone_after_the_next_write(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a[1].json", "before")
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", HALF, path], check=False)
        assert killed.returncode == -signal.SIGKILL
    left = {found.name for found in tmp_path.iterdir()} - {path.name}
    assert len(left) == 1  # that of the first was removed by the second
    assert left.pop().startswith(".")
    assert path.read_text() == "before"
    # One of a process that is at work, and what is not ours, stay.
    others = [tmp_path / f".a[1].json.{mark}" for mark in (f"00000000-{os.getpid()}-0000.json", "swp")]
    for other in others:
        other.touch()
    write_text(path, "after")
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])
    assert path.read_text() == "after"


def test_files_that_belong_together_are_replaced_together_or_not_at_all(tmp_path: Path) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    first, second = tmp_path / "a.json", tmp_path / "b.json"
    write_together({first: text_writer("1"), second: text_writer("1")})
    with pytest.raises(OutputError, match=r"b\.json: cannot be written .*nothing was changed"):
        write_together({first: text_writer("2"), second: full})
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["1", "1"]


def test_files_are_for_everyone_whom_the_umask_admits(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write_text(tmp_path / "a.json", "")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_was_removed_meanwhile_is_told(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.json", "")
    check_written([path])
    path.unlink()
    with pytest.raises(OutputError, match=r"a\.json: was deleted after it was written"):
        check_written([path])
