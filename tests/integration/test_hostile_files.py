"""A short session of ``nox -s fuzz``: hostile files of every kind, each refused in one line or read rightly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "fuzz"


def test_hostile_files_are_refused_in_one_line_or_read_rightly():
    options = ("--seed", "8", "--inputs", "50", "--workers", "1")
    done = subprocess.run([sys.executable, str(PROGRAM), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = done.stdout.splitlines()[-1].split()
    print(done.stdout)
    assert counts[:2] == ["all", "50"]
    # Neither all nor none: both ways of ending well occur, and often.
    assert int(counts[2]) > 8
    assert int(counts[3]) > 8
