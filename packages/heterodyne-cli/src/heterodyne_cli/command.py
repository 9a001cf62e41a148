"""The command ``heterodyne``: the main job without a subcommand, small jobs with one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from heterodyne_cli._version import __version__
from heterodyne_nlsq.command import DONE, add_arguments, fit_command, guarded
from heterodyne_spec import HeterodyneError, config_template
from heterodyne_spec.command import main as spec_main
from heterodyne_spec.files import OutputError, write_text


class MethodError(HeterodyneError):
    """The method asked for is not available."""


def _fit(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="heterodyne",
        description="Fit the heterodyne XPCS model to two-time correlation maps.",
        epilog=(
            "subcommands: config (write a commented configuration), validate FILE (check any file of the project); "
            "example: heterodyne --config config.yaml --data measurement.h5 --method nlsq"
        ),
    )
    parser.add_argument("--version", action="version", version=f"heterodyne-cli {__version__}")
    parser.add_argument("--method", choices=("nlsq", "cmc"), default="nlsq", help="point estimate, or posterior")
    add_arguments(parser)
    args = parser.parse_args(argv)

    def run() -> int:
        if args.method == "cmc":
            raise MethodError("--method cmc: this version has no sampler yet; use --method nlsq")
        return fit_command(args, ["heterodyne", *argv])

    return guarded(run, args.debug)


def _config(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="heterodyne config", description="Write a commented configuration with every key and its default."
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

    return guarded(run, debug=False)


def _validate(argv: Sequence[str]) -> int:
    return spec_main(["validate", *argv])


SUBCOMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {"config": _config, "validate": _validate}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``heterodyne`` and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv and argv[0] in SUBCOMMANDS:
        return SUBCOMMANDS[argv[0]](argv[1:])
    return _fit(argv)


if __name__ == "__main__":
    sys.exit(main())
