"""Common to the commands that fit: arguments, configuration, reading the measurement, the plan for ``--dry-run``."""

from __future__ import annotations

import argparse
import copy
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from heterodyne_data import TwoTimeData, load_data
from heterodyne_report.console import Console, add_console_arguments
from heterodyne_report.stages import Stage
from heterodyne_spec import DONE, Config, ConfigError, Problem, build_config, load_config, parse_yaml

_FORM = "KEY=VALUE with dots between the levels, such as data.q=0.0054"


def add_setting_arguments(
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
    add_setting_arguments(parser, read_q, q_help)
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help=f"do not use the cache of compiled functions in {cache_folder()}",
    )


def add_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of one fit to `parser`."""
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="measurement: HDF5 or .npz in any layout that heterodyne inspect reads; several with --joint "
        "(to fit each: heterodyne batch)",
    )
    add_config_arguments(
        parser, read_q_list, "wavevector in 1/Å, same as --set data.q=Q; with --joint also Q,Q,... or all"
    )
    parser.add_argument(
        "--joint",
        action="store_true",
        help="fit all files and q together, with common J_r, J_s, v and phi0 (of one q: all parameters)",
    )
    parser.add_argument(
        "--share",
        type=lambda text: [name.strip() for name in text.split(",")],
        metavar="NAME,...",
        help="functions and parameters that are common in a joint fit, instead of these",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for the results (default: results)")
    parser.add_argument("--dry-run", action="store_true", help="check everything, print what would be done, and exit")
    add_console_arguments(parser)


def read_q_list(text: str) -> float | list[float] | str:
    """Return one q, several that are separated by commas, or ``all``.

    Raises
    ------
    argparse.ArgumentTypeError : for another text.
    """
    if text.strip() == "all":
        return "all"
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        wanted = "a number in 1/Å; with --joint several with commas between them, or all"
        raise argparse.ArgumentTypeError(f"found {text!r}, expected {wanted}") from None
    return numbers[0] if len(numbers) == 1 else numbers


def requested_config(args: argparse.Namespace) -> Config:
    """Return the configuration of the file, overridden by the command line.

    Raises
    ------
    ConfigError : with every problem of both.
    """
    config = load_config(args.config)
    short = [f"data.{key}={getattr(args, key)!r}" for key in ("q", "dt") if isinstance(getattr(args, key), float)]
    if not short and not args.set:
        return config
    return build_config(with_overrides(config.document, [*short, *args.set]), "command line and configuration")


def requested_data(args: argparse.Namespace) -> Path:
    """Return the file to fit.

    Raises
    ------
    ConfigError : if none or several are given.
    """
    if args.share:
        raise ConfigError("command line", [Problem("--share", "no --joint", "--joint", "add --joint, or leave it out")])
    if not isinstance(args.q, float | None):
        remedy = "add --joint to fit them together; to fit each: heterodyne batch"
        raise ConfigError("command line", [Problem("--q", f"{args.q}", "one number", remedy)])
    if args.data is None:
        raise ConfigError("command line", [Problem("--data", "nothing", "a measurement", "give --data FILE")])
    if len(args.data) > 1:
        listed = " ".join(shlex.quote(str(path)) for path in args.data)
        remedy = f"a fit takes one file; to fit them together add --joint; to fit each: heterodyne batch {listed}"
        raise ConfigError("command line", [Problem("--data", f"{len(args.data)} files", "one measurement", remedy)])
    return Path(args.data[0])


def requested_output(args: argparse.Namespace, config: Config) -> Path:
    """Return the folder for the results."""
    return Path(args.output or config.output.directory)


def with_overrides(document: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return a copy of a configuration with `settings` applied (``a.b=value``, the value as in YAML).

    Raises
    ------
    ConfigError : if a setting has another form, or refers to a key inside a value.
    """
    result = copy.deepcopy(dict(document))
    for setting in settings:
        key, equals, text = setting.partition("=")
        names = [name.strip() for name in key.split(".")]
        if not equals or not all(names):
            raise _refused(setting, "another form", _FORM)
        _put(result, names, parse_yaml(text, f"--set {key}"), setting)
    return result


def _put(document: dict[str, Any], names: list[str], value: Any, setting: str) -> None:
    place: Any = document
    for depth, name in enumerate(names[:-1], start=1):
        # In YAML, a section whose keys are all commented out is null.
        if place.get(name) is None:
            place[name] = {}
        place = place[name]
        if not isinstance(place, dict):
            found = f"{'.'.join(names[:depth])} = {place}"
            raise _refused(setting, found, "a section there")
    place[names[-1]] = value


def _refused(setting: str, found: str, expected: str) -> ConfigError:
    return ConfigError("command line", [Problem(f"--set {setting}", found, expected, "correct it")])


def read_measurement(path: Path, config: Config, console: Console) -> TwoTimeData:
    """Read the measurement at `path` and print a summary."""
    with console.stage(f"{Stage.READING} {path.name}"):
        data = load_data(path, config=config)
    console.say(f"{path}: {data.n_phi} angles x {data.n_t} frames, q = {data.q:.5g} 1/Å, dt = {data.dt:g} s")
    for note in data.notes:
        console.say(f"  {note}")
    console.tell("measurement", file=path, q=data.q, phi=data.phi, frames=data.n_t, dt=data.dt, notes=list(data.notes))
    return data


def print_plan(console: Console, plan: Sequence[str], files: Sequence[Path]) -> int:
    """Print what would be done, and which files would be replaced."""
    console.say("\n".join(plan))
    console.say("would write: " + ", ".join(str(path) for path in files))
    if there := [str(path) for path in files if path.exists()]:
        console.say("would replace: " + ", ".join(there))
    console.tell("plan", steps=list(plan), files=list(files))
    return DONE


def cache_folder() -> Path:
    """Return the folder for compiled functions: ``heterodyne`` in the user's cache folder ($XDG_CACHE_HOME).

    Without a home folder, as in some containers, the returned folder cannot be written to.
    """
    if root := os.environ.get("XDG_CACHE_HOME"):
        return Path(root) / "heterodyne"
    try:
        return Path.home() / ".cache" / "heterodyne"
    except RuntimeError:
        return Path(os.devnull) / "heterodyne"
