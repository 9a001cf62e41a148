"""``heterodyne inspect``: what is in a file and what its maps show, before anything is fitted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_spec.console import Console
from heterodyne_spec.terminal import DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="HDF5 or .npz")
    parser.add_argument("--q", type=float, help="wavevector in 1/Å whose maps are looked at (default: the smallest)")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="also draw these maps")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    # Matplotlib takes a second to import.
    from heterodyne_cli.inspection import as_document, as_text, survey_figure
    from heterodyne_nlsq.survey import survey
    from heterodyne_spec.pictures import write_figure

    seen = survey(args.file, args.q)
    console.say(as_text(seen, args.file.stat().st_size))
    console.tell("inspected", **as_document(seen))
    if args.picture is not None:
        write_figure(survey_figure(seen), args.picture, f"heterodyne inspect {args.file.name}")
        console.say(f"written: {args.picture}")
        console.tell("written", files=[args.picture])
    return DONE


COMMAND = Subcommand(
    "inspect",
    "show what is in a file of two-time maps: bins, frames, levels, noise, dead frames",
    ("heterodyne inspect measurement.h5", "heterodyne inspect measurement.h5 --q 0.0054 --picture look.png"),
    _arguments,
    _run,
)
