"""Pictures of a fit: maps, curves against lag, and the functions of age."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heterodyne_spec import AgeResolved, Bands, NLSQResult, load_model
from heterodyne_spec.pictures import colour_limits, square_means, square_width

type FloatArray = npt.NDArray[np.float64]

_LABELS = {"J_r": "J of the reference", "J_s": "J of the sample", "v": "velocity v", "x": "sample's field fraction x"}
_AGES = 5
"""Ages at which curves against lag are drawn."""

_FAR = 5.0
"""Distance from the curve, over the typical one, beyond which a point does not rule the range of its panel."""


def maps_figure(result: NLSQResult) -> Figure:
    """Return data, model and residual per angle, one row each; t1 and t2 in s.

    Large maps are shown as means over squares of a few frames, and the titles say so.
    """
    assert result.maps is not None, "the result holds no maps"
    c2, model = result.maps
    n_phi, t = len(c2), result.data.t
    figure = Figure(figsize=(10.5, 2.7 * n_phi + 0.4), layout="constrained")
    grid = figure.subplots(n_phi, 3, squeeze=False, sharex=True, sharey=True)
    bin_width = square_width(len(t))
    shown = len(t) // bin_width * bin_width
    extent = (t[0], t[shown - 1], t[0], t[shown - 1])
    means = f", means of {bin_width}×{bin_width} frames" if bin_width > 1 else ""
    for k, row in enumerate(grid):
        # The diagonal is shot noise, in no fit, and would shine through the means.
        data, fitted = (np.where(np.eye(len(t), dtype=bool), np.nan, m) for m in (c2[k], model[k]))
        seen, expected = (square_means(m, bin_width) for m in ((data, fitted) if bin_width > 1 else (c2[k], model[k])))
        residual = square_means(data - fitted, bin_width)
        reach = float(np.nanpercentile(np.abs(residual), 99.5)) or 1e-12
        low, high = colour_limits(expected)
        panels = (
            (f"data{means}", seen, "viridis", low, high),
            ("model", expected, "viridis", low, high),
            ("residual", residual, "RdBu_r", -reach, reach),
        )
        for axes, (title, values, colours, lower, upper) in zip(row, panels, strict=True):
            image = axes.imshow(values, origin="lower", extent=extent, cmap=colours, vmin=lower, vmax=upper)
            axes.set_title(f"{title}, φ = {result.data.phi[k]:g}°", fontsize=9)
            figure.colorbar(image, ax=axes, shrink=0.85)
        row[0].set_ylabel("t₁ / s")
    for axes in grid[-1]:
        axes.set_xlabel("t₂ / s")
    return figure


def curves_figure(result: NLSQResult) -> Figure:
    """Return c2 against lag from several start ages, data as points and model as lines, one panel per angle."""
    assert result.maps is not None, "the result holds no maps"
    c2, model = result.maps
    n_phi, t = len(c2), result.data.t
    n_columns = min(n_phi, 2)
    n_rows = -(-n_phi // n_columns)
    figure = Figure(figsize=(5.2 * n_columns, 3.4 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    starts = np.unique(np.linspace(0, 0.8 * (len(t) - 1), _AGES).astype(int))
    for k in range(n_phi):
        _curves_panel(panels[k], t, c2[k], model[k], starts)
        panels[k].set_title(f"φ = {result.data.phi[k]:g}°", fontsize=9)
    for unused in panels[n_phi:]:
        unused.remove()
    panels[0].legend(title="age", fontsize=7, title_fontsize=7)
    return figure


def _curves_panel(
    axes: Axes,
    t: FloatArray,
    c2: npt.NDArray[np.floating],
    model: npt.NDArray[np.floating],
    starts: npt.NDArray[np.int_],
) -> None:
    for number, start in enumerate(starts):
        colour = f"C{number}"
        lag = t[start + 1 :] - t[start]
        axes.plot(lag, c2[start, start + 1 :], ".", color=colour, markersize=2, alpha=0.6)
        axes.plot(lag, model[start, start + 1 :], "-", color=colour, linewidth=1.2, label=f"{t[start]:.3g} s")
    axes.set_xscale("log")
    axes.set_xlabel("lag t₂ - t₁ / s")
    axes.set_ylabel("c₂")


def functions_figure(result: NLSQResult) -> Figure:
    """Return the fitted J_r(t), J_s(t), v(t), x(t) over the measured ages, what every age shows by itself behind."""
    spec, t = load_model(), result.data.t
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True).ravel()
    for axes, function in zip(panels, spec.functions, strict=True):
        fitted = spec.evaluate(function.name, result.parameters, t)
        axes.plot(t, fitted, color="C0", zorder=3, label="fit, 68 and 95 % bands")
        if result.bands is not None:
            _band(axes, result.bands, function.name)
        if result.age_resolved is not None:
            _ages(axes, result.age_resolved, function.name, t, fitted)
        unit = "" if function.unit == "1" else f" / {function.unit}"
        axes.set_ylabel(f"{_LABELS[function.name]}{unit}")
    for axes in panels[2:]:
        axes.set_xlabel("age t / s")
    if result.age_resolved is not None:
        panels[0].legend(fontsize=8)
    return figure


def _band(axes: Axes, found: Bands, name: str) -> None:
    """Draw the fitted function with one and two standard deviations, and keep to them where these are not huge."""
    value, sd = found.values[name], found.sd[name]
    for times, alpha in ((2, 0.15), (1, 0.25)):
        axes.fill_between(found.t, value - times * sd, value + times * sd, color="C0", alpha=alpha, linewidth=0)


def _ages(axes: Axes, found: AgeResolved, name: str, t: FloatArray, fitted: FloatArray) -> None:
    """Draw the points of a function with bars behind its curve `fitted` (n_t,) at the ages `t` in s."""
    there = np.isfinite(found.values[name])
    age, values, sd = found.t[there], found.values[name][there], found.sd[name][there]
    bars = axes.errorbar(age, values, sd, fmt="o", color="0.35", markersize=3, linewidth=1)
    bars.set_label("every age by itself")
    bulk = _bulk(values, sd, np.interp(age, t, fitted))
    shown = np.concatenate([fitted, values[bulk] - sd[bulk], values[bulk] + sd[bulk]])
    low, high = float(shown.min()), float(shown.max())
    margin = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _bulk(values: FloatArray, sd: FloatArray, fitted: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which points (n,) rule the range of a panel: those with usual bars and as far from the curve as most.

    Bars and distances are taken in parts of a value, because laws span decades.
    """
    if not len(values):
        return np.zeros(0, bool)
    small = 1e-3 * max(np.abs(values).max(), np.abs(fitted).max(), 1e-300)
    size, curve = np.maximum(np.abs(values), small), np.maximum(np.abs(fitted), small)
    bar, distance = sd / size, np.abs(np.log(size / curve))
    sharp = bar <= min(2 * float(np.median(bar)), 0.5)
    typical = float(np.median(distance[sharp])) if sharp.any() else 0.0
    return np.asarray(sharp & (distance <= _FAR * typical + bar))


FIGURES: Mapping[str, Callable[[NLSQResult], Figure]] = {
    "maps": maps_figure,
    "curves": curves_figure,
    "functions": functions_figure,
}
"""Name of the PNG file -> the function that draws it."""
