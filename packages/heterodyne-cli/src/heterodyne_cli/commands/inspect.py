"""``heterodyne inspect``: contents and quality of a file, before a fit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console, add_setting_arguments, requested_config
from heterodyne_spec import DONE, DataError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="HDF5 or .npz")
    add_setting_arguments(parser, q_help="wavevector in 1/Å of the maps to inspect (default: the smallest)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also plot these maps (.png, .pdf or .svg)")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    # Imported here because Matplotlib takes a second.
    from heterodyne_cli.inspection import as_document, listed, shown, survey_figure
    from heterodyne_data import describe_data
    from heterodyne_nlsq import survey_maps
    from heterodyne_report import picture_format, write_figure

    if args.picture is not None:
        picture_format(args.picture)
    config = requested_config(args)
    description = describe_data(args.file, config)
    # Print the bins before reading the maps, so that unusable ones are listed, too.
    console.say(listed(description, args.file.stat().st_size))
    seen = survey_maps(args.file, description, config.data.q, config=config)
    console.say(shown(seen))
    console.tell("inspected", **as_document(seen))
    if args.picture is not None:
        write_figure(survey_figure(seen), args.picture, f"heterodyne inspect {args.file.name}")
        console.say(f"written: {args.picture}")
        console.tell("written", files=[args.picture])
    if seen.refused:
        raise DataError(f"{args.file}: {'; '.join(seen.refused)}")
    return DONE


COMMAND = Subcommand(
    "inspect",
    "show the contents of a file of two-time maps: bins, frames, levels, noise, dead frames",
    ("heterodyne inspect measurement.h5", "heterodyne inspect measurement.h5 --q 0.0054 --picture look.png"),
    _arguments,
    _run,
)
