"""Command-line arguments of all commands that fit, and the configuration that results from them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heterodyne_report.cache import cache_folder
from heterodyne_report.console import add_console_arguments
from heterodyne_report.overrides import with_overrides
from heterodyne_spec import Config, ConfigError, Problem, load_config
from heterodyne_spec.config import build_config


def add_settings(
    parser: argparse.ArgumentParser,
    read_q: Callable[[str], Any] = float,
    q_help: str = "wavevector in 1/Å, same as --set data.q=Q",
) -> None:
    """Add the configuration arguments, common to all commands that read a measurement, to `parser`.

    `read_q` converts the text of ``--q``; `q_help` is its help text.
    """
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration in YAML or JSON (default: all defaults)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set one key of the configuration, such as data.frames=[1,200] or model.parameters.phi0.vary=false; "
        "can be repeated",
    )
    parser.add_argument("--q", type=read_q, metavar="Q", help=q_help)
    parser.add_argument(
        "--dt", type=float, metavar="S", help="time between frames in s, instead of the value in the file"
    )


def add_config_arguments(
    parser: argparse.ArgumentParser,
    read_q: Callable[[str], Any] = float,
    q_help: str = "wavevector in 1/Å, same as --set data.q=Q",
) -> None:
    """Add the arguments for configuration and compilation, common to all commands that fit, to `parser`."""
    add_settings(parser, read_q, q_help)
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help=f"do not use the cache of compiled functions in {cache_folder()}",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of one fit to `parser`."""
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="measurement: HDF5 or .npz in any layout that heterodyne inspect reads (for several: heterodyne batch)",
    )
    add_config_arguments(parser)
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for the results (default: results)")
    parser.add_argument("--dry-run", action="store_true", help="check everything, print what would be done, and exit")
    add_console_arguments(parser)


def requested_config(args: argparse.Namespace) -> Config:
    """Return the configuration of the file, overridden by the command line.

    Raises
    ------
    ConfigError : with every problem of both.
    """
    config = load_config(args.config)
    short = [f"data.{key}={getattr(args, key)!r}" for key in ("q", "dt") if getattr(args, key) is not None]
    if not short and not args.set:
        return config
    return build_config(with_overrides(config.document, [*short, *args.set]), "command line and configuration")


def requested_data(args: argparse.Namespace) -> Path:
    """Return the file to fit.

    Raises
    ------
    ConfigError : if none or several are given.
    """
    if args.data is None:
        raise ConfigError("command line", [Problem("--data", "nothing", "a measurement", "give --data FILE")])
    if len(args.data) > 1:
        listed = " ".join(shlex.quote(str(path)) for path in args.data)
        remedy = f"a fit takes one file; to fit each: heterodyne batch {listed}"
        raise ConfigError("command line", [Problem("--data", f"{len(args.data)} files", "one measurement", remedy)])
    return Path(args.data[0])


def requested_output(args: argparse.Namespace, config: Config) -> Path:
    """Return the folder for the results."""
    return Path(args.output or config.output.directory)
