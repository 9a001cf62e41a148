"""The command ``heterodyne-nlsq``: one measurement in, one fit out."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from heterodyne_nlsq._version import __version__
from heterodyne_nlsq.compilation import cache_folder, keep_compiled_functions
from heterodyne_spec import Config, NLSQResult, TwoTimeData, load_config, load_data
from heterodyne_spec.config import build_config
from heterodyne_spec.terminal import DONE, NOT_CONVERGED, Parser, StatusLine, run_command, use_utf8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a fit to `parser`; every command that fits takes the same."""
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FILE", help="measurement: HDF5 (APS-U, APS legacy) or .npz"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration in YAML or JSON; defaults without it"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for the results (default: results)")
    parser.add_argument(
        "--q", type=float, metavar="Q", help="wavevector in 1/Å, instead of data.q of the configuration"
    )
    parser.add_argument("--dt", type=float, metavar="S", help="seconds between frames, instead of the file's")
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help=f"compile anew; otherwise compiled functions are kept in {cache_folder()}",
    )
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def requested_config(args: argparse.Namespace) -> Config:
    """Return the configuration with what the command line says in place of what the file says."""
    config = load_config(args.config)
    overrides = {key: getattr(args, key) for key in ("q", "dt") if getattr(args, key) is not None}
    if not overrides:
        return config
    document = {**config.document, "data": {**config.document.get("data", {}), **overrides}}
    return build_config(document, "command line and configuration")


class ProgressLine(StatusLine):
    """The fit's line on the terminal: iteration, cost, time, and the longest it can still take."""

    def __init__(self, stream: TextIO, limit: int):
        super().__init__(stream)
        self.limit, self.begin, self.count = limit, time.monotonic(), 0

    def __call__(self, iteration: int, cost: float) -> None:
        self.count += 1
        spent = time.monotonic() - self.begin
        most = spent / self.count * max(self.limit - self.count, 0)
        self.show(f"fitting: iteration {self.count}, cost {cost:.6g}, {spent:.0f} s, at most {most:.0f} s more")


def read_and_fit(args: argparse.Namespace, config: Config, command: Sequence[str]) -> tuple[TwoTimeData, NLSQResult]:
    """Read the measurement that the command line names, fit it, and return both; say what was found on the way."""
    data = load_data(args.data, config=config)
    if not args.quiet:
        print(f"{args.data}: {data.n_phi} angles x {data.n_t} frames, q = {data.q:.5g} 1/Å, dt = {data.dt:g} s")
        print("\n".join(f"  {note}" for note in data.notes))
    # JAX takes a second to import: errors before it come at once.
    from heterodyne_nlsq.fit import fit_nlsq_jax
    from heterodyne_nlsq.start.race import most_evaluations

    if not args.no_cache:
        keep_compiled_functions()
    progress = ProgressLine(sys.stderr, most_evaluations(config.nlsq))
    try:
        result = fit_nlsq_jax(data, config, progress=None if args.quiet else progress)
    finally:
        progress.close()
    return data, replace(result, command=shlex.join(command))


def fit_command(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Run a fit as asked for on the command line, print and write its result, and return the exit code."""
    config = requested_config(args)
    _, result = read_and_fit(args, config, command)
    from heterodyne_nlsq.output import write_outputs
    from heterodyne_nlsq.summary import summary

    written = write_outputs(result, args.output or Path(config.output.directory), config.output)
    if not args.quiet:
        print(f"\n{summary(result)}\n\nwritten: {', '.join(str(path) for path in written)}")
    return DONE if result.success else NOT_CONVERGED


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``heterodyne-nlsq`` and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = Parser(
        prog="heterodyne-nlsq",
        description="Fit the heterodyne XPCS model to two-time correlation maps, all angles of one q together.",
        epilog="example: heterodyne-nlsq --data measurement.h5 --q 0.0054 --output results",
    )
    parser.add_argument("--version", action="version", version=f"heterodyne-nlsq {__version__}")
    add_arguments(parser)
    use_utf8()
    args = parser.parse_args(argv)
    return run_command(lambda: fit_command(args, ["heterodyne-nlsq", *argv]), args.debug)


if __name__ == "__main__":
    sys.exit(main())
