"""``heterodyne config import``: a configuration of another program becomes one of this program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from heterodyne_spec.files import OutputError, write_text
from heterodyne_spec.migration import config_text, import_config, report_text
from heterodyne_spec.terminal import DONE, Parser, run_command


def _arguments() -> argparse.ArgumentParser:
    parser = Parser(
        prog="heterodyne config import",
        description=(
            "Translate a configuration (YAML or JSON) of heterodyne, homodyne or xpcsjax, and list what was "
            "translated, what means something else here, and what was left out. Only what is certain is translated."
        ),
        epilog="example: heterodyne config import old.yaml -o config.yaml",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="configuration of the other program")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="where to write the configuration (default: the terminal, with the lists on stderr)",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def import_command(argv: Sequence[str]) -> int:
    """Run ``heterodyne config import`` and return its exit code."""
    args = _arguments().parse_args(argv)

    def run() -> int:
        if args.output is not None and args.output.exists() and not args.force:
            raise OutputError(f"{args.output}: is there already; choose another name, or --force to replace it")
        imported = import_config(args.file)
        text = config_text(imported, args.file.name)
        if args.output is None:
            print(report_text(imported, args.file.name), file=sys.stderr)
            print(text, end="")
            return DONE
        write_text(args.output, text)
        print(report_text(imported, args.file.name))
        print(f"written: {args.output}")
        return DONE

    return run_command(run, args.debug)
