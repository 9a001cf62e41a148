"""The command ``heterodyne``: the main job without a subcommand, small jobs with one."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from heterodyne_cli._version import __version__
from heterodyne_cli.inspection import inspect_command
from heterodyne_cli.migration import import_command
from heterodyne_cli.simulate import simulate_command
from heterodyne_nlsq.command import add_arguments, fit_command
from heterodyne_spec import HeterodyneError, config_template
from heterodyne_spec.command import main as spec_main
from heterodyne_spec.files import OutputError, write_text
from heterodyne_spec.terminal import DONE, Parser, run_command, use_utf8


class MethodError(HeterodyneError):
    """The method asked for is not installed."""


def _fit(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="heterodyne",
        description="Fit the heterodyne XPCS model to two-time correlation maps.",
        epilog=(
            "subcommands: config (write a commented configuration), inspect FILE (what is in it), "
            "simulate FILE (a measurement from parameters), "
            "validate FILE (check any file of the project); "
            "example: heterodyne --config config.yaml --data measurement.h5 --method nlsq"
        ),
    )
    parser.add_argument("--version", action="version", version=f"heterodyne-cli {__version__}")
    parser.add_argument("--method", choices=("nlsq", "cmc"), default="nlsq", help="point estimate, or posterior")
    parser.add_argument(
        "--nlsq-result",
        type=Path,
        metavar="PATH",
        help="point estimate to start --method cmc from, instead of a new one",
    )
    parser.add_argument(
        "--preview-job",
        action="store_true",
        help="print the job script of cmc.dask (Slurm or PBS) for --method cmc, and start nothing",
    )
    add_arguments(parser)
    args = parser.parse_args(argv)
    if args.preview_job and args.method != "cmc":
        parser.error("--preview-job is of --method cmc: a point estimate needs no job")
    command = ["heterodyne", *argv]
    return run_command(lambda: METHODS[args.method](args, command), args.debug)


def _posterior(args: argparse.Namespace, command: Sequence[str]) -> int:
    if importlib.util.find_spec("heterodyne_cmc") is None:
        raise MethodError("--method cmc needs heterodyne-cmc; install it with: pip install 'heterodyne-cli[cmc]'")
    from heterodyne_cli.posterior import posterior_command

    return posterior_command(args, command)


METHODS: Mapping[str, Callable[[argparse.Namespace, Sequence[str]], int]] = {"nlsq": fit_command, "cmc": _posterior}


def _config(argv: Sequence[str]) -> int:
    if argv and argv[0] == "import":
        return import_command(argv[1:])
    parser = Parser(
        prog="heterodyne config",
        description="Write a commented configuration with every key.",
        epilog="heterodyne config import FILE -o OUT translates one of heterodyne, homodyne or xpcsjax",
    )
    parser.add_argument("file", type=Path, nargs="?", help="where to (default: the terminal)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    args = parser.parse_args(argv)

    def run() -> int:
        if args.file is None:
            print(config_template(), end="")
            return DONE
        if args.file.exists() and not args.force:
            raise OutputError(f"{args.file}: is there already; choose another name, or --force to replace it")
        write_text(args.file, config_template())
        print(f"written: {args.file}")
        return DONE

    return run_command(run)


def _validate(argv: Sequence[str]) -> int:
    return spec_main(["validate", *argv])


SUBCOMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "config": _config,
    "inspect": inspect_command,
    "simulate": simulate_command,
    "validate": _validate,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``heterodyne`` and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    use_utf8()
    if argv and argv[0] in SUBCOMMANDS:
        return SUBCOMMANDS[argv[0]](argv[1:])
    return _fit(argv)


if __name__ == "__main__":
    sys.exit(main())
