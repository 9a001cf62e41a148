"""Command output: text for people, JSON lines for programs (``--json``), or errors only (``--quiet``).

Why not rich: a table is eight lines here; rich takes 7 MB with its dependencies, and in a log it breaks or cuts the
cells of tables wider than 80 columns.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal, TextIO

from heterodyne_data import to_json_values
from heterodyne_report.notebook_line import NotebookLine, notebook_line
from heterodyne_spec import DONE, FAILED, INTERRUPTED, NOT_CONVERGED, print_error, run_command, silence_stream

type Mood = Literal["good", "bad", "caution", "head"]

_COLOURS: Mapping[Mood, str] = {"good": "32", "bad": "31", "caution": "33", "head": "1"}
_PAUSE, _PAUSE_OF_EVENTS = 20.0, 0.5
"""Seconds between progress lines in a log, and between progress events for programs."""
_NO_BREAK = "\N{NO-BREAK SPACE}"
_BEAT = 0.5
"""Seconds between updates of an elapsed time on a terminal."""


def add_console_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the output options, which are the same for all commands, to `parser`."""
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("--quiet", action="store_true", help="print errors only")
    how_much.add_argument("--verbose", action="store_true", help="print more: times, versions, settings")
    how_much.add_argument("--json", action="store_true", help="print JSON lines for programs, one event per line")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


