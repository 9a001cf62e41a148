"""Colours and sizes of the viewer, for light and dark backgrounds."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.models import ColorBar, Whisker

SIDE = 360
"""Width of a map in pixels."""
CUT_HEIGHT = 300
"""Height of the cut in pixels."""
DASHES = ("solid", "dashed", "dashdot", "dotted", "dotdash")
"""Line styles of curves in one panel, in addition to the colours."""


TABLE_SHEET = """
.tabulator, .tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col, .tabulator .tabulator-footer,
.tabulator .tabulator-tableholder, .tabulator-row, .tabulator-row .tabulator-cell, .tabulator-frozen {
  background-color: var(--ground) !important; color: var(--ink) !important; border-color: var(--rule) !important;
}
.tabulator-row:hover, .tabulator-row:hover .tabulator-cell { background-color: var(--raised) !important; }
.tabulator input, .tabulator .tabulator-page {
  background: var(--raised) !important; color: var(--ink) !important; border-color: var(--soft) !important;
}
.tabulator .tabulator-page.active { color: var(--link) !important; }
.tabulator input::placeholder { color: var(--soft); opacity: 1; }
.tabulator a { color: var(--link); }
"""
"""Style of the table in the colours of the page, which are properties that reach into its components."""
HIDDEN_LABEL = """
label, .bk-label {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
"""
"""Style of a control whose label stands elsewhere and is read by assistive programs only."""

_COLOURS = {"default": ("#1b1f24", "#d3d9e0", "#ffffff"), "dark": ("#e6e8eb", "#363d46", "#14171b")}
"""Text, lines and background, by the theme of the page."""


def dress(one: Any) -> Any:
    """Return a figure in the colours of the page."""
    ink, rule, ground = _COLOURS[pn.config.theme]
    one.toolbar.logo = None
    one.title.update(text_font_size="11px", text_color=ink)
    one.update(background_fill_color=ground, border_fill_color=ground, outline_line_color=rule)
    for axis in one.axis:
        axis.update(axis_label_text_color=ink, major_label_text_color=ink, axis_line_color=ink)
        axis.update(major_tick_line_color=ink, minor_tick_line_color=rule)
    for grid in one.grid:
        grid.grid_line_color = rule
    for bar in one.right:
        if isinstance(bar, ColorBar):
            bar.update(major_label_text_color=ink, background_fill_color=ground)
    for legend in one.legend:
        legend.update(label_text_color=ink, background_fill_color=ground, border_line_color=rule)
    return one


def error_bars(base: str, source: Any, **line: Any) -> Any:
    """Return vertical lines from the column ``low`` to ``high``; heads would be black, also on a dark page."""
    return Whisker(base=base, lower="low", upper="high", source=source, lower_head=None, upper_head=None, **line)


def number_input(name: str) -> Any:
    """Return an input for a number."""
    return pn.widgets.FloatInput(label=name, width=110, format="0[.]00000")
