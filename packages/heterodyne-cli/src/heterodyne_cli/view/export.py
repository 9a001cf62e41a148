"""An interactive page to share: maps, cuts and functions of a fit in one HTML file, without network or server."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.embed import file_html
from bokeh.layouts import column, row
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CrosshairTool,
    CustomJS,
    Div,
    HoverTool,
    LinearColorMapper,
    Range1d,
    Select,
    Slider,
    Span,
)
from bokeh.plotting import figure
from bokeh.resources import INLINE

from heterodyne_cli.view.palettes import PALETTES
from heterodyne_cli.view.windows import block_means, colour_range
from heterodyne_data import NLSQResult
from heterodyne_nlsq import courses_of_fit, report_of_fit, unstated_functions
from heterodyne_report import SERIES_COLOURS, TimeCourse
from heterodyne_spec import Problem, ResultError, write_text

type FloatArray = npt.NDArray[np.floating]

LARGEST = 10_000_000
"""Largest size of the file in bytes."""
_MAPS = 5_000_000
"""Bytes of all maps before base64 encoding, which adds a third."""
_SIDE = 320


def write_interactive(result: NLSQResult, path: Path) -> Path:
    """Write the page of a fit with its maps and return its path.

    Raises
    ------
    ResultError : if the result holds no maps.
    OutputError : if the file cannot be written; what stood there before is then kept.
    """
    if result.maps is None:
        remedy = "keep nlsq_result.h5 beside the JSON file, or fit again"
        raise ResultError(str(path), [Problem("", "a result without maps", "data and model", remedy)])
    name = str(result.data.provenance.get("file", "a measurement"))
    title = f"{name} at q = {result.data.q:.5g} 1/Å"
    head = Div(
        text=f"<h1>{html.escape(title)}</h1><p>{html.escape(report_of_fit(result).verdict)}</p>", width=3 * _SIDE
    )
    note = Div(text=f"<p>{html.escape(_note(result))}</p>", width=3 * _SIDE)
    why = unstated_functions(result)
    functions = [_function_figure(one) for one in courses_of_fit(result) if one.name not in why]
    pairs = [row(*functions[k : k + 2]) for k in range(0, len(functions), 2)]
    page = column(head, *_maps(result), *pairs, note)
    return write_text(path, _alone(file_html(page, resources=INLINE, title=title)))


def _alone(text: str) -> str:
    """Return a page without the scripts of other files that Panel adds to every page of a process that imported it."""
    return re.sub(r'<script[^>]* src="[^"]*"[^>]*></script>', "", text)


def blocks(n_t: int, n_phi: int) -> int:
    """Return the side, in frames, of the blocks whose means the page contains."""
    side = math.isqrt(_MAPS // (2 * 4 * max(n_phi, 1)))
    return -(-n_t // min(side, 400))


def _note(result: NLSQResult) -> str:
    width = blocks(result.data.n_frames, len(result.data.phi))
    frames = f"means over {width} × {width} frames" if width > 1 else "every pair of frames"
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return f"Maps: {frames}. {result.command or 'A fit from Python'}. {versions}."


def _maps(result: NLSQResult) -> Sequence[Any]:
    """Return choice of azimuth, linked maps, choice of age, and cut."""
    assert result.maps is not None
    data, t = result.data, result.data.t
    width, step = blocks(data.n_frames, len(data.phi)), float(data.dt)
    off = np.eye(data.n_frames, dtype=bool)
    stored = {}
    for kind, maps in zip(("data", "model"), result.maps, strict=True):
        means = [block_means(np.where(off, np.nan, one), width).astype(np.float32) for one in maps]
        stored[kind] = np.stack(means)
    n = stored["data"].shape[1]
    age = t[0] + step * np.minimum((np.arange(n) + 0.5) * width - 0.5, data.n_frames - 1)
    every = ColumnDataSource({kind: [one.ravel() for one in maps] for kind, maps in stored.items()})
    ends = (float(t[0] - step / 2), float(t[0] - step / 2 + n * width * step))
    ranges = [Range1d(*ends, bounds=ends) for _ in range(2)]
    cross = [Span(dimension=d, line_dash="dotted", line_color="#707780") for d in ("width", "height")]
    shown = {"data": stored["data"][0], "model": stored["model"][0], "residual": stored["data"][0] - stored["model"][0]}
    sources, figures, mappers = {}, [], {}
    for kind, values in shown.items():
        low, high = colour_range(shown["data"] if kind == "model" else values)
        low = -max(-low, high) if kind == "residual" else low
        mappers[kind] = LinearColorMapper(PALETTES[kind], low=low, high=-low if kind == "residual" else high)
        sources[kind] = ColumnDataSource({"image": [values]})
        figures.append(_map_figure(kind, sources[kind], mappers[kind], ranges, ends, cross))
    cut = ColumnDataSource({"lag": [], "data": [], "model": []})
    angle = Select(title="azimuth φ / °", value="0", options=[(str(k), f"{phi:g}") for k, phi in enumerate(data.phi)])
    start = n // 4
    first = Slider(title="age of the cut / s", start=age[0], end=age[n - 2], step=width * step, value=age[start])
    given = {"every": every, "angle": angle, "first": first, "cut": cut, "n": n, "age": age, **sources}
    draw = CustomJS(args=given, code=_DRAW)
    angle.js_on_change("value", draw)
    first.js_on_change("value", draw)
    for one in figures:
        one.js_on_event("tap", CustomJS(args={"first": first}, code=_TAP))
    curve = figure(
        width=3 * _SIDE, height=280, x_axis_label="lag t₂ - t₁ / s", y_axis_label="c₂", x_axis_type="log", name="cut"
    )
    curve.scatter("lag", "data", source=cut, size=4, color=SERIES_COLOURS[0], legend_label="data")
    curve.line("lag", "model", source=cut, color=SERIES_COLOURS[1], line_width=2, legend_label="model")
    curve.add_tools(
        HoverTool(tooltips=[("lag", "@lag{0.000} s"), ("data", "@data{0.00000}"), ("model", "@model{0.00000}")])
    )
    lags = np.arange(1, n - start)
    cut.data = {
        "lag": age[start + lags] - age[start],
        "data": stored["data"][0, start, start + lags],
        "model": stored["model"][0, start, start + lags],
    }
    return angle, row(*figures), first, _plain(curve)


def _map_figure(
    kind: str, source: Any, mapper: Any, ranges: Sequence[Any], ends: tuple[float, float], cross: Sequence[Any]
) -> Any:
    one = figure(
        width=_SIDE,
        height=_SIDE - 20,
        title={"residual": "data - model"}.get(kind, kind),
        x_range=ranges[0],
        y_range=ranges[1],
        x_axis_label="t₂ / s",
        y_axis_label="t₁ / s",
        tools="pan,wheel_zoom,box_zoom,reset,save",
        toolbar_location="above",
        name=kind,
    )
    size = ends[1] - ends[0]
    one.image("image", source=source, x=ends[0], y=ends[0], dw=size, dh=size, color_mapper=mapper)
    one.add_layout(ColorBar(color_mapper=mapper, width=8), "right")
    one.add_tools(HoverTool(tooltips=[("t₁", "$y{0.00} s"), ("t₂", "$x{0.00} s"), (kind, "@image{0.00000}")]))
    one.add_tools(CrosshairTool(overlay=list(cross)))
    return _plain(one)


def _function_figure(course: TimeCourse) -> Any:
    one = figure(
        width=3 * _SIDE // 2, height=260, x_axis_label="age t / s", y_axis_label=course.label, name=course.name
    )
    lowest, low, middle, high, highest = course.quantiles
    source = ColumnDataSource({"t": course.t, "value": middle, "low": low, "high": high})
    for lower, upper, alpha in ((lowest, highest, 0.15), (low, high, 0.3)):
        one.varea(course.t, lower, upper, color=SERIES_COLOURS[0], alpha=alpha)
    one.line("t", "value", source=source, color=SERIES_COLOURS[0], line_width=2)
    one.add_tools(HoverTool(tooltips=[("age", "@t{0.00} s"), (course.name, "@value{0.0000} (@low to @high)")]))
    return _plain(one)


def _plain(one: Any) -> Any:
    one.toolbar.logo = None
    return one


_TAP = """
first.value = Math.min(Math.max(Math.min(cb_obj.x, cb_obj.y), first.start), first.end);
"""

_DRAW = """
const i = Math.min(Math.max(Math.round((first.value - age[0]) / first.step), 0), n - 2);
const k = Number(angle.value), seen = every.data.data[k], fitted = every.data.model[k];
const difference = new Float32Array(n * n);
for (let p = 0; p < n * n; p++) difference[p] = seen[p] - fitted[p];
for (const [source, values] of [[data, seen], [model, fitted], [residual, difference]]) {
  const image = source.data.image[0];
  for (let p = 0; p < n * n; p++) image[p] = values[p];
  source.change.emit();
}
const lag = [], of_data = [], of_model = [];
for (let j = i + 1; j < n; j++) {
  lag.push(age[j] - age[i]);
  of_data.push(seen[i * n + j]);
  of_model.push(fitted[i * n + j]);
}
cut.data = {lag: lag, data: of_data, model: of_model};
"""
