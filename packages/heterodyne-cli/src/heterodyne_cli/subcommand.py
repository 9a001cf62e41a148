"""Definition of a subcommand; each module of `heterodyne_cli.commands` has one, its `COMMAND`.

Those modules import little, because help and shell completion import them all.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heterodyne_report import Console
from heterodyne_spec import MissingPackageError


@dataclass(frozen=True)
class Subcommand:
    """A subcommand: name, summary in one line, example command lines, arguments and implementation.

    `run` takes the parsed arguments, the console and the full command line, and returns the exit code.
    """

    name: str
    summary: str
    examples: Sequence[str]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console, Sequence[str]], int]


VIEWER_MODULES = ("panel", "bokeh", "heterodyne_physics_elementwise")
"""What the extra ``view`` installs."""


def check_installed(what: str, *modules: str) -> None:
    """Check that the packages of the extra ``view`` are installed.

    Raises
    ------
    MissingPackageError : stating which are not.
    """
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        raise MissingPackageError(
            f"{what} requires {' and '.join(missing)}; install with: pip install 'heterodyne-cli[view]'"
        )
