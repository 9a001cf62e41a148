"""Panels that the pictures of all packages are made of: a map of two times, a function of age.

Matplotlib is imported by what draws: reading a result does without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_report.course import Course
from heterodyne_report.page.picture import Picture, svg_picture
from heterodyne_report.pictures import colour_limits, square_means

type FloatArray = npt.NDArray[np.float64]

SERIES = ("#2f7fd0", "#d55e00", "#00916a", "#b0609a", "#7a7f87")
"""Colours of lines: apart for the colour-blind, and 3 : 1 or more against a light ground and a dark one."""
MARKERS = ("o", "s", "^", "D", "v")
"""Markers beside the colours, which not everyone tells apart."""
LINES = ("-", "--", "-.", ":", (0, (1, 2)))

_ENTRIES = 480_000
"""Entries of all maps of a page, which set its size: about 1.5 bytes each."""
_SIDES = (64, 200)
"""Fewest and most entries along one side of a map in a page."""


@dataclass(frozen=True)
class MapPanel:
    """A map to be drawn: `values` (n, n) over ages from `t[0]` to `t[1]` in s, coloured from `low` to `high`."""

    title: str
    values: npt.NDArray[np.floating]
    t: tuple[float, float]
    colours: str
    low: float
    high: float

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        inside = self.values[np.isfinite(self.values)]
        low, high = np.percentile(inside, [2.5, 97.5]) if inside.size else (math.nan, math.nan)
        span = f"both ages from {self.t[0]:.3g} to {self.t[1]:.3g} s"
        return f"Map of {self.title}: {span}; 95 % of the entries lie between {low:.4g} and {high:.4g}."


def page_width(n_t: int, n_panels: int) -> int:
    """Return the frames along one side of the squares that maps of `n_t` frames are averaged over in a page."""
    fewest, most = _SIDES
    side = min(max(math.sqrt(_ENTRIES / max(n_panels, 1)), fewest), most)
    return math.ceil(n_t / side)


def data_and_model(
    seen: npt.NDArray[np.floating],
    expected: npt.NDArray[np.floating],
    t: FloatArray,
    width: int,
    titles: tuple[str, str],
) -> tuple[MapPanel, MapPanel]:
    """Return two maps (n_t, n_t) as means over squares of `width` frames, coloured alike.

    The diagonal is shot noise, in no fit, and would shine through the means.
    """
    diagonal = np.eye(len(t), dtype=bool)
    one, other = (square_means(np.where(diagonal, np.nan, m), width) for m in (seen, expected))
    low, high = colour_limits(other)
    reach = (float(t[0]), float(t[len(t) // width * width - 1]))
    first, second = (
        MapPanel(title, values, reach, "viridis", low, high) for title, values in zip(titles, (one, other), strict=True)
    )
    return first, second


def draw_map(axes: Any, panel: MapPanel) -> Any:
    """Draw a map on Matplotlib axes and return the image."""
    image = axes.imshow(
        panel.values,
        origin="lower",
        extent=panel.t * 2,
        cmap=panel.colours,
        vmin=panel.low,
        vmax=panel.high,
        interpolation="none",
    )
    axes.set_title(panel.title, fontsize=9)
    return image


def map_picture(panel: MapPanel) -> Picture:
    """Return a map as a picture of a page."""

    def draw() -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3.7, 3.0), layout="constrained")
        axes = figure.subplots()
        image = draw_map(axes, panel)
        axes.set_xlabel("t₂ / s")
        axes.set_ylabel("t₁ / s")
        scale: Any = figure.colorbar(image, ax=axes)
        # An image, where 256 small areas would be larger than the map.
        scale.solids.set_rasterized(True)
        return figure

    return svg_picture(draw, panel.alt)


def draw_course(axes: Any, course: Course, label: str, number: int = 0, *, bands: bool = True) -> None:
    """Draw a function of age with its central 68 and 95 % on Matplotlib axes; `number` chooses colour and line."""
    colour = SERIES[number % len(SERIES)]
    lowest, low, middle, high, highest = course.quantiles
    if bands:
        axes.fill_between(course.t, lowest, highest, color=colour, alpha=0.18, linewidth=0)
    axes.fill_between(course.t, low, high, color=colour, alpha=0.3, linewidth=0)
    axes.plot(course.t, middle, color=colour, linestyle=LINES[number % len(LINES)], label=label, zorder=3)
    axes.set_xlabel("age t / s")
    axes.set_ylabel(course.label)


def function_panels(count: int) -> tuple[Any, list[Any]]:
    """Return a figure with panels for so many functions of age, two in a row, over the same ages."""
    from matplotlib.figure import Figure

    columns, rows = min(count, 2), -(-count // 2)
    figure = Figure(figsize=(4.5 * columns, 3.0 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).ravel())
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def near_ends(courses: Sequence[Course]) -> FloatArray:
    """Return values, and ends of their central 68 % where these are not far: what rules the range of a panel.

    Where an age is not known, a band may be decades wide.
    """
    shown = []
    for course in courses:
        near = course.known | (course.sd < 0.8 * np.abs(course.value).max())
        shown += [course.value, course.quantiles[1][near], course.quantiles[3][near]]
    return np.concatenate(shown)


def set_range(axes: Any, shown: FloatArray) -> None:
    """Set the vertical range of Matplotlib axes to that of the values, (n,), and a little more."""
    low, high = float(shown.min()), float(shown.max())
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
