"""The subcommands of ``heterodyne``, a module each, in the order of their use."""

from __future__ import annotations

from heterodyne_cli.commands import batch, completion, config, inspect, simulate, validate, watch
from heterodyne_cli.subcommand import Subcommand

SUBCOMMANDS: tuple[Subcommand, ...] = (
    config.COMMAND,
    inspect.COMMAND,
    simulate.COMMAND,
    validate.COMMAND,
    batch.COMMAND,
    watch.COMMAND,
    completion.COMMAND,
)
