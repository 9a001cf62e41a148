"""``heterodyne simulate``: a simulated measurement with given parameters.

For planning (what can be determined with this number of frames and photons?) and for testing against known values.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from heterodyne_cli.subcommand import Subcommand
from heterodyne_data import TwoTimeData, save_data
from heterodyne_report import Console
from heterodyne_spec import DONE, ConfigError, OutputError, Problem, load_config, load_model, write_text

if TYPE_CHECKING:
    from heterodyne_nlsq import Experiment

_NOISES = ("none", "white", "speckle")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="file for the measurement (HDF5)")
    parser.add_argument(
        "--config", type=Path, help="configuration with the true values in model.parameters (default: defaults)"
    )
    parser.add_argument(
        "--q",
        type=float,
        nargs="+",
        default=[0.0054],
        help="wavevector in 1/Å, or several, with independent speckle (default 0.0054)",
    )
    parser.add_argument("--phi", type=float, nargs="+", default=[0.0, 45.0, 90.0], help="azimuths in degrees")
    parser.add_argument("--frames", type=int, default=400, help="number of frames (default 400)")
    parser.add_argument("--dt", type=float, default=0.1, help="time between frames in s (default 0.1)")
    parser.add_argument("--noise", choices=_NOISES, default="speckle", help="default: speckle")
    parser.add_argument(
        "--noise-sd", type=float, default=0.01, help="noise of a pair, with --noise white (default 0.01)"
    )
    parser.add_argument("--pixels", type=int, default=5000, help="pixels per azimuth, with speckle (default 5000)")
    parser.add_argument(
        "--modes", type=int, default=5, help="number of incoherent modes; the contrast is 1/modes (default 5)"
    )
    parser.add_argument(
        "--photons", type=float, help="photons per pixel and frame, with speckle (default: no photon noise)"
    )
    parser.add_argument("--dead-frames", type=int, nargs="*", default=[], help="frames without data, 1-based")
    parser.add_argument("--drift", type=float, default=0.0, help="relative intensity change over the measurement")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default 0)")
    parser.add_argument(
        "--layout", choices=("aps-u", "aps-legacy"), default="aps-u", help="layout of the file (default aps-u)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


_APART = 1_000_003
"""Difference of the seeds of one q and the next, beyond those that people give."""


def _requested(args: argparse.Namespace) -> list[Experiment]:
    """Return the experiment of every q."""
    # Imported here because JAX takes a second.
    from heterodyne_nlsq import Experiment

    given = load_config(args.config).model.parameters
    spec = load_model()
    named = {name: entry.value for name, entry in given.items() if isinstance(entry.value, int | float)}
    parameters = {p.name: float(named.get(p.name, p.default)) for p in spec.parameters}
    first = Experiment(
        parameters,
        args.q[0],
        tuple(args.phi),
        args.frames,
        args.dt,
        args.noise,
        args.noise_sd,
        args.pixels,
        args.modes,
        args.photons,
        tuple(args.dead_frames),
        args.drift,
        args.seed,
    )
    return [replace(first, q=q, seed=args.seed + _APART * k) for k, q in enumerate(args.q)]


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    from heterodyne_nlsq import simulate

    truth_path = args.file.with_name(f"{args.file.stem}_truth.json")
    for path in (args.file, truth_path):
        if path.exists() and not args.force:
            raise OutputError(f"{path}: already exists; choose another name, or --force to overwrite it")
    experiments, begin = _requested(args), time.monotonic()
    if len(set(args.q)) < len(args.q):
        found = " ".join(f"{q:g}" for q in args.q)
        raise ConfigError("command line", [Problem("--q", found, "different wavevectors", "give each once")])
    data: list[TwoTimeData] = []
    with console.progress() as shown:

        def progress(of_this: int, n_phi: int) -> None:
            done, count = len(data) * n_phi + of_this, len(experiments) * n_phi
            left = (time.monotonic() - begin) / done * (count - done)
            shown.show(
                f"simulating: {done} of {count} azimuths, {left:.0f} s left", done=done, of=count, seconds_left=left
            )

        for experiment in experiments:
            data.append(simulate(experiment, progress))
    save_data(args.file, data, layout=args.layout)
    first = experiments[0]
    several = {"q": args.q, "seed": [one.seed for one in experiments]} if len(experiments) > 1 else {}
    write_text(truth_path, json.dumps(vars(first) | several, indent=1) + "\n")
    console.say(f"written: {args.file}, {truth_path}")
    console.tell("written", files=[args.file, truth_path])
    return DONE


COMMAND = Subcommand(
    "simulate",
    "simulate a measurement with given parameters and write it with a file of the true values",
    (
        "heterodyne simulate planned.h5 --config config.yaml --frames 500 --phi 0 45 90 --photons 0.1",
        "heterodyne --data planned.h5      shows what can be determined",
        "heterodyne simulate several.h5 --q 0.0045 0.0054 0.0068      several q in one file, to fit with --joint",
    ),
    _arguments,
    _run,
)
