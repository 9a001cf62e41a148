"""``heterodyne inspect``: contents and quality of a file, before a fit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_cli.together import run_of, several_q, table, words
from heterodyne_report import Console, add_setting_arguments, align_columns, picture_format, requested_config
from heterodyne_spec import DONE, ConfigError, DataError, Problem


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="+", help="HDF5 or .npz; several: what can be fitted together")
    add_setting_arguments(parser, q_help="wavevector in 1/Å of the maps to inspect (default: the smallest)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also plot these maps (.png, .pdf or .svg)")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    if len(args.file) > 1:
        return _several(args, console)
    (file,) = args.file
    from heterodyne_cli.inspection import as_document, listed, shown, survey_figure
    from heterodyne_data import describe_data
    from heterodyne_nlsq import survey_maps

    if args.picture is not None:
        picture_format(args.picture)
    config = requested_config(args)
    description = describe_data(file, config)
    # Print the bins before reading the maps, so that unusable ones are listed, too.
    bins, joint = listed(description, file.stat().st_size).rstrip("\n"), several_q(run_of(file, description))
    console.say(f"{bins}\n\n  {joint}\n" if joint else f"{bins}\n")
    seen = survey_maps(file, description, config.data.q, config=config)
    console.say(shown(seen))
    console.tell("inspected", **as_document(seen))
    if args.picture is not None:
        # Matplotlib takes half a second.
        from heterodyne_report import write_figure

        write_figure(survey_figure(seen), args.picture, f"heterodyne inspect {file.name}")
        console.say(f"written: {args.picture}")
        console.tell("written", files=[args.picture])
    if seen.refused:
        raise DataError(f"{file}: {'; '.join(seen.refused)}")
    return DONE


def _several(args: argparse.Namespace, console: Console) -> int:
    """Show several files side by side, and whether they can be fitted together."""
    from heterodyne_data import describe_data

    if args.picture is not None:
        raise ConfigError(
            "command line", [Problem("--picture", "several files", "one", "inspect one file for a picture")]
        )
    config = requested_config(args)
    runs = [run_of(file, describe_data(file, config)) for file in args.file]
    said = list(words(runs))
    console.say(align_columns(table(runs)) + "\n\n" + "\n".join(f"  {line}" for line in said))
    console.tell("compared", files=[{**run._asdict(), "path": str(run.path)} for run in runs], words=said)
    return DONE


COMMAND = Subcommand(
    "inspect",
    "show the contents of a file of two-time maps: bins, frames, levels, noise, dead frames",
    (
        "heterodyne inspect measurement.h5",
        "heterodyne inspect measurement.h5 --q 0.0054 --picture look.png",
        "heterodyne inspect a.h5 b.h5 c.h5",
    ),
    _arguments,
    _run,
)
