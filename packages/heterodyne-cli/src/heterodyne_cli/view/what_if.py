"""Sliders for every parameter, contrast and offset, which update the model at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn

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
        self.sliders = {p.name: _slider(p, start.parameters[p.name], sd.get(p.name, np.nan)) for p in spec.parameters}
        self.contrast = pn.widgets.FloatSlider(label="contrast, times", start=0.5, end=1.5, step=0.005, value=1.0)
        self.offset = pn.widgets.FloatSlider(label="offset, plus", start=-0.05, end=0.05, step=0.0005, value=0.0)
        self.reset = pn.widgets.Button(label="Reset to the fit")
        self.text = pn.pane.HTML("", sizing_mode="stretch_width")
        for one in (*self.sliders.values(), self.contrast, self.offset):
            one.param.watch(lambda event: self._moved(), "value")
        self.reset.on_click(lambda event: self.put_back())
        self._tell(None, 0.0)

    @property
    def values(self) -> Values:
        """The values of the sliders."""
        parameters = {name: float(one.value) for name, one in self.sliders.items()}
        contrast, offset = self._start.contrast * self.contrast.value, self._start.offset + self.offset.value
        return Values(parameters, contrast, offset)

    def put_back(self) -> None:
        """Reset the sliders to the fit."""
        self._quiet = True
        try:
            for name, one in self.sliders.items():
                one.value = self._start.parameters[name]
            self.contrast.value, self.offset.value = 1.0, 0.0
        finally:
            self._quiet = False
        self._shown(None)
        self._tell(None, 0.0)

    def view(self, *beside: Any) -> Any:
        """Return the pane; `beside` are buttons next to the reset button."""
        every = [*self.sliders.values(), self.contrast, self.offset]
        return pn.Column(
            pn.FlexBox(self.reset, *beside, gap="8px"),
            self.text,
            pn.FlexBox(*every, gap="4px 16px"),
            sizing_mode="stretch_width",
        )

    def _moved(self) -> None:
        if self._quiet:
            return
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


def _slider(parameter: Parameter, value: float, sd: float) -> Any:
    low, high = parameter.bounds
    reach = _SIGMAS * sd if np.isfinite(sd) and sd > 0 else max(abs(value), 0.1 * (high - low))
    start, end = max(low, value - reach), min(high, value + reach)
    if parameter.prior.family == "lognormal":
        start = max(start, value / 10)
    unit = "" if parameter.unit == "1" else f" / {parameter.unit}"
    return pn.widgets.EditableFloatSlider(
        label=f"{parameter.name}{unit}",
        start=start,
        end=end,
        fixed_start=low,
        fixed_end=high,
        step=(end - start) / 200,
        value=value,
        format="0[.]0000",
        width=260,
    )
