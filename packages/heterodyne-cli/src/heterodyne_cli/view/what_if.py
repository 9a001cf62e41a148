"""Sliders for every parameter, contrast and offset, which update the model at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn

from heterodyne_cli.view.frame import Soon
from heterodyne_cli.view.values import Values
from heterodyne_data import NLSQResult
from heterodyne_report import format_number
from heterodyne_report.page import paragraph
from heterodyne_spec import ModelSpec, Parameter

_SIGMAS = 10.0
"""Range of a slider on both sides of the fitted value, in standard deviations if there is one."""


class WhatIf:
    """Sliders; `shown` is called with their values, `cost` returns the cost at these values."""

    def __init__(
        self,
        spec: ModelSpec,
        result: NLSQResult,
        shown: Callable[[Values | None], None],
        cost: Callable[[Values], float] | None,
    ) -> None:
        start, sd = Values.of(result), result.sd
        self._start, self._least, self._shown, self._cost = start, result.cost, shown, cost
        self._quiet = False
        self.dials = {p.name: _dial(p, start.parameters[p.name], sd.get(p.name, np.nan)) for p in spec.parameters}
        self.contrast = Dial("contrast, times", 1.0, 0.5, 1.5)
        self.offset = Dial("offset, plus", 0.0, -0.05, 0.05)
        self.reset = pn.widgets.Button(label="Reset to the fit")
        self.text = pn.pane.HTML("", sizing_mode="stretch_width")
        self._soon = Soon()
        for one in (*self.dials.values(), self.contrast, self.offset):
            one.changed = self._moved
        self.reset.on_click(lambda event: self.put_back())
        self._tell(None, 0.0)

    @property
    def values(self) -> Values:
        """The values of the sliders."""
        parameters = {name: one.value for name, one in self.dials.items()}
        contrast, offset = self._start.contrast * self.contrast.value, self._start.offset + self.offset.value
        return Values(parameters, contrast, offset)

    def put_back(self) -> None:
        """Reset the sliders to the fit."""
        self._quiet = True
        try:
            for name, one in self.dials.items():
                one.value = self._start.parameters[name]
            self.contrast.value, self.offset.value = 1.0, 0.0
        finally:
            self._quiet = False
        self._soon("draw", self._draw_fit)

    def _draw_fit(self) -> None:
        self._shown(None)
        self._tell(None, 0.0)

    def view(self, *beside: Any) -> Any:
        """Return the pane; `beside` are buttons beside that of the reset."""
        every = [*self.dials.values(), self.contrast, self.offset]
        return pn.Column(
            pn.FlexBox(self.reset, *beside, gap="8px"),
            self.text,
            pn.FlexBox(*(one.view() for one in every), gap="4px 16px"),
            sizing_mode="stretch_width",
        )

    def _moved(self) -> None:
        """Draw, once for all moves that have arrived in the meantime."""
        if not self._quiet:
            self._soon("draw", self._draw)

    def _draw(self) -> None:
        begin, values = time.perf_counter(), self.values
        self._shown(values)
        self._tell(values, time.perf_counter() - begin)

    def _tell(self, values: Values | None, seconds: float) -> None:
        if values is None:
            self.text.object = paragraph(f"cost {format_number(self._least, 6)} at the fit", mood="note")
        elif self._cost is not None:
            here = self._cost(values)
            against = f"{100 * (here / self._least - 1):+.3g} % relative to the fit"
            self.text.object = paragraph(
                f"cost {format_number(here, 6)}, {against}; drawn in {seconds * 1000:.0f} ms", mood="note"
            )


class Dial:
    """A number and a slider for it, which reaches `start` to `end`; the number may lie outside, within `bounds`.

    `changed` is called after every change of `value`.
    """

    def __init__(
        self, label: str, value: float, start: float, end: float, bounds: tuple[float, float] | None = None
    ) -> None:
        low, high = bounds or (start, end)
        self.number = pn.widgets.FloatInput(
            label=label, value=value, start=low, end=high, step=(end - start) / 200, format="0[.]000000", width=150
        )
        self.slide = pn.widgets.FloatSlider(
            label="", show_value=False, start=start, end=end, step=(end - start) / 200, value=value
        )
        self.slide.width = 240
        self.changed: Callable[[], None] = lambda: None
        self._quiet = False
        self.slide.param.watch(lambda event: self._moved(self.slide, self.number), "value")
        self.number.param.watch(lambda event: self._moved(self.number, self.slide), "value")

    @property
    def value(self) -> float:
        """The number."""
        return float(self.number.value)

    @value.setter
    def value(self, value: float) -> None:
        self.number.value = value

    def view(self) -> Any:
        """Return both, the number above."""
        return pn.Column(self.number, self.slide, width=260)

    def _moved(self, source: Any, other: Any) -> None:
        if self._quiet or source.value is None:
            return
        self._quiet = True
        try:
            other.value = (
                float(np.clip(source.value, self.slide.start, self.slide.end))
                if other is self.slide
                else (source.value)
            )
        finally:
            self._quiet = False
        self.changed()


def _dial(parameter: Parameter, value: float, sd: float) -> Dial:
    low, high = parameter.bounds
    reach = _SIGMAS * sd if np.isfinite(sd) and sd > 0 else max(abs(value), 0.1 * (high - low))
    start, end = max(low, value - reach), min(high, value + reach)
    if parameter.prior.family == "lognormal":
        start = max(start, value / 10)
    unit = "" if parameter.unit == "1" else f" / {parameter.unit}"
    return Dial(f"{parameter.name}{unit}", value, start, end, (low, high))
