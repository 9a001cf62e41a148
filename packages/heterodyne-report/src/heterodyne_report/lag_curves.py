"""c2 against lag from several ages: data as points, model as lines, one panel per azimuth.

Matplotlib is imported only when drawing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_report.panels import MARKERS, SERIES_COLOURS

type FloatArray = npt.NDArray[np.float64]

_AGES = 5
"""Ages at which curves against lag are drawn."""

_LAGS = 40
"""Points of a curve against lag: means of the lags around each, evenly in the logarithm."""


def curve_starts(n_t: int) -> npt.NDArray[np.int_]:
    """Return the frames, counted from 0, at which curves against lag begin."""
    return np.unique(np.linspace(0, 0.8 * (n_t - 1), _AGES).astype(int))


def lag_panels(n_phi: int) -> tuple[Any, list[Any]]:
    """Return a figure with a panel for each azimuth, two in a row."""
    from heterodyne_report.figure import new_figure

    n_columns = min(n_phi, 2)
    n_rows = -(-n_phi // n_columns)
    figure = new_figure(5.2 * n_columns, 3.4 * n_rows)
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).ravel())
    for unused in panels[n_phi:]:
        unused.remove()
    return figure, panels[:n_phi]


def draw_lag_curves(
    axes: Any, t: FloatArray, seen: npt.NDArray[np.floating], expected: npt.NDArray[np.floating], phi: float
) -> None:
    """Draw c2 against lag: means of the data around lags, and the model.

    Parameters
    ----------
    axes : Matplotlib axes.
    t : ages of the frames in s, (n_t,).
    seen, expected : data and model of the pairs of each frame of `curve_starts` with every other, (n_start, n_t).
    phi : azimuth in degrees.
    """
    starts = curve_starts(len(t))
    for k, (start, colour, marker) in enumerate(zip(starts, SERIES_COLOURS, MARKERS, strict=False)):
        lag = t[start + 1 :] - t[start]
        at, means = _means(lag, seen[k, start + 1 :])
        axes.plot(at, means, marker, color=colour, markersize=3, alpha=0.8, markeredgewidth=0)
        axes.plot(lag, expected[k, start + 1 :], "-", color=colour, linewidth=1.2)
        # One entry of the legend for both.
        axes.plot([], [], marker, linestyle="-", color=colour, markersize=3, label=f"{t[start]:.3g} s")
    axes.set_xscale("log")
    axes.set_xlabel("lag t₂ - t₁ / s")
    axes.set_ylabel("c₂")
    axes.set_title(f"φ = {phi:g}°", fontsize=9)
    axes.legend(loc="upper right", title="age", fontsize=7.5, title_fontsize=7.5)


def _means(lag: FloatArray, values: npt.NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
    """Return the means of lags and values (n_lag,) around at most `_LAGS` lags; entries that are not finite are
    ignored."""
    edges = np.unique(np.geomspace(1, len(lag) + 1, _LAGS + 1).astype(int)) - 1
    there = np.isfinite(values)
    groups = [np.arange(a, b)[there[a:b]] for a, b in pairwise(edges)]
    full = [group for group in groups if group.size]
    return np.array([lag[g].mean() for g in full]), np.array([values[g].mean() for g in full], float)
