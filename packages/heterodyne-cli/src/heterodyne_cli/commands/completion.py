"""``heterodyne completion``: a script for shell completion of subcommands, options and files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console
from heterodyne_spec import DONE

_SHELLS = ("bash", "zsh", "fish")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS)


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    import shtab

    print(shtab.complete(args.whole, args.shell))
    return DONE


COMMAND = Subcommand(
    "completion",
    "print a script for shell completion of subcommands and options",
    (
        'bash:  eval "$(heterodyne completion bash)"     in ~/.bashrc',
        "zsh:   heterodyne completion zsh > _heterodyne   in a folder of $fpath",
        "fish:  heterodyne completion fish > ~/.config/fish/completions/heterodyne.fish",
    ),
    _arguments,
    _run,
)
