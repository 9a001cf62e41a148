"""Entry point ``heterodyne.explore``: panes of the viewer in a notebook cell; imports nothing until called."""

from __future__ import annotations

from typing import Any

from heterodyne_cli.subcommand import VIEWER_MODULES, check_installed


def explore(value: Any) -> Any:
    """Return the panes of the viewer for a measurement, a fit or a posterior, as a Panel layout.

    Raises
    ------
    MissingPackageError : if the extra ``view`` is not installed.
    """
    check_installed("explore()", *VIEWER_MODULES)
    from heterodyne_cli.view.inline import panes

    return panes(value)
