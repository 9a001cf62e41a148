"""``heterodyne merge``: the mean of repeated measurements as a new file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_data import merge_data, save_data
from heterodyne_report import Console, add_setting_arguments, read_measurement, requested_config
from heterodyne_spec import DONE, ConfigError, OutputError, Problem

_LAYOUTS = {".h5": "aps-u", ".hdf5": "aps-u", ".hdf": "aps-legacy", ".npz": "npz"}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="+", help="repeats of one measurement")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="new file: .h5 (APS-U), .hdf (APS legacy) or .npz"
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    add_setting_arguments(parser)


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    layout = _LAYOUTS.get(args.output.suffix.lower())
    if layout is None:
        found, wanted = f"the ending {args.output.suffix or 'none'}", ", ".join(_LAYOUTS)
        raise ConfigError("command line", [Problem("--output", found, wanted, "give another name")])
    if args.output.resolve() in {path.resolve() for path in args.file}:
        problem = Problem("--output", "a file that is merged", "a new file", "give another name")
        raise ConfigError("command line", [problem])
    if args.output.exists() and not args.force:
        raise OutputError(f"{args.output}: already exists; choose another name, or --force to overwrite it")
    config = requested_config(args)
    merged = merge_data([read_measurement(path, config, console) for path in args.file])
    save_data(args.output, merged, layout)
    for note in merged.notes:
        console.say(note)
    console.say(f"written: {args.output}")
    console.tell("written", files=[args.output])
    return DONE


COMMAND = Subcommand(
    "merge",
    "write the mean of repeated measurements as a new file",
    (
        "heterodyne merge monday_1.h5 monday_2.h5 monday_3.h5 --output monday.h5",
        "heterodyne merge run_*.h5 --q 0.0054 --output mean.hdf",
    ),
    _arguments,
    _run,
)
