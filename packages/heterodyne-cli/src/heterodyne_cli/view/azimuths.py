"""The azimuths of the next fit as points along φ, chosen with one drag, and single ones with a click."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import BoxSelectTool, ColumnDataSource, HoverTool, TapTool
from bokeh.plotting import figure

from heterodyne_cli.view.frame import Soon
from heterodyne_cli.view.style import dress

_COLOUR = "#2f7fd0"


class AzimuthStrip:
    """Points at `phi` in degrees; `chosen` is called with the positions of those that were chosen."""

    def __init__(self, phi: Sequence[float], chosen: Callable[[list[int]], None]) -> None:
        self._chosen, self._soon = chosen, Soon()
        self._source = ColumnDataSource(
            {"phi": np.asarray(phi, float), "y": np.zeros(len(phi))}, name="chosen azimuths"
        )
        self._source.selected.indices = list(range(len(phi)))
        self._source.selected.on_change("indices", lambda attribute, old, new: self._selected(old, new))

    def view(self) -> Any:
        """Return the pane."""
        return pn.pane.Bokeh(self._figure())

    def show(self, positions: Iterable[int]) -> None:
        """Fill the points at these positions."""
        found = sorted(positions)
        self._soon("show", lambda: self._source.selected.update(indices=found))

    def _selected(self, old: Sequence[int], new: Sequence[int]) -> None:
        if new:
            self._chosen(sorted(new))
        elif old:
            # Without any azimuth there is nothing to fit.
            self.show(old)

    def _figure(self) -> Any:
        one = figure(
            width=340,
            height=110,
            x_axis_label="azimuth φ / °",
            y_range=(-1, 1),
            tools="",
            title="drag: fit only these; click: add or remove one",
            name="azimuths",
        )
        points = one.scatter(
            "phi",
            "y",
            source=self._source,
            size=11,
            fill_color=_COLOUR,
            line_color=_COLOUR,
            nonselection_fill_alpha=0.0,
            nonselection_line_alpha=1.0,
        )
        box = BoxSelectTool(dimensions="width", renderers=[points])
        tap = TapTool(renderers=[points], mode="xor")
        one.add_tools(box, tap, HoverTool(tooltips=[("φ", "@phi{0.00}°")], renderers=[points]))
        one.toolbar.update(active_drag=box, active_tap=tap)
        one.yaxis.visible = one.ygrid.visible = False
        one.x_range.update(range_padding=0.08)
        one.toolbar_location = None
        return dress(one)
