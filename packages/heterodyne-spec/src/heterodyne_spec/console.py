"""What a command tells: lines for people, JSON lines for machines (``--json``), or errors only (``--quiet``)."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TextIO

from heterodyne_spec.plain import plain
from heterodyne_spec.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    NOT_CONVERGED,
    StatusLine,
    complain,
    run_command,
    silence,
)

type Mood = Literal["good", "bad", "caution", "head"]

_COLOURS: Mapping[Mood, str] = {"good": "32", "bad": "31", "caution": "33", "head": "1"}
_PAUSE, _PAUSE_OF_EVENTS = 20.0, 0.5
"""Seconds between two lines of progress in a log, and between two for machines."""


def add_console_arguments(parser: argparse.ArgumentParser) -> None:
    """Add to `parser` how much is told, and to whom; all commands take the same."""
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("--quiet", action="store_true", help="print errors only")
    how_much.add_argument("--verbose", action="store_true", help="print more: times, versions, settings")
    how_much.add_argument("--json", action="store_true", help="print JSON lines for machines, one event each")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


class Console:
    """The terminal, log or program that reads what a command prints.

    With `machine`, standard output holds nothing but JSON objects, one a line, each with its kind under ``event``; the
    last is ``{"event": "end", "exit_code": ...}``.
    """

    def __init__(
        self, *, quiet: bool = False, verbose: bool = False, machine: bool = False, debug: bool = False
    ) -> None:
        self.quiet, self.verbose, self.machine, self.debug = quiet, verbose, machine, debug
        self._lost = ""

    @classmethod
    def of(cls, args: argparse.Namespace) -> Console:
        """Return the console that the arguments of `add_console_arguments` ask for."""
        return cls(quiet=args.quiet, verbose=args.verbose, machine=args.json, debug=args.debug)

    def say(self, text: str) -> None:
        """Print `text` for people."""
        if not (self.quiet or self.machine):
            self._print(text)

    def detail(self, text: str) -> None:
        """Print `text` for people who want to know more."""
        if self.verbose:
            self.say(text)

    def tell(self, event: str, **fields: Any) -> None:
        """Print an event for machines; numbers that are not finite become null."""
        if self.machine:
            self._print(json.dumps({"event": event, **plain(fields)}, ensure_ascii=False))

    def _print(self, line: str) -> None:
        """Print a line; where nobody reads it, or it finds no room, the work goes on: its results are files."""
        try:
            print(line, flush=True)
        except BrokenPipeError:
            silence(sys.stdout)
        except OSError as error:
            silence(sys.stdout)
            self._lost = error.strerror or str(error)

    def paint(self, text: str, mood: Mood) -> str:
        """Return `text` in a colour where standard output is a terminal that shows them (see no-color.org)."""
        return f"\033[{_COLOURS[mood]}m{text}\033[0m" if _coloured(sys.stdout) else text

    def progress(self, pause: float = _PAUSE) -> Progress:
        """Return where progress is shown: a line that is written over, or lines `pause` seconds apart in a log."""
        return Progress(self, pause)

    def run(self, run: Callable[[], int]) -> int:
        """Return what `run` returns; whatever goes wrong becomes one line on stderr and an exit code."""
        code = run_command(run, self.debug, lambda message: self.tell("error", message=message))
        if code == INTERRUPTED:
            self.tell("interrupted")
        self.tell("end", exit_code=code)
        if self._lost and code in (DONE, NOT_CONVERGED):
            complain(f"error: standard output cannot be written ({self._lost}); the files of results are complete")
            return FAILED
        return code


class Progress:
    """Progress of one piece of work, for people on stderr, for machines among the events; silent with ``--quiet``."""

    def __init__(self, console: Console, pause: float):
        self._console, self._line, self._told = console, StatusLine(sys.stderr, pause), -math.inf

    def show(self, text: str, **fields: Any) -> None:
        """Show how far the work is: `text` for people, `fields` for machines."""
        if not (self._console.quiet or self._console.machine):
            self._line.show(text)
        elif (now := time.monotonic()) - self._told >= _PAUSE_OF_EVENTS:
            self._told = now
            self._console.tell("progress", text=text, **fields)

    def clear(self) -> None:
        """Clear the line, so that another can be printed."""
        self._line.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *ending: object) -> None:
        self.clear()


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
