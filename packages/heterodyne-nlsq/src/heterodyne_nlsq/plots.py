"""Plots of a fit: maps, curves against lag, and functions of age, as figures and as panels of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heterodyne_data import AgeResolved, NLSQResult
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.pictures import OF_A_FIT
from heterodyne_nlsq.stated import unstated_functions
from heterodyne_report import (
    SERIES_COLOURS,
    MapPanel,
    TimeCourse,
    curve_starts,
    downsampled_maps,
    draw_course,
    draw_lag_curves,
    draw_map,
    function_panels,
    lag_panels,
    narrow_limits,
    new_figure,
    set_vertical_range,
    square_means,
    square_width,
    words_of,
    write_figure,
)
from heterodyne_spec import load_model

type FloatArray = npt.NDArray[np.float64]

_OUTLYING = 5.0
"""Distance from the curve, relative to the typical one, beyond which a point does not affect the range of its panel."""


def map_panels(result: NLSQResult, angle: int, width: int) -> tuple[MapPanel, MapPanel, MapPanel]:
    """Return data, model and residual of an angle, as means over squares of `width` frames.

    The titles say over how many frames.
    """
    assert result.maps is not None, "the result holds no maps"
    c2, model = (maps[angle] for maps in result.maps)
    at = f", φ = {result.data.phi[angle]:g}°"
    means = f", means of {width}×{width} frames" if width > 1 else ""
    titles = (f"data{means}{at}", f"model{at}")
    data, fitted = downsampled_maps(c2, model, result.data.t, width, titles)
    difference = square_means(np.where(np.eye(len(c2), dtype=bool), np.nan, c2 - model), width)
    reach = float(np.nanpercentile(np.abs(difference), 99.5)) or 1e-12
    return data, fitted, MapPanel(f"residual{at}", difference, data.t, "RdBu_r", -reach, reach)


def maps_figure(result: NLSQResult) -> Figure:
    """Return data, model and residual per angle, one row each; t1 and t2 in s.

    Large maps are shown as means over squares of a few frames, and the titles say so.
    """
    n_phi = len(result.data.phi)
    figure = new_figure(10.5, 2.7 * n_phi + 0.4, square=True)
    grid = figure.subplots(n_phi, 3, squeeze=False, sharex=True, sharey=True)
    for k, row in enumerate(grid):
        for axes, panel in zip(row, map_panels(result, k, square_width(result.data.n_frames)), strict=True):
            figure.colorbar(draw_map(axes, panel), ax=axes, shrink=0.85)
        row[0].set_ylabel("t₁ / s")
    for axes in grid[-1]:
        axes.set_xlabel("t₂ / s")
    return figure


def curves_figure(result: NLSQResult) -> Figure:
    """Return c2 against lag from several start ages, data as points and model as lines, one panel per angle."""
    figure, panels = lag_panels(len(result.data.phi))
    for k, axes in enumerate(panels):
        draw_curves(axes, result, k)
    return figure


def curve_ages(t: FloatArray) -> FloatArray:
    """Return the ages in s at which curves against lag begin."""
    return t[curve_starts(len(t))]


def draw_curves(axes: Axes, result: NLSQResult, angle: int) -> None:
    """Draw c2 of an angle against lag from several start ages: means of the data around lags, and the model."""
    assert result.maps is not None, "the result holds no maps"
    t = result.data.t
    c2, model = (maps[angle][curve_starts(len(t))] for maps in result.maps)
    draw_lag_curves(axes, t, c2, model, float(result.data.phi[angle]))


def functions_figure(result: NLSQResult) -> Figure:
    """Return a figure of the fitted functions of age, with the age slices in the background.

    A function for which the maps show no evidence has no curve; its panel states the reason.
    """
    found, why = courses_of_fit(result), unstated_functions(result)
    figure, panels = function_panels(len(found))
    for axes, course in zip(panels, found, strict=True):
        if course.name in why:
            _leave_empty(axes, course, why[course.name])
        else:
            draw_function(axes, result, course)
    for axes in panels[:-2]:
        axes.set_xlabel("")
    if drawn := [axes for axes in panels if axes.lines]:
        drawn[0].legend(loc="upper right", fontsize=8)
    return figure


def _leave_empty(axes: Axes, course: TimeCourse, reason: str) -> None:
    axes.text(0.5, 0.5, f"not stated: {reason}", transform=axes.transAxes, ha="center", va="center")
    axes.set_yticks([])
    axes.set_xlabel("age t / s")
    axes.set_ylabel(words_of(course.model).labels[course.name])


def draw_function(axes: Axes, result: NLSQResult, course: TimeCourse) -> None:
    """Draw a fitted function with its bands, in front of the fits of single ages."""
    t = result.data.t
    fitted = load_model(course.model).evaluate(course.name, result.parameters, t)
    draw_course(axes, course, "fit, 68 and 95 % bands")
    axes.plot(t, fitted, color=SERIES_COLOURS[0], zorder=3)
    ages = [] if result.age_resolved is None else [_ages(axes, result.age_resolved, course.name, t, fitted)]
    set_vertical_range(axes, np.concatenate([fitted, narrow_limits([course]), *ages]))


def _ages(axes: Axes, found: AgeResolved, name: str, t: FloatArray, fitted: FloatArray) -> FloatArray:
    """Draw the points of a function with bars behind its curve `fitted` (n_t,) at the ages `t` in s.

    Returns the ends of the bars that determine the range of the panel.
    """
    there = np.isfinite(found.values[name])
    age, values, sd = found.t[there], found.values[name][there], found.sd[name][there]
    bars = axes.errorbar(age, values, sd, fmt="o", color=SERIES_COLOURS[-1], markersize=3, linewidth=1)
    bars.set_label("age slices, fitted independently")
    bulk = _bulk(values, sd, np.interp(age, t, fitted))
    return np.concatenate([values[bulk] - sd[bulk], values[bulk] + sd[bulk]])


def _bulk(values: FloatArray, sd: FloatArray, fitted: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which points (n,) determine the range of a panel: those with typical bars and typical distances from the
    curve. Bars and distances are relative to the value, because laws span decades.
    """
    if not len(values):
        return np.zeros(0, bool)
    small = 1e-3 * max(np.abs(values).max(), np.abs(fitted).max(), 1e-300)
    size, curve = np.maximum(np.abs(values), small), np.maximum(np.abs(fitted), small)
    bar, distance = sd / size, np.abs(np.log(size / curve))
    sharp = bar <= min(2 * float(np.median(bar)), 0.5)
    typical = float(np.median(distance[sharp])) if sharp.any() else 0.0
    return np.asarray(sharp & (distance <= _OUTLYING * typical + bar))


FIGURES: Mapping[str, Callable[[NLSQResult], Figure]] = {
    picture.name: globals()[f"{picture.name}_figure"] for picture in OF_A_FIT
}
"""Name of the PNG file -> the function that draws it."""


def write_plots(result: NLSQResult, directory: Path) -> list[Path]:
    """Write every picture into ``plots`` of `directory`, each completely or not at all, and return the paths.

    A result without maps (without its HDF5 file) has no pictures of them.
    """
    title = f"heterodyne fit of {result.data.provenance.get('file', 'a measurement')}"
    drawn = [picture.name for picture in OF_A_FIT if result.maps is not None or not picture.of_maps]
    return [write_figure(FIGURES[name](result), directory / "plots" / f"{name}.png", title) for name in drawn]
