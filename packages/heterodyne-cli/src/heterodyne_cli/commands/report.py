"""``heterodyne report``: the report of a saved result, without a new fit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand, check_installed
from heterodyne_report import Console
from heterodyne_spec import DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="folder of a run, or its nlsq_result.json or cmc_result.nc")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="HTML file (default: report.html in the folder of the result)"
    )
    parser.add_argument(
        "--interactive",
        action="store_true",
        help="a page with maps to zoom, cuts and functions instead (default: interactive.html); needs the extra view",
    )


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    from heterodyne_cli.results import check_one_measurement, fit_of, load, write_page

    saved = load(args.path)
    check_one_measurement(saved)
    if args.interactive:
        check_installed("heterodyne report --interactive", "bokeh")
        from heterodyne_cli.view.export import write_interactive

        written = write_interactive(fit_of(saved), args.output or saved.folder / "interactive.html")
    else:
        written = write_page(saved, args.output or saved.folder / "report.html")
    console.say(f"written: {written}")
    console.tell("written", files=[written])
    return DONE


COMMAND = Subcommand(
    "report",
    "write the report of a saved result as one HTML file",
    (
        "heterodyne report results",
        "heterodyne report results/nlsq_result.json --output monday.html",
        "heterodyne report results --interactive",
    ),
    _arguments,
    _run,
)
