"""What a subcommand of ``heterodyne`` is: a module of `heterodyne_cli.commands` has one, its `COMMAND`.

Those modules import little: the help and the completion of shells read them all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heterodyne_report.console import Console


@dataclass(frozen=True)
class Subcommand:
    """A subcommand: its name, a line on what it does, command lines that show it, its arguments, and what runs it.

    `run` gets the parsed arguments, the console, and the whole command line for the record; it returns the exit code.
    """

    name: str
    summary: str
    examples: Sequence[str]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console, Sequence[str]], int]
