"""Panels shared by the plots of all packages: a two-time map, a function of age.

Matplotlib is imported only when drawing, because reading a result does not need it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_report.page.picture import Picture, svg_picture
from heterodyne_report.pictures import colour_limits, square_means
from heterodyne_report.time_course import TimeCourse

type FloatArray = npt.NDArray[np.float64]

SERIES_COLOURS = ("#2f7fd0", "#d55e00", "#00916a", "#b0609a", "#7a7f87")
"""Line colours: distinguishable for colour-blind readers, contrast at least 3 : 1 on light and dark backgrounds."""
MARKERS = ("o", "s", "^", "D", "v")
"""Markers in addition to the colours, for colour-blind readers."""
LINE_STYLES = ("-", "--", "-.", ":", (0, (1, 2)))
"""Matplotlib line styles of curves in one panel."""

_ENTRIES = 480_000
"""Maximum number of entries of all maps of a page, which determine its size (about 1.5 bytes each)."""
_SIDES = (64, 200)
"""Minimum and maximum number of entries along one side of a map in a page."""


@dataclass(frozen=True)
class MapPanel:
    """A map to draw: `values` (n, n) over ages from `t[0]` to `t[1]` in s, colour scale from `low` to `high`."""

    title: str
    values: npt.NDArray[np.floating]
    t: tuple[float, float]
    colours: str
    low: float
    high: float

    @property
    def alt(self) -> str:
        """Alternative text of the picture."""
        inside = self.values[np.isfinite(self.values)]
        low, high = np.percentile(inside, [2.5, 97.5]) if inside.size else (math.nan, math.nan)
        span = f"both ages from {self.t[0]:.3g} to {self.t[1]:.3g} s"
        return f"Map of {self.title}: {span}; 95 % of the entries lie between {low:.4g} and {high:.4g}."


def page_width(n_t: int, n_panels: int) -> int:
    """Return the side, in frames, of the squares over which maps of `n_t` frames are averaged in a page."""
    fewest, most = _SIDES
    side = min(max(math.sqrt(_ENTRIES / max(n_panels, 1)), fewest), most)
    return math.ceil(n_t / side)


def downsampled_maps(
    seen: npt.NDArray[np.floating],
    expected: npt.NDArray[np.floating],
    t: FloatArray,
    width: int,
    titles: tuple[str, str],
) -> tuple[MapPanel, MapPanel]:
    """Return two maps (n_t, n_t) as means over squares of `width` frames, with a common colour scale.

    The diagonal is left out: it is shot noise, not fitted, and would dominate the means.
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


def draw_course(axes: Any, course: TimeCourse, label: str, number: int = 0, *, bands: bool = True) -> None:
    """Draw a function of age with its central 68 % and 95 % bands; `number` selects colour and line style."""
    colour = SERIES_COLOURS[number % len(SERIES_COLOURS)]
    lowest, low, middle, high, highest = course.quantiles
    if bands:
        axes.fill_between(course.t, lowest, highest, color=colour, alpha=0.18, linewidth=0)
    axes.fill_between(course.t, low, high, color=colour, alpha=0.3, linewidth=0)
    axes.plot(course.t, middle, color=colour, linestyle=LINE_STYLES[number % len(LINE_STYLES)], label=label, zorder=3)
    axes.set_xlabel("age t / s")
    axes.set_ylabel(course.label)


def function_panels(count: int) -> tuple[Any, list[Any]]:
    """Return a figure with panels for so many functions of age, two in a row, over the same ages."""
    from heterodyne_report.figure import new_figure

    columns, rows = min(count, 2), -(-count // 2)
    figure = new_figure(4.5 * columns, 3.0 * rows)
    panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).ravel())
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def narrow_limits(courses: Sequence[TimeCourse]) -> FloatArray:
    """Return values, and the limits of narrow 68 % bands, which determine the vertical range of a panel.

    Wide bands are excluded: at undetermined ages they may span decades.
    """
    shown = []
    for course in courses:
        near = course.known | (course.sd < 0.8 * np.abs(course.value).max())
        shown += [course.value, course.quantiles[1][near], course.quantiles[3][near]]
    return np.concatenate(shown)


def set_vertical_range(axes: Any, shown: FloatArray) -> None:
    """Set the vertical range of Matplotlib axes to that of the values, (n,), with a margin."""
    low, high = float(shown.min()), float(shown.max())
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
