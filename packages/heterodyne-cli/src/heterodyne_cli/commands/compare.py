"""``heterodyne compare``: two or more results side by side."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_report.console import Console
from heterodyne_spec import Problem, ResultError
from heterodyne_spec.terminal import DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, nargs="+", help="folders of runs, nlsq_result.json or cmc_result.nc")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write an HTML file with the curves overlaid")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    from heterodyne_cli.comparison import as_document, as_text, describe
    from heterodyne_cli.results import load

    results = describe([load(path) for path in args.path])
    if len(results) < 2:
        problem = Problem("", "one result", "two or more", "name another, or the folder of a fit with its posterior")
        raise ResultError(str(args.path[0]), [problem])
    console.say(as_text(results))
    console.tell("compared", **as_document(results))
    if args.output is not None:
        # Matplotlib takes a second to import.
        from heterodyne_cli.comparison_page import write_page

        written = write_page(results, args.output)
        console.say(f"\nwritten: {written}")
        console.tell("written", files=[written])
    return DONE


COMMAND = Subcommand(
    "compare",
    "compare results: parameters, functions, and what differs in data, configuration and versions",
    (
        "heterodyne compare monday tuesday --output comparison.html",
        "heterodyne compare results      compares the fit in it with its posterior",
    ),
    _arguments,
    _run,
)
