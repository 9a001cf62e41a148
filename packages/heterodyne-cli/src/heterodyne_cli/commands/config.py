"""``heterodyne config``: a commented configuration with every key at its default."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_spec import config_template
from heterodyne_spec.console import Console
from heterodyne_spec.files import OutputError, write_text
from heterodyne_spec.terminal import DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="?", help="where to (default: the terminal)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    if args.file is None:
        print(config_template(), end="")
        return DONE
    if args.file.exists() and not args.force:
        raise OutputError(f"{args.file}: is there already; choose another name, or --force to replace it")
    write_text(args.file, config_template())
    console.say(f"written: {args.file}")
    console.tell("written", files=[args.file])
    return DONE


COMMAND = Subcommand(
    "config",
    "write a commented configuration with every key at its default",
    ("heterodyne config config.yaml", "heterodyne config | less"),
    _arguments,
    _run,
)
