"""The functions of age with their bands, for several results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import panel as pn
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure

from heterodyne_cli.view.style import DASHES, dress, error_bars
from heterodyne_cli.view.values import Values
from heterodyne_data import AgeResolved
from heterodyne_report import SERIES_COLOURS, TimeCourse
from heterodyne_spec import ModelSpec

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """The curves of one result: its functions of age, and the reasons why some are not stated."""

    title: str
    courses: Sequence[TimeCourse]
    reasons: Mapping[str, str]
    slices: AgeResolved | None = None


class FunctionPane:
    """Panels of the functions of age; `overlay` reads those of other results, by name."""

    def __init__(
        self, own: Curves, overlay: Mapping[str, Callable[[], Curves]], spec: ModelSpec, t: FloatArray
    ) -> None:
        self._own, self._overlay, self._spec, self._t = own, dict(overlay), spec, t
        self._trial = {course.name: ColumnDataSource({"t": [], "value": []}) for course in own.courses}
        self.axes = pn.widgets.Select(label="axes", options=["linear", "log age", "log value", "log both"], width=120)
        self.slices = pn.widgets.Checkbox(label="age slices", value=own.slices is not None, disabled=own.slices is None)
        self.others = pn.widgets.MultiChoice(label="compare with", options=list(self._overlay), width=320)
        self._place = pn.FlexBox(gap="8px")
        for widget in (self.axes, self.slices, self.others):
            widget.param.watch(lambda event: self.refresh(), "value")
        self.refresh()

    def view(self) -> Any:
        """Return the pane."""
        return pn.Column(
            pn.FlexBox(self.axes, self.others, self.slices, gap="8px", align_items="end"),
            self._place,
            sizing_mode="stretch_width",
        )

    def add(self, name: str, curves: Curves) -> None:
        """Add a result to the plots."""
        self._overlay[name] = lambda: curves
        self.others.options = list(self._overlay)
        self.others.value = [*self.others.value, name]

    def show_values(self, values: Values | None) -> None:
        """Show the functions at trial values; None removes them."""
        for name, source in self._trial.items():
            if values is None:
                source.data = {"t": [], "value": []}
            else:
                source.data = {"t": self._t, "value": self._spec.evaluate(name, values.parameters, self._t)}

    def refresh(self) -> None:
        """Draw the current choices."""
        drawn = [self._own, *(self._overlay[name]() for name in self.others.value)]
        self._place.objects = [pn.pane.Bokeh(self._panel(course, drawn)) for course in self._own.courses]

    def _panel(self, course: TimeCourse, drawn: Sequence[Curves]) -> Any:
        kinds = {"linear": ("linear", "linear"), "log age": ("log", "linear"), "log value": ("linear", "log")}
        x_axis, y_axis = kinds.get(self.axes.value, ("log", "log"))
        one = figure(
            width=420,
            height=280,
            x_axis_type=x_axis,
            y_axis_type=y_axis,
            x_axis_label="age t / s",
            y_axis_label=course.label,
            tools="pan,wheel_zoom,box_zoom,reset,save",
            title=self._title(course),
            name=course.name,
        )
        if self.slices.value and self._own.slices is not None:
            _draw_slices(one, self._own.slices, course.name)
        for number, curves in enumerate(drawn):
            of = next((c for c in curves.courses if c.name == course.name), None)
            if of is not None and course.name not in curves.reasons:
                _draw(one, of, curves.title, number)
        one.line("t", "value", source=self._trial[course.name], color="#707780", line_dash="dotted", line_width=2)
        one.add_tools(HoverTool(tooltips=[("age", "$x{0.000} s"), (course.name, "$y{0.0000}")]))
        if len(drawn) > 1 and one.legend:
            one.legend.label_text_font_size, one.legend.padding = "10px", 4
        elif one.legend:
            one.legend.visible = False
        return dress(one)

    def _title(self, course: TimeCourse) -> str:
        why = self._own.reasons.get(course.name)
        return f"not stated: {why}" if why else f"{course.subject}, 68 and 95 % bands"


def _draw(one: Any, course: TimeCourse, title: str, number: int) -> None:
    colour = SERIES_COLOURS[number % len(SERIES_COLOURS)]
    lowest, low, middle, high, highest = course.quantiles
    for lower, upper, alpha in ((lowest, highest, 0.15), (low, high, 0.25)):
        one.varea(course.t, lower, upper, color=colour, alpha=alpha)
    dash = DASHES[number % len(DASHES)]
    one.line(course.t, middle, color=colour, line_width=2, line_dash=dash, legend_label=title)


def _draw_slices(one: Any, found: AgeResolved, name: str) -> None:
    there = np.isfinite(found.values[name])
    t, values, sd = found.t[there], found.values[name][there], found.sd[name][there]
    source = ColumnDataSource({"t": t, "value": values, "low": values - sd, "high": values + sd})
    one.scatter("t", "value", source=source, size=5, color=SERIES_COLOURS[-1])
    one.add_layout(error_bars("t", source, line_color=SERIES_COLOURS[-1]))
