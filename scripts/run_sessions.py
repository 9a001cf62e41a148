"""Run all default sessions of nox, two at a time: ``make test``.

    python scripts/run_sessions.py [--jobs N]

The longest begin first, so that both ends come together. The output of a session is printed when it has ended.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOX = (str(Path(sys.executable).parent / "nox"), "--non-interactive", "--error-on-missing-interpreters")
LONGEST = (
    "tests(heterodyne-nlsq)",
    "integration",
    "tests(heterodyne-cmc)",
    "snippets",
    "tests(heterodyne-physics-meshgrid)",
    "tests(heterodyne-cli)",
    "docs",
    "compat",
    "tests(heterodyne-data)",
)
"""What begins first; the order of the others hardly matters."""


@dataclass(frozen=True)
class Ending:
    """How a session ended, and how long it took in seconds."""

    session: str
    code: int
    seconds: float


def sessions() -> list[str]:
    """Return the names of the default sessions, the longest first."""
    listed = subprocess.run([*NOX, "--list-sessions", "--json"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    found = [row["session"] for row in json.loads(listed)]
    return [*(name for name in LONGEST if name in found), *(name for name in found if name not in LONGEST)]


def run(session: str) -> Ending:
    """Run a session and print its output."""
    began = time.monotonic()
    print(f"begun: {session}", flush=True)
    # A second process of its tests would only compile what the first does: the other core has another session.
    environment = {**os.environ, "TEST_PROCESSES": "1"}
    command = [*NOX, "--session", session]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ending = Ending(session, done.returncode, time.monotonic() - began)
    sys.stdout.buffer.write(b"\n" + done.stdout + f"ended: {_line(ending)}\n\n".encode())
    sys.stdout.flush()
    return ending


def _line(ending: Ending) -> str:
    return f"{ending.session}, {ending.seconds:.0f} s{', FAILED' if ending.code else ''}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sessions and return 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="sessions at a time (2)")
    jobs = parser.parse_args(argv).jobs
    with ThreadPoolExecutor(jobs) as pool:
        endings = list(pool.map(run, sessions()))
    print(*(_line(ending) for ending in endings), sep="\n")
    return int(any(ending.code for ending in endings))


if __name__ == "__main__":
    sys.exit(main())
