"""What a series asks for: the configuration that all its fits share, and which q of every file."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from heterodyne_report.request import add_config_arguments, requested_config
from heterodyne_spec import Config
from heterodyne_spec.canonical import canonical_json, sha256

type QChoice = Literal["all"] | tuple[float, ...] | None
"""All q of a file, these in 1/Å, or (None) the configuration's, or else the file's only one."""


@dataclass(frozen=True)
class Request:
    """A series as asked for; `command` is the command line, for the results."""

    config: Config
    q: QChoice
    output: Path
    command: str
    cache: bool = True
    plots: bool = True

    @property
    def settings(self) -> str:
        """A hash of all that changes a fit besides its data and q: fits of one table have the same."""
        given = dataclasses.asdict(replace(self.config, data=replace(self.config.data, q=None)))
        fitted = {key: given[key] for key in ("data", "model", "scaling", "nlsq")}
        return sha256(canonical_json(fitted))[:16]

    @property
    def asked(self) -> str:
        """What is asked of every file, in one line."""
        return f"{self.settings} {self.q}"

    @property
    def draws(self) -> bool:
        """Whether there is anything to draw."""
        return self.plots and (self.config.output.plots or self.config.output.report)


def q_choice(text: str) -> QChoice:
    """Return the q that ``--q`` asks for: ``all``, one, or several with commas between."""
    if text == "all":
        return "all"
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected all, or 1/Å with commas between") from None


def add_series_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every series takes to `parser`."""
    add_config_arguments(parser, q_choice, "wavevectors: all of a file, or these in 1/Å (default: data.q)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for the results (default: results)")
    parser.add_argument("--no-plots", action="store_true", help="draw nothing: neither pictures nor reports")


def requested_series(args: argparse.Namespace, command: Sequence[str]) -> Request:
    """Return the series that a command line asks for.

    Raises
    ------
    ConfigError : with every problem of the configuration.
    """
    config = requested_config(argparse.Namespace(**{**vars(args), "q": None}))
    choice: QChoice = args.q
    if choice is None and config.data.q is not None:
        choice = (config.data.q,)
    output = Path(args.output or config.output.directory).resolve()
    return Request(config, choice, output, shlex.join(command), not args.no_cache, not args.no_plots)


def config_of(config: Config, q: float) -> Config:
    """Return the configuration of one fit: that of the series, with the q of the maps."""
    document: dict[str, Any] = {**config.document, "data": {**(config.document.get("data") or {}), "q": q}}
    return replace(config, data=replace(config.data, q=q), document=document)
