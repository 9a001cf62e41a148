"""Definition of a subcommand; each module of `heterodyne_cli.commands` has one, its `COMMAND`.

Those modules import little, because help and shell completion import them all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heterodyne_report import Console


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
