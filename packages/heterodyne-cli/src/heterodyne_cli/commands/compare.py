"""``heterodyne compare``: comparison of two or more results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console
from heterodyne_spec import DONE, Problem, ResultError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, nargs="+", help="folders of runs, nlsq_result.json or cmc_result.nc")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write an HTML file with overlaid curves")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    from heterodyne_cli.comparison import as_document, as_text, describe
    from heterodyne_cli.results import load

    results = describe([load(path) for path in args.path])
    if len(results) < 2:
        problem = Problem(
            "", "one result", "two or more", "give another one, or the folder of a fit with its posterior"
        )
        raise ResultError(str(args.path[0]), [problem])
    console.say(as_text(results))
    console.tell("compared", **as_document(results))
    if args.output is not None:
        # Imported here because Matplotlib takes a second.
        from heterodyne_cli.comparison_page import write_page

        written = write_page(results, args.output)
        console.say(f"\nwritten: {written}")
        console.tell("written", files=[written])
    return DONE


COMMAND = Subcommand(
    "compare",
    "compare results: parameters, functions, and differences in data, configuration and versions",
    (
        "heterodyne compare monday tuesday --output comparison.html",
        "heterodyne compare results      compares a fit with its posterior",
    ),
    _arguments,
    _run,
)
