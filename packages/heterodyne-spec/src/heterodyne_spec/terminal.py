"""What all commands of the project share: exit codes, one-line errors, a quiet end."""

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

from heterodyne_spec.errors import HeterodyneError, did_you_mean

_OPTION = re.compile("--?[A-Za-z][A-Za-z-]+$")
"""What is meant as an option: no number, and no single letter, which may have its value attached."""

DONE, FAILED, NOT_CONVERGED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; error; the fit did not converge; interrupted."""


class _Once(argparse.Action):
    """Takes the value of an option that counts once: the second of two would be obeyed, and the first dropped."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        given: frozenset[str] = getattr(namespace, _GIVEN, frozenset())
        if option_string is not None and self.dest in given:
            parser.error(f"{option_string} is given twice; give it once, or start the command once for each")
        setattr(namespace, _GIVEN, given | {self.dest})
        setattr(namespace, self.dest, values)


_GIVEN = "_given"
"""What a namespace keeps of the options that were given."""


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
        for name in (None, "store"):
            self.register("action", name, _Once)

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"error: {message}; see {self.prog} --help\n")

    def check_options(self, words: Iterable[str]) -> None:
        """End with an error that names the nearest option where one of `words` looks like an option and is none."""
        for name in (word.partition("=")[0] for word in words):
            if _OPTION.match(name) and name not in self._option_string_actions:
                known = [option for option in self._option_string_actions if option.startswith("--")]
                self.error(f"unknown option {name}; {did_you_mean(f'--{name.lstrip("-")}', known)}")


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
        silence(sys.stdout)
        return FAILED
    except KeyboardInterrupt:
        complain("interrupted; files written before are complete")
        return INTERRUPTED
    except Exception as error:
        if debug:
            with suppress(OSError):
                traceback.print_exc()
        complain(f"error: {said_of(error)}")
        failed(said_of(error))
        return FAILED


def complain(line: str) -> None:
    """Print a line on stderr, if that still leads anywhere: a terminal may have been closed."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def silence(stream: TextIO) -> None:
    """Have what is written to a standard stream go nowhere: what it led to is gone, or full."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def said_of(error: Exception) -> str:
    """Return the line in which an error is told."""
    if isinstance(error, HeterodyneError):
        return str(error)
    # XLA says it by an error of its own.
    if isinstance(error, MemoryError) or str(error).startswith("RESOURCE_EXHAUSTED"):
        return "out of memory; use fewer frames (data.frames) or angles (data.phi)"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}the system says: {error.strerror}; check the drive, its free space and the permissions"
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]}; please report it with --debug"


def ready_streams() -> None:
    """Have all three standard streams, and write UTF-8 with plain line ends to standard output.

    Units are Å and °, exports are hashed: neither may depend on the terminal. A stream that was closed leads nowhere.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            _take(number)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")


def _take(number: int) -> None:
    """Take the number of a stream that was closed: the next file that is opened would get what is written to it."""
    with suppress(OSError):
        while (taken := os.open(os.devnull, os.O_RDWR)) < number:
            pass
        # For the processes that this one starts, too.
        os.set_inheritable(taken, True)
