"""Presentation of measurements and results in a notebook, by the packages that draw reports.

This distribution neither draws nor writes HTML. A distribution that does registers a module in the entry-point group
``heterodyne.presentation`` under the name of the class that it presents. The module has ``html(value)``, which returns
HTML as a string, and for each figure a function of its name, ``maps(result)`` for ``result.plot.maps()``. Likewise, the
group ``heterodyne.explore`` holds one function that returns interactive components for a result.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable
from typing import Any

from heterodyne_spec import MissingPackageError, entry_points

GROUP = "heterodyne.presentation"
"""Entry-point group of modules that present a class, named after the class."""
EXPLORE = "heterodyne.explore"
"""Entry-point group of the function that shows a result interactively."""

PROVIDERS = {"NLSQResult": "heterodyne-nlsq", "TwoTimeData": "heterodyne-report"}
"""Distributions that present the classes of this one, for messages."""

_WIDTH = 100
"""Line length of a short description."""


def presentation_of(kind: str) -> Any:
    """Return the module that presents the class named `kind`, None if no installed distribution does."""
    found = next(iter(entry_points(group=GROUP, name=kind)), None)
    return None if found is None else found.load()


def html_of(value: object) -> str:
    """Return the HTML of a measurement or result; without a package that draws it, its short text."""
    kind = type(value).__name__
    if (module := presentation_of(kind)) is not None:
        return str(module.html(value))
    remedy = f"For tables and figures: pip install {PROVIDERS.get(kind, 'heterodyne-report')}"
    return f"<pre>{html.escape(repr(value))}\n\n{remedy}</pre>"


def figure_of(value: object, name: str) -> Any:
    """Return the Matplotlib figure `name` of a result.

    Raises
    ------
    MissingPackageError : if no installed package draws it.
    """
    kind = type(value).__name__
    if (module := presentation_of(kind)) is None:
        package = PROVIDERS.get(kind, "heterodyne-report")
        raise MissingPackageError(f"plot.{name}() requires {package}; install it with: pip install {package}")
    return getattr(module, name)(value)


def explore(value: object) -> Any:
    """Return interactive components for a result, to be shown in a notebook cell.

    Raises
    ------
    MissingPackageError : if no installed package provides them.
    """
    found = next(iter(entry_points(group=EXPLORE)), None)
    if found is None:
        raise MissingPackageError("explore() requires the viewer; install it with: pip install 'heterodyne-cli[view]'")
    return found.load()(value)


def short_text(head: str, lines: Iterable[str]) -> str:
    """Return a description of a few lines: a head and indented lines, wrapped; empty ones are omitted."""
    body = (textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    ") for line in lines if line)
    return "\n".join([head, *body])
