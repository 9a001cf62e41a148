"""Data, model and residual of one azimuth, linked, and a cut through them: c2 against lag at an age.

A browser is sent means over blocks of frames of what it shows (see `windows`); zooming asks for finer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import panel as pn
from bokeh.events import RangesUpdate, SelectionGeometry, Tap
from bokeh.models import (
    Band,
    BoxSelectTool,
    BoxZoomTool,
    ColorBar,
    ColumnDataSource,
    CrosshairTool,
    CustomJS,
    HoverTool,
    LinearColorMapper,
    Range1d,
    Span,
)
from bokeh.plotting import figure

from heterodyne_cli.view.cuts import Direction, Frames, Pairs, cut, pairs_of_cut, spaced_lags
from heterodyne_cli.view.frame import Soon
from heterodyne_cli.view.frame_lists import text_of
from heterodyne_cli.view.measured import Looked
from heterodyne_cli.view.palettes import PALETTES
from heterodyne_cli.view.style import CUT_HEIGHT, SIDE, dress, error_bars, number_input
from heterodyne_cli.view.values import Values
from heterodyne_cli.view.windows import Pyramid, View, colour_range, window_of

if TYPE_CHECKING:
    # JAX takes seconds; the first picture does not need it.
    from heterodyne_cli.view.model_at import ModelAt

type FloatArray = npt.NDArray[np.floating]

KINDS = ("data", "model", "residual")
_TITLES = {"data": "data", "model": "model", "residual": "data - model"}
_MISSING = "#9aa0a8"
"""Colour of pairs without a value."""
_DRAGS = {"zooms": "zoom", "chooses frames": "frames", "masks frames": "mask"}
"""What dragging on a map does."""
type Brushed = Callable[[str, int, int], None]
"""Takes ``frames`` or ``mask``, and the first and last frame of the file, from 1, of what was dragged over."""


class MapPane:
    """Maps and cut of one run; the model is that of the fit unless `show_values` sets trial values."""

    def __init__(self, looked: Looked) -> None:
        self._looked = looked
        self._at: ModelAt | None = None
        self._trial: Values | None = None
        self._view: View | None = None
        self._answers = 0
        self.brushed: Brushed | None = None
        self._soon = Soon()
        t = looked.t
        self._step = float(t[1] - t[0])
        # Frames of the file before those of the maps.
        self._before = looked.first_frame - 1
        ends = (t[0] - self._step / 2, t[-1] + self._step / 2)
        self._x, self._y = (Range1d(*ends, bounds=ends, min_interval=4 * self._step) for _ in range(2))
        self.angle = pn.widgets.Select(
            label="azimuth φ / °", options={f"{phi:g}": k for k, phi in enumerate(looked.data.phi)}, width=110
        )
        self.direction = pn.widgets.Select(
            label="cut", options={"from an age, along t₂": "from", "at constant mean age": "across"}, width=190
        )
        self.age = pn.widgets.FloatSlider(
            label="age / s",
            start=float(t[0]),
            end=float(t[-2]),
            step=self._step,
            value=float(t[self._usable_frame()]),
            width=260,
        )
        self.width = pn.widgets.IntInput(label="averaged frames", value=1, start=1, end=max(len(t) // 4, 1), width=120)
        self.lag_axis = pn.widgets.RadioButtonGroup(label="lag axis", options=["log", "linear"], width=120)
        self.limits = {
            kind: (number_input(f"{kind} from"), number_input(f"{kind} to")) for kind in ("data", "residual")
        }
        self.drag = pn.widgets.RadioButtonGroup(label="dragging on a map", options=_DRAGS, value="zoom", width=330)
        self._wrong = pn.pane.HTML("", sizing_mode="stretch_width")
        self._note = pn.pane.HTML("", sizing_mode="stretch_width")
        self._marks = ColumnDataSource({side: [] for side in ("left", "right", "bottom", "top")}, name="marks")
        self._sources = {kind: _image_source(kind) for kind in KINDS}
        self._mappers = {kind: LinearColorMapper(palette=PALETTES[kind], nan_color=_MISSING) for kind in KINDS}
        # One pair of lines for all maps: the cursor is linked.
        self._cross = [Span(dimension=d, line_dash="dotted", line_color="#707780") for d in ("width", "height")]
        self._figures = {kind: self._map_figure(kind) for kind in self._shown}
        self._cut_sources = {kind: ColumnDataSource(_NO_CUT, name=f"cut of {kind}") for kind in ("data", "model")}
        self._cuts: dict[str, Any] = {}
        self._cut_place = pn.Column(min_height=CUT_HEIGHT, sizing_mode="stretch_width")
        self._listen()
        self._set_limits()
        self.refresh()

    @property
    def _shown(self) -> tuple[str, ...]:
        return KINDS if self._looked.result is not None else KINDS[:1]

    @property
    def first(self) -> Any:
        """The map that there is in any case."""
        return self._figures["data"]

    def view(self) -> Any:
        """Return the pane."""
        maps = pn.FlexBox(*(pn.pane.Bokeh(self._figures[kind]) for kind in self._shown), gap="8px")
        tools = pn.FlexBox(
            self.angle, *self.limits["data"], *(self.limits["residual"] if self._looked.result else ()), gap="8px"
        )
        chosen = pn.FlexBox(self.direction, self.age, self.width, self.lag_axis, gap="8px", align_items="end")
        note = pn.pane.HTML(
            "<p class='note'>Click on a map to set the age of the cut, double-click for the whole map. Dragging "
            "zooms, or chooses or masks the frames between both ends for the next fit. Grey: pairs without a value "
            "(masked, dead or missing frames, the diagonal); hatched: left out of the next fit.</p>"
        )
        dragging = pn.Column(pn.pane.HTML("dragging on a map", css_classes=["label"], margin=(0, 10)), self.drag)
        tools.append(dragging)
        parts = (tools, self._wrong, maps, self._note, note, chosen, self._cut_place)
        return pn.Column(*parts, sizing_mode="stretch_width")

    def mark(self, first: int, last: int, masked: Sequence[tuple[int, int]]) -> None:
        """Hatch what the next fit leaves out: frames of the file before `first` and after `last`, and ranges."""
        n_t, before = len(self._looked.t), self._before
        every = [(1, first - 1 - before), (last + 1 - before, n_t), *((a - before, b - before) for a, b in masked)]
        within = [(max(a, 1), min(b, n_t)) for a, b in every if max(a, 1) <= min(b, n_t)]
        low, high = (self._looked.t[0] + (frame - 0.5) * self._step for frame in (0, n_t))
        bands = [
            [self._looked.t[0] + (a - 1.5) * self._step, self._looked.t[0] + (b - 0.5) * self._step] for a, b in within
        ]
        sides_of = [(a, b, low, high) for a, b in bands] + [(low, high, a, b) for a, b in bands]
        sides = ("left", "right", "bottom", "top")
        found = {side: [float(one[k]) for one in sides_of] for k, side in enumerate(sides)}
        self._soon("marks", lambda: setattr(self._marks, "data", found))

    def prepare(self, at: ModelAt) -> None:
        """Compile what sliders and bands need; in a thread, it delays nothing."""
        result = self._looked.result
        if result is None:
            return
        i, j = self._view_pairs(self._looked.pyramids(self.angle.value)[0].view(self._window()))
        at.c2(Values.of(result), self.angle.value, i, j)
        at.band(result, self.angle.value, i[0], j[0])

    def use_model(self, at: ModelAt) -> None:
        """Use a model at pairs of frames for bands and trial values."""
        self._at = at
        self._refresh_cut()

    @property
    def model_source(self) -> ColumnDataSource:
        """The map of the model in the browser."""
        return self._sources["model"]

    def show_values(self, values: Values | None) -> None:
        """Show the model at trial values; None restores the fit.

        From one trial to the next, only the model is sent: the browser takes the residual from what it has.
        """
        again = values is not None and self._trial is not None
        self._trial = values
        if again and self._view is not None:
            pyramids = self._looked.pyramids(self.angle.value)
            self._put("model", self._model_map(pyramids, self._view), self._view)
            self._refresh_model_cut(pyramids[1], *self._lags())
        else:
            self.refresh()

    def refresh(self) -> None:
        """Update maps and cut for the current choices."""
        self._refresh_maps()
        self._refresh_cut()

    def _listen(self) -> None:
        self._sources["model"].js_on_change("data", CustomJS(args=self._sources, code=_RESIDUAL))
        self.first.on_event(RangesUpdate, lambda event: self._refresh_maps())
        for one in self._figures.values():
            one.on_event(Tap, self._tapped)
            one.on_event(SelectionGeometry, self._selected)
        self.drag.param.watch(lambda event: self._soon("drag", self._choose_drag), "value")
        self.angle.param.watch(self._turned, "value")
        for widget in (self.direction, self.age, self.width):
            widget.param.watch(lambda event: self._soon("cut", self._refresh_cut), "value")
        self.lag_axis.param.watch(lambda event: self._soon("axis", self.show_cut), "value")
        for kind, ends in self.limits.items():
            for one in ends:
                one.param.watch(lambda event, kind=kind: self._soon(kind, lambda: self._apply_limits(kind)), "value")

    def _turned(self, event: Any) -> None:
        self._set_limits()
        self._soon("all", self.refresh)

    def _tapped(self, event: Any) -> None:
        if event.x is None or event.y is None:
            return
        age = min(event.x, event.y) if self.direction.value == "from" else (event.x + event.y) / 2
        frame = round((age - self._looked.t[0]) / self._step)
        self.age.value = float(np.clip(self._looked.t[0] + frame * self._step, self.age.start, self.age.end))

    def _choose_drag(self) -> None:
        wanted = BoxZoomTool if self.drag.value == "zoom" else BoxSelectTool
        for one in self._figures.values():
            one.toolbar.active_drag = next(tool for tool in one.tools if isinstance(tool, wanted))

    def _selected(self, event: Any) -> None:
        """Pass on the frames between the ends of what was dragged over along t2."""
        if not event.final or self.brushed is None or self.drag.value == "zoom":
            return
        n_t, t = len(self._looked.t), self._looked.t
        ends = sorted((float(event.geometry[side]) - t[0]) / self._step for side in ("x0", "x1"))
        first, last = (int(np.clip(round(end), 0, n_t - 1)) + 1 for end in (ends[0] + 1e-9, ends[1] - 1e-9))
        self.brushed(self.drag.value, first + self._before, max(first, last) + self._before)

    def show_cut(self) -> None:
        """Draw the cut below the maps; until then, there are only the maps, which are looked at first."""
        axis = self.lag_axis.value
        if axis not in self._cuts:
            self._cuts[axis] = self._cut_figure(axis)
            self._refresh_cut()
            self._cut_place.append(pn.pane.Bokeh(self._cuts[axis]))
        for other, one in self._cuts.items():
            one.visible = other == axis

    # Maps

    def _usable_frame(self) -> int:
        """Return the frame, from 0, with data that is nearest to a quarter of the measurement."""
        rows = self._looked.pyramids(0)[0].usable
        usable = np.flatnonzero(rows[:-1])
        return int(usable[np.argmin(np.abs(usable - len(rows) // 4))]) if usable.size else 0

    def frames_in_view(self) -> tuple[int, int]:
        """Return the first and last frame of the file, from 1, that the maps show."""
        window = self._window()
        first, end = max(window.first_row, window.first_column), min(window.end_row, window.end_column)
        first, end = (first, end) if end > first else (window.first_column, window.end_column)
        return first + 1 + self._before, end + self._before

    def _window(self) -> Any:
        frames = [
            ((low - self._looked.t[0]) / self._step + 0.5, (high - self._looked.t[0]) / self._step + 0.5)
            for low, high in ((self._y.start, self._y.end), (self._x.start, self._x.end))
        ]
        return window_of(len(self._looked.t), *frames)

    def _refresh_maps(self) -> None:
        pyramids = self._looked.pyramids(self.angle.value)
        data = pyramids[0].view(self._window())
        missing = text_of(np.flatnonzero(~pyramids[0].usable) + 1 + self._before)
        notes = [f"Frames without a value: {missing}."] if missing else []
        if data.width > 1:
            # In a title, it would take the place of tools.
            notes.append(f"Means over {data.width} × {data.width} frames; zoom in for finer ones.")
        self._note.object = f"<p class='note'>{' '.join(notes)}</p>" if notes else ""
        self._view, views = data, {"data": data.values}
        if len(pyramids) > 1:
            views["model"] = self._model_map(pyramids, data)
            views["residual"] = data.values - views["model"]
        for kind, values in views.items():
            self._put(kind, values, data)
        for kind, one in self._figures.items():
            trial = ", sliders" if self._trial is not None and kind != "data" else ""
            one.title.text = f"{_TITLES[kind]}{trial}"

    def _model_map(self, pyramids: tuple[Any, ...], data: View) -> FloatArray:
        if self._trial is None or self._at is None:
            found = pyramids[1].view(data.window).values
        else:
            found = self._at.c2(self._trial, self.angle.value, *self._view_pairs(data))
        return np.where(np.isfinite(data.values), found, np.nan)

    def _view_pairs(self, view: View) -> tuple[Frames, Frames]:
        """Return the pair of frames in the middle of every block of a view."""
        rows, columns = (
            np.minimum(np.arange(first, end, view.width) + view.width // 2, len(self._looked.t) - 1)
            for first, end in (view.window[:2], view.window[2:])
        )
        i, j = np.broadcast_arrays(rows[:, None], columns[None, :])
        return i, j

    def _put(self, kind: str, values: FloatArray, view: View) -> None:
        # The number tells the browser of an answer that is the same as the last one.
        self._answers += kind == "model"
        answer = {"answer": [self._answers]} if kind == "model" else {}
        self._sources[kind].data = {**self._image(values, view), **answer}

    def _image(self, values: FloatArray, view: View) -> dict[str, list[Any]]:
        t, window = self._looked.t, view.window
        x, y = (t[first] - self._step / 2 for first in (window.first_column, window.first_row))
        return {
            "image": [values.astype(np.float32)],
            "x": [float(x)],
            "y": [float(y)],
            "dw": [(window.end_column - window.first_column) * self._step],
            "dh": [(window.end_row - window.first_row) * self._step],
        }

    def _set_limits(self) -> None:
        """Set the colour limits to those of the azimuth."""
        pyramids = self._looked.pyramids(self.angle.value)
        n_t = len(self._looked.t)
        whole = window_of(n_t, (0, n_t), (0, n_t))
        data = pyramids[0].view(whole).values
        found = {"data": colour_range(data)}
        if len(pyramids) > 1:
            low, high = colour_range(data - pyramids[1].view(whole).values)
            found["residual"] = (-max(-low, high), max(-low, high))
        for kind, ends in found.items():
            for widget, value in zip(self.limits[kind], ends, strict=True):
                widget.value = float(f"{value:.4g}")

    def _apply_limits(self, kind: str) -> None:
        low, high = (one.value for one in self.limits[kind])
        if low is None or high is None or not low < high:
            text = f"Colours of the {kind}: enter two numbers, the smaller one first."
            self._wrong.object = f"<p class='bad' role='alert'>{text}</p>"
            return
        self._wrong.object = ""
        for name in ("data", "model") if kind == "data" else ("residual",):
            self._mappers[name].update(low=low, high=high)

    def _map_figure(self, kind: str) -> Any:
        one = figure(
            width=SIDE,
            height=SIDE - 40,
            x_range=self._x,
            y_range=self._y,
            tools="pan,wheel_zoom,box_zoom,reset,save",
            active_drag="box_zoom",
            active_scroll="wheel_zoom",
            x_axis_label="t₂ / s",
            y_axis_label="t₁ / s",
            title=_TITLES[kind],
            toolbar_location="above",
            name=kind,
        )
        image = one.image(source=self._sources[kind], color_mapper=self._mappers[kind])
        hatch = {"hatch_pattern": "/", "hatch_color": "#ffffff", "hatch_scale": 8}
        one.quad(source=self._marks, fill_color="#101418", fill_alpha=0.55, line_color=None, level="overlay", **hatch)
        one.add_layout(ColorBar(color_mapper=self._mappers[kind], width=10), "right")
        tips = [("t₁", "$y{0.000} s"), ("t₂", "$x{0.000} s"), (_TITLES[kind], "@image{0.00000}")]
        one.add_tools(HoverTool(tooltips=tips, renderers=[image]))
        one.add_tools(BoxSelectTool(dimensions="width", renderers=[], description="frames of the next fit"))
        one.add_tools(CrosshairTool(overlay=self._cross))
        return dress(one)

    # Cut

    def _lags(self) -> tuple[Pairs, Frames]:
        """Return the pairs of the cut, and which of their lags are drawn."""
        frame = (self.age.value - self._looked.t[0]) / self._step
        direction: Direction = self.direction.value
        # The field may be empty.
        pairs = pairs_of_cut(len(self._looked.t), frame, direction, self.width.value or 1)
        return pairs, spaced_lags(pairs.lag)

    def _refresh_cut(self) -> None:
        if not self._cuts:
            return
        pairs, shown = self._lags()
        pyramids = self._looked.pyramids(self.angle.value)
        found = cut(pyramids[0].values, pairs)
        lag = found.lag[shown] * self._step
        error = np.where(np.isfinite(found.error[shown]), found.error[shown], 0.0)
        mean = found.mean[shown]
        there = np.isfinite(mean)
        self._cut_sources["data"].data = {
            "lag": lag[there],
            "c2": mean[there],
            "low": (mean - error)[there],
            "high": (mean + error)[there],
        }
        if len(pyramids) > 1:
            self._refresh_model_cut(pyramids[1], pairs, shown)

    def _refresh_model_cut(self, fitted: Pyramid, pairs: Pairs, shown: Frames) -> None:
        lag, sd = pairs.lag[shown] * self._step, np.zeros(len(shown))
        if self._trial is None or self._at is None:
            model = cut(fitted.values, pairs).mean[shown]
        else:
            i, j, inside = pairs.i[shown], pairs.j[shown], pairs.inside[shown]
            every = self._at.c2(self._trial, self.angle.value, i, j)
            model = np.where(inside, every, 0).sum(axis=1) / inside.sum(axis=1)
        if self._trial is None and self._at is not None and self._looked.result is not None:
            one = np.arange(len(shown)), (np.argmax(pairs.inside, axis=1) + pairs.inside.sum(axis=1) // 2)[shown]
            pair = pairs.i[shown][one], pairs.j[shown][one]
            band = self._at.band(self._looked.result, self.angle.value, *pair)
            sd = sd if band is None else band
        self._cut_sources["model"].data = {"lag": lag, "c2": model, "low": model - 2 * sd, "high": model + 2 * sd}

    def _cut_figure(self, axis: str) -> Any:
        one = figure(
            height=CUT_HEIGHT,
            sizing_mode="stretch_width",
            min_width=280,
            x_axis_type=axis,
            x_axis_label="lag t₂ - t₁ / s",
            y_axis_label="c₂",
            tools="pan,wheel_zoom,box_zoom,reset,save",
            name=f"cut {axis}",
        )
        data, model = self._cut_sources["data"], self._cut_sources["model"]
        one.add_layout(error_bars("lag", data, line_color="#2f7fd0", line_alpha=0.5))
        one.scatter("lag", "c2", source=data, size=4, color="#2f7fd0", legend_label="data")
        if self._looked.result is not None:
            one.add_layout(
                Band(base="lag", lower="low", upper="high", source=model, fill_color="#d55e00", fill_alpha=0.25)
            )
            one.line("lag", "c2", source=model, color="#d55e00", line_width=2, legend_label="model, 95 % band")
        one.add_tools(HoverTool(tooltips=[("lag", "@lag{0.0000} s"), ("c₂", "@c2{0.00000}")]))
        return dress(one)


_RESIDUAL = """
const [seen, fitted, left] = [data, model, residual].map(source => source.data.image[0]);
// Of another window, all three are sent.
if (seen.length === fitted.length && left.length === seen.length) {
  for (let k = 0; k < left.length; k++) left[k] = seen[k] - fitted[k];
  residual.change.emit();
}
"""
_NO_CUT: dict[str, list[float]] = {"lag": [], "c2": [], "low": [], "high": []}


def _image_source(kind: str) -> ColumnDataSource:
    empty = {"image": [np.zeros((1, 1), np.float32)], "x": [0.0], "y": [0.0], "dw": [1.0], "dh": [1.0]}
    return ColumnDataSource(empty, name=f"image of {kind}")