class Console:
    """Output of a command to a terminal, a log or a program.

    With `machine`, standard output contains only JSON objects, one per line, each with its kind under ``event``; the
    last is ``{"event": "end", "exit_code": ...}``.
    """

    def __init__(
        self, *, quiet: bool = False, verbose: bool = False, machine: bool = False, debug: bool = False
    ) -> None:
        self.quiet, self.verbose, self.machine, self.debug = quiet, verbose, machine, debug
        self._lost = ""
        self._shown: Progress | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> Console:
        """Return the console for parsed arguments of `add_console_arguments`."""
        return cls(quiet=args.quiet, verbose=args.verbose, machine=args.json, debug=args.debug)

    def say(self, text: str) -> None:
        """Print `text` for people."""
        if not (self.quiet or self.machine):
            self._print(text)

    def detail(self, text: str) -> None:
        """Print `text` for people with ``--verbose``."""
        if self.verbose:
            self.say(text)

    def tell(self, event: str, **fields: Any) -> None:
        """Print an event for programs; numbers that are not finite become null."""
        if self.machine:
            self._print(json.dumps({"event": event, **to_json_values(fields)}, ensure_ascii=False))

    def _print(self, line: str) -> None:
        """Print a line. If standard output is closed or full, work continues, since the results are files."""
        if self._shown is not None:
            self._shown.clear()
        try:
            print(line, flush=True)
        except BrokenPipeError:
            silence_stream(sys.stdout)
        except OSError as error:
            silence_stream(sys.stdout)
            self._lost = error.strerror or str(error)

    def paint(self, text: str, mood: Mood) -> str:
        """Return `text` in colour if standard output is a terminal with colours (see no-color.org)."""
        return f"\033[{_COLOURS[mood]}m{text}\033[0m" if _coloured(sys.stdout) else text

    def progress(self, pause: float = _PAUSE) -> Progress:
        """Return a progress display: a line that is overwritten, or lines `pause` seconds apart in a log."""
        return Progress(self, pause)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show the name and elapsed time of a long step that reports no progress."""
        begin = time.monotonic()
        with self.progress() as shown:
            shown.keep(lambda: f"{name}: {time.monotonic() - begin:.0f} s", at_once=True, stage=name)
            yield

    def run(self, run: Callable[[], int]) -> int:
        """Return the exit code of `run`; an exception becomes one line on stderr and an exit code."""
        code = run_command(run, self.debug, lambda message: self.tell("error", message=message))
        if code == INTERRUPTED:
            self.tell("interrupted")
        self.tell("end", exit_code=code)
        if self._lost and code in (DONE, NOT_CONVERGED):
            print_error(f"error: cannot write to standard output ({self._lost}); the result files are complete")
            return FAILED
        return code


class Progress:
    """Progress of a task: on stderr or in a notebook cell for people, as events for programs, nothing with ``--quiet``.

    Other output of the console is printed on separate lines.
    """

    def __init__(self, console: Console, pause: float):
        self._console, self._told = console, -math.inf
        self._line: StatusLine | NotebookLine = notebook_line() or StatusLine(sys.stderr, pause)
        self._lock, self._ended = threading.RLock(), threading.Event()
        self._text: Callable[[], str] | None = None
        self._beats: threading.Thread | None = None

    def show(self, text: str, **fields: Any) -> None:
        """Show progress: `text` for people, `fields` for programs."""
        if self._for_people():
            with self._lock:
                self._text = None
                self._line.show(text)
        else:
            self._tell(text, fields, _PAUSE_OF_EVENTS)

    def keep(self, text: Callable[[], str], *, at_once: bool = False, **fields: Any) -> None:
        """Show the result of `text`, updated every half second until something else is shown.

        For long steps that report no progress: `text` shows the elapsed time. With `at_once`, the event for programs is
        printed regardless of the time since the previous event.
        """
        if not self._for_people():
            self._tell(text(), fields, 0.0 if at_once else _PAUSE_OF_EVENTS)
            return
        with self._lock:
            self._text = text
            self._line.show(text())
        if self._beats is None:
            self._beats = threading.Thread(target=self._beat, daemon=True)
            self._beats.start()

    def _for_people(self) -> bool:
        return not (self._console.quiet or self._console.machine)

    def _tell(self, text: str, fields: Mapping[str, Any], pause: float) -> None:
        if (now := time.monotonic()) - self._told >= pause:
            self._told = now
            self._console.tell("progress", text=text, **fields)

    def _beat(self) -> None:
        while not self._ended.wait(_BEAT):
            with self._lock:
                if self._text is not None and not self._ended.is_set():
                    # The stream may have been closed.
                    with suppress(ValueError):
                        self._line.show(self._text())

    def clear(self) -> None:
        """Clear the line before other output."""
        with self._lock:
            self._line.close()

    def __enter__(self) -> Progress:
        self._console._shown = self
        return self

    def __exit__(self, *ending: object) -> None:
        self._console._shown = None
        self._ended.set()
        self.clear()


def time_left(seconds: float | None) -> str:
    """Return the remaining time in words."""
    if seconds is None or not math.isfinite(seconds):
        return "remaining time not known yet"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"about {hours} h {minutes:02d} min left"
    return f"about {minutes} min {rest:02d} s left" if minutes else f"about {rest} s left"


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class StatusLine:
    """One line that is overwritten on a terminal; in a log, a line every `pause` seconds (by default none)."""

    def __init__(self, stream: TextIO, pause: float = math.inf):
        self._stream, self._pause, self._last = stream, pause, time.monotonic()

    def show(self, text: str) -> None:
        """Replace the line by `text`."""
        if self._stream.isatty():
            # A wrapped line could not be overwritten.
            self._write(f"\r\033[K{text[: self._width() - 1]}")
        elif (now := time.monotonic()) - self._last >= self._pause:
            self._last = now
            self._write(f"{text}\n")

    def close(self) -> None:
        """Clear the line."""
        if self._stream.isatty():
            self._write("\r\033[K")

    def _width(self) -> int:
        """Return the number of columns of the terminal, unlimited if unknown."""
        with suppress(OSError, ValueError):
            return os.get_terminal_size(self._stream.fileno()).columns or sys.maxsize
        return sys.maxsize

    def _write(self, text: str) -> None:
        # A closed terminal must not stop the work.
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def align_columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return `rows` as aligned columns; those numbered in `right` are right-aligned."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if k in right else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def wrap_text(text: str, width: int, indent: str = "") -> str:
    """Return `text` wrapped to `width` characters with `indent`, without line breaks next to ``±``, ``=`` and ``<``."""
    for sign in "±=<":
        text = text.replace(f" {sign} ", f"{_NO_BREAK}{sign}{_NO_BREAK}")
    lines = textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)
    return lines.replace(_NO_BREAK, " ")
