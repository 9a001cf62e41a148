"""What a command line asks for: the arguments of everything that fits, and the configuration that they make."""

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
    q_help: str = "wavevector in 1/Å: --set data.q=Q",
) -> None:
    """Add the arguments of a configuration to `parser`; every command that reads a measurement takes the same.

    `read_q` makes the value of ``--q`` from its text, `q_help` says what it may be.
    """
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration in YAML or JSON; defaults without it"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one key of the configuration, such as data.frames=[1,200] or model.parameters.phi0.vary=false; "
        "may be given several times",
    )
    parser.add_argument("--q", type=read_q, metavar="Q", help=q_help)
    parser.add_argument("--dt", type=float, metavar="S", help="seconds between frames, instead of the file's")


def add_config_arguments(
    parser: argparse.ArgumentParser,
    read_q: Callable[[str], Any] = float,
    q_help: str = "wavevector in 1/Å: --set data.q=Q",
) -> None:
    """Add the arguments of a configuration, and of compiling, to `parser`; every command that fits takes the same."""
    add_settings(parser, read_q, q_help)
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help=f"compile anew; otherwise compiled functions are kept in {cache_folder()}",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of one fit to `parser`."""
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="one measurement: HDF5 or .npz, of any layout that heterodyne inspect reads; several: heterodyne batch",
    )
    add_config_arguments(parser)
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for the results (default: results)")
    parser.add_argument("--dry-run", action="store_true", help="check everything, say what would be done, and end")
    add_console_arguments(parser)


def requested_config(args: argparse.Namespace) -> Config:
    """Return the configuration with what the command line says in place of what the file says.

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
    """Return the file to be fitted.

    Raises
    ------
    ConfigError : when none is named, or several are.
    """
    if args.data is None:
        raise ConfigError("command line", [Problem("--data", "nothing", "a measurement", "give --data FILE")])
    if len(args.data) > 1:
        listed = " ".join(shlex.quote(str(path)) for path in args.data)
        remedy = f"a fit takes one; fit each: heterodyne batch {listed}"
        raise ConfigError("command line", [Problem("--data", f"{len(args.data)} files", "one measurement", remedy)])
    return Path(args.data[0])


def requested_output(args: argparse.Namespace, config: Config) -> Path:
    """Return the folder for the results."""
    return Path(args.output or config.output.directory)
