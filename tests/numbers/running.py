"""A command run in this process as a user would run it, and what is wrong with how it ended."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from heterodyne_cli import command
from heterodyne_spec import DONE, FAILED, NOT_CONVERGED


@dataclass(frozen=True)
class Ending:
    """Exit code, what was printed, and the lines on the error stream (warnings among them)."""

    code: int
    said: str
    errors: tuple[str, ...]


def run(arguments: Sequence[str]) -> Ending:
    """Return how ``heterodyne ARGUMENTS`` ends."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        # Whatever a user would see, however often it has been said in this process.
        warnings.simplefilter("always")
        # Tests beside this one share the folder of compiled functions.
        warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
        try:
            code = command.main(list(arguments))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Ending(code, out.getvalue(), tuple(line for line in err.getvalue().splitlines() if line.strip()))


def faults(ending: Ending) -> list[str]:
    """Return what is wrong with an ending whatever was asked for: no fault when it is clear and tells no lie."""
    found = []
    if ending.code not in (DONE, FAILED, NOT_CONVERGED):
        found.append(f"exit code {ending.code}")
    if ending.code == FAILED and len(ending.errors) != 1:
        found.append(f"{len(ending.errors)} lines of error: {' / '.join(ending.errors)[:300]}")
    if ending.code != FAILED and ending.errors:
        found.append(f"lines on the error stream: {' / '.join(ending.errors)[:300]}")
    if any("unexpected" in line or "Traceback" in line for line in ending.errors):
        found.append(ending.errors[0][:300])
    return found
