"""The subcommands of ``heterodyne``, a module each, in the order of their use."""

from __future__ import annotations

from heterodyne_cli.commands import compare, completion, config, inspect, plot, report, simulate, validate
from heterodyne_cli.subcommand import Subcommand

SUBCOMMANDS: tuple[Subcommand, ...] = (
    config.COMMAND,
    inspect.COMMAND,
    simulate.COMMAND,
    validate.COMMAND,
    plot.COMMAND,
    report.COMMAND,
    compare.COMMAND,
    completion.COMMAND,
)
