"""``heterodyne plot``: plots of a saved result, without a new fit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console
from heterodyne_spec import DONE, check_written


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="folder of a run, or its nlsq_result.json or cmc_result.nc")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="parent folder of plots/ (default: folder of the result)"
    )


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    from heterodyne_cli.results import load, write_plots

    saved = load(args.path)
    if saved.fit is not None and saved.fit.maps is None:
        console.say(f"{args.path}: no maps plotted, because the HDF5 file of the fit is missing")
    written = write_plots(saved, args.output or saved.folder)
    check_written(written)
    console.say("\n".join(f"written: {path}" for path in written))
    console.tell("written", files=written)
    return DONE


COMMAND = Subcommand(
    "plot",
    "plot a saved result",
    ("heterodyne plot results", "heterodyne plot results/cmc_result.nc --output elsewhere"),
    _arguments,
    _run,
)
