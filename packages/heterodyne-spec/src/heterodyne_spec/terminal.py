"""What all commands of the project share: exit codes, one-line errors, a quiet end."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

from heterodyne_spec.errors import HeterodyneError

DONE, FAILED, NOT_CONVERGED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; error; the fit did not converge; interrupted."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and end with 1: 2 means "not converged" in this project's commands.

    `examples` are command lines that end the help.
    """

    def __init__(self, *, examples: Sequence[str] = (), **settings: Any):
        if examples:
            epilog = "\n".join(["examples:", *(f"  {line}" for line in examples)])
            settings = {"epilog": epilog, "formatter_class": argparse.RawDescriptionHelpFormatter, **settings}
        # An abbreviation that works today is another option's tomorrow.
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"error: {message}; see {self.prog} --help\n")


def run_command(
    run: Callable[[], int], debug: bool = False, failed: Callable[[str], None] = lambda message: None
) -> int:
    """Return what `run` returns; whatever goes wrong becomes one line on stderr and an exit code.

    `failed` is called with that line, too.
    """
    try:
        code = run()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader has seen enough; without this the interpreter complains when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; files written before are complete", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f"error: {said_of(error)}", file=sys.stderr)
        failed(said_of(error))
        return FAILED


def said_of(error: Exception) -> str:
    """Return the line in which an error is told."""
    if isinstance(error, HeterodyneError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; use fewer frames (data.frames) or angles (data.phi)"
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]}; please report it with --debug"


def use_utf8() -> None:
    """Write UTF-8 with plain line ends: units are Å and °, exports are hashed, neither may depend on the terminal."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")


class StatusLine:
    """One line that is written over on a terminal; in a log, a line every `pause` seconds (by default none)."""

    def __init__(self, stream: TextIO, pause: float = math.inf):
        self._stream, self._pause, self._last = stream, pause, time.monotonic()

    def show(self, text: str) -> None:
        """Show `text` in place of what stood there."""
        if self._stream.isatty():
            self._stream.write(f"\r\033[K{text}")
            self._stream.flush()
        elif (now := time.monotonic()) - self._last >= self._pause:
            self._last = now
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Clear the line."""
        if self._stream.isatty():
            self._stream.write("\r\033[K")
            self._stream.flush()
