"""The reference page of the commands: what each prints for ``--help``, by running it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from unittest import mock

from heterodyne_cli import command as heterodyne
from heterodyne_nlsq import command as nlsq
from heterodyne_spec import command as spec

type Main = Callable[[list[str]], int]

PROGRAMS: dict[str, Main] = {"heterodyne": heterodyne.main, "heterodyne-nlsq": nlsq.main, "heterodyne-spec": spec.main}

# Of nobody's machine: the width of the text, and where compiled functions are kept.
_PLACE = {"COLUMNS": "100", "XDG_CACHE_HOME": "~/.cache", "NO_COLOR": "1"}


def help_of(main: Main, *words: str) -> str:
    """Return what a program prints for ``--help`` after `words`; nothing when it refuses them."""
    printed = io.StringIO()
    silent = redirect_stderr(io.StringIO())
    with mock.patch.dict(os.environ, _PLACE), redirect_stdout(printed), silent, suppress(SystemExit):
        main([*words, "--help"])
    return printed.getvalue()


def subcommands(program: str, main: Main) -> Iterator[str]:
    """Yield the words of a program's help that it takes as subcommands."""
    for word in dict.fromkeys(re.findall(r"^ +([a-z][a-z-]+)\b", help_of(main), re.MULTILINE)):
        if help_of(main, word).startswith(f"usage: {program} {word}"):
            yield word


def commands_page(note: str) -> str:
    """Return the page: every program, every subcommand."""
    parts = [
        "# Commands",
        note,
        "Exit codes of all of them: 0 done, 1 error, 2 the fit did not converge, 130 interrupted.",
    ]
    for program, main in PROGRAMS.items():
        parts += [f"## {program}", f"```text\n{help_of(main)}```"]
        for word in subcommands(program, main):
            parts += [f"### {program} {word}", f"```text\n{help_of(main, word)}```"]
    return "\n\n".join(parts) + "\n"
