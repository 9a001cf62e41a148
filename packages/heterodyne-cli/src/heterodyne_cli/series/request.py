"""The request of a series: the common configuration and the q to fit in every file."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from heterodyne_report import add_config_arguments, requested_config
from heterodyne_spec import Config, canonical_json, sha256

type QChoice = Literal["all"] | tuple[float, ...] | None
"""All q of a file, given q in 1/Å, or (None) the q of the configuration or the only one of the file."""


@dataclass(frozen=True)
class Request:
    """The request of a series; `command` is the command line, stored in the results."""

    config: Config
    q: QChoice
    output: Path
    command: str
    cache: bool = True
    plots: bool = True

    @property
    def settings(self) -> str:
        """Hash of everything that affects a fit, apart from its data and q."""
        given = dataclasses.asdict(replace(self.config, data=replace(self.config.data, q=None)))
        fitted = {key: given[key] for key in ("data", "model", "scaling", "nlsq")}
        return sha256(canonical_json(fitted))[:16]

    @property
    def asked(self) -> str:
        """Description of the request for every file, in one line."""
        return f"{self.settings} {self.q}"

    @property
    def draws(self) -> bool:
        """Whether plots or reports are requested."""
        return self.plots and (self.config.output.plots or self.config.output.report)


def q_choice(text: str) -> QChoice:
    """Parse ``--q``: ``all``, or one or several values separated by commas."""
    if text == "all":
        return "all"
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"found {text!r}, expected all, or values in 1/Å separated by commas"
        ) from None


def add_series_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments common to all series to `parser`."""
    add_config_arguments(parser, q_choice, "wavevectors: all, or values in 1/Å separated by commas (default: data.q)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for the results (default: results)")
    parser.add_argument("--no-plots", action="store_true", help="write neither plots nor reports")


def requested_series(args: argparse.Namespace, command: Sequence[str]) -> Request:
    """Return the request of a command line.

    Raises
    ------
    ConfigError : with every problem of the configuration.
    """
    config = requested_config(argparse.Namespace(**{**vars(args), "q": None}))
    choice: QChoice = args.q
    if choice is None and config.data.q is not None:
        choice = (config.data.q,)
    if choice is None and config.data.several is not None:
        choice = "all" if isinstance(config.data.several, str) else tuple(config.data.several)
    output = Path(args.output or config.output.directory).resolve()
    return Request(config, choice, output, shlex.join(command), not args.no_cache, not args.no_plots)


def config_of(config: Config, q: float) -> Config:
    """Return the configuration of one fit: that of the series, with the given q."""
    document: dict[str, Any] = {**config.document, "data": {**(config.document.get("data") or {}), "q": q}}
    return replace(config, data=replace(config.data, q=q), document=document)
