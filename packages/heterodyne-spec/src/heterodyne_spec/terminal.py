"""Shared by all commands of the project: exit codes, one-line errors, handling of interrupts and closed streams."""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

from heterodyne_spec.errors import HeterodyneError
from heterodyne_spec.messages import did_you_mean

_OPTION = re.compile("--?[A-Za-z][A-Za-z-]+$")
"""A long option: not a negative number, and not a single letter, which may have its value attached."""

DONE = 0
"""Exit code after success."""
FAILED = 1
"""Exit code after an error."""
NOT_CONVERGED = 2
"""Exit code if the fit did not converge."""
INTERRUPTED = 130
"""Exit code after an interruption."""


class _Once(argparse.Action):
    """Stores the value of an option and refuses a second one, which would silently replace the first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        given: frozenset[str] = getattr(namespace, _GIVEN, frozenset())
        if option_string is not None and self.dest in given:
            parser.error(f"{option_string} is given twice; give it once, or run the command once for each")
        setattr(namespace, _GIVEN, given | {self.dest})
        setattr(namespace, self.dest, values)


_GIVEN = "_given"
"""Attribute of a namespace that lists the options given."""


class CommandParser(argparse.ArgumentParser):
    """A parser with one-line errors and exit code 1, because 2 means "not converged" in this project.

    `examples` are command lines shown at the end of the help.
    """

    def __init__(self, *, examples: Sequence[str] = (), **settings: Any):
        if examples:
            epilog = "\n".join(["examples:", *(f"  {line}" for line in examples)])
            settings = {"epilog": epilog, "formatter_class": argparse.RawDescriptionHelpFormatter, **settings}
        # An abbreviated option may become ambiguous when another option is added.
        super().__init__(**{"allow_abbrev": False, **settings})
        for name in (None, "store"):
            self.register("action", name, _Once)

    def error(self, message: str) -> NoReturn:
        """Exit with a one-line message and a reference to the help text."""
        self.exit(FAILED, f"error: {message}; see {self.prog} --help\n")

    def check_options(self, words: Iterable[str]) -> None:
        """Exit with an error and a suggestion if one of `words` looks like an unknown option."""
        for name in (word.partition("=")[0] for word in words):
            if _OPTION.match(name) and name not in self._option_string_actions:
                known = [option for option in self._option_string_actions if option.startswith("--")]
                self.error(f"unknown option {name}; {did_you_mean(f'--{name.lstrip("-")}', known)}")


def run_command(
    run: Callable[[], int], debug: bool = False, failed: Callable[[str], None] = lambda message: None
) -> int:
    """Return the exit code of `run`; an exception becomes one line on stderr and an exit code.

    `failed` is also called with that line.
    """
    try:
        code = run()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader (such as head) has closed the pipe; without this the interpreter reports an error at exit.
        silence_stream(sys.stdout)
        return FAILED
    except KeyboardInterrupt:
        print_error("interrupted; files already written are complete")
        return INTERRUPTED
    except Exception as error:
        if debug:
            with suppress(OSError):
                traceback.print_exc()
        print_error(f"error: {error_text(error)}")
        failed(error_text(error))
        return FAILED


def print_error(line: str) -> None:
    """Print a line on stderr; does nothing if the terminal was closed."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def silence_stream(stream: TextIO) -> None:
    """Redirect a standard stream to the null device, because its target is closed or full."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def error_text(error: Exception) -> str:
    """Return the error message of an exception, in one line."""
    if isinstance(error, HeterodyneError):
        return str(error)
    # XLA raises its own exception.
    if isinstance(error, MemoryError) or str(error).startswith("RESOURCE_EXHAUSTED"):
        return "out of memory; use fewer frames (data.frames) or angles (data.phi)"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}system error: {error.strerror}; check the drive, its free space and the permissions"
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]}; please report it with --debug"


def prepare_streams() -> None:
    """Open missing standard streams, and write UTF-8 with plain line ends to standard output.

    Units (Å, °) and hashed exports must not depend on the terminal. A closed stream is redirected to the null device.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            _take(number)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")


def _take(number: int) -> None:
    """Reserve the file descriptor of a closed stream: otherwise the next opened file would receive its output."""
    with suppress(OSError):
        while (taken := os.open(os.devnull, os.O_RDWR)) < number:
            pass
        # Child processes inherit it.
        os.set_inheritable(taken, True)
