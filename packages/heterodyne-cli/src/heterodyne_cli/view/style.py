"""Colours and sizes of the viewer, for light and dark backgrounds."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.palettes import RdBu11, Viridis256, interp_palette

SIDE = 360
"""Width of a map in pixels."""

PALETTES = {"data": Viridis256, "model": Viridis256, "residual": interp_palette(RdBu11, 256)}

DASHES = ("solid", "dashed", "dashdot", "dotted", "dotdash")
"""Line styles of curves in one panel, in addition to the colours."""


def dress(one: Any) -> Any:
    """Return a figure with what all have in common."""
    one.toolbar.logo = None
    one.title.text_font_size = "11px"
    return one


def number_input(name: str) -> Any:
    """Return an input for a number."""
    return pn.widgets.FloatInput(name=name, width=110, format="0[.]00000")
