"""The subcommands of ``heterodyne``, one module each, in the order of use."""

from __future__ import annotations

from heterodyne_cli.commands import (
    batch,
    compare,
    completion,
    config,
    inspect,
    merge,
    plot,
    report,
    simulate,
    validate,
    view,
    watch,
)
from heterodyne_cli.subcommand import Subcommand

SUBCOMMANDS: tuple[Subcommand, ...] = (
    config.COMMAND,
    inspect.COMMAND,
    watch.COMMAND,
    batch.COMMAND,
    view.COMMAND,
    plot.COMMAND,
    report.COMMAND,
    compare.COMMAND,
    merge.COMMAND,
    simulate.COMMAND,
    validate.COMMAND,
    completion.COMMAND,
)
