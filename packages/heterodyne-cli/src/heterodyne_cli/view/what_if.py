"""Sliders for every parameter, contrast and offset, which update the model at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, CustomJS

from heterodyne_cli.view.frame import Soon
from heterodyne_cli.view.values import Values, label_of
from heterodyne_data import NLSQResult
from heterodyne_report import format_number
from heterodyne_report.page import paragraph
from heterodyne_spec import ModelSpec, Parameter

_SIGMAS = 10.0
"""Range of a slider on both sides of the fitted value, in standard deviations if there is one."""
_PAUSE = 200
"""Milliseconds without a move after which the functions and the cost are updated."""


class WhatIf:
    """Sliders; `shown` is called with their values, and once they rest also `settled`.

    `cost` returns the cost at these values; `answer` is what `shown` changes in the browser.

    In a page, the browser itself asks for the model at its values, again when it has drawn the last answer; of moves
    in between, the latest counts. Panel would send every move of a control, and after a delay.
    """

    def __init__(
        self,
        spec: ModelSpec,
        result: NLSQResult,
        shown: Callable[[Values | None], None],
        settled: Callable[[Values | None], None],
        cost: Callable[[Values], float] | None,
        answer: ColumnDataSource,
    ) -> None:
        start, sd = Values.of(result), result.sd
        self._start, self._least, self._cost = start, result.cost, cost
        self._shown, self._settled = shown, settled
        self._quiet = False
        self.dials = {p.name: _dial(p, start.parameters[p.name], sd.get(p.name, np.nan)) for p in spec.parameters}
        self.contrast = Dial("contrast, times", 1.0, 0.5, 1.5)
        self.offset = Dial("offset, plus", 0.0, -0.05, 0.05)
        self.reset = pn.widgets.Button(label="Reset to the fit")
        self.text = pn.pane.HTML("", sizing_mode="stretch_width")
        self._soon = Soon()
        self._numbers = self._first = [one.value for one in self._every]
        self._asked = ColumnDataSource({"values": self._first}, name="values of the sliders")
        self._asked.on_change("data", lambda attribute, old, new: self._draw(new["values"]))
        answer.js_on_change("data", CustomJS(args={"asked": self._asked}, code=_ANSWERED))
        for position, one in enumerate(self._every):
            one.ask(self._asked, position)
            one.changed = self._moved
        self.reset.on_click(lambda event: self.put_back())
        self._tell(None)

    @property
    def _every(self) -> list[Dial]:
        return [*self.dials.values(), self.contrast, self.offset]

    @property
    def values(self) -> Values:
        """The values of the sliders."""
        parameters = dict(zip(self.dials, self._numbers, strict=False))
        times, plus = self._numbers[-2:]
        return Values(parameters, self._start.contrast * times, self._start.offset + plus)

    def put_back(self) -> None:
        """Reset the sliders to the fit."""
        self._quiet = True
        try:
            for one, value in zip(self._every, self._first, strict=True):
                one.value = value
        finally:
            self._quiet = False
        self._moved()

    def view(self, *beside: Any) -> Any:
        """Return the pane; `beside` are buttons beside that of the reset."""
        return pn.Column(
            pn.FlexBox(self.reset, *beside, gap="8px"),
            self.text,
            pn.FlexBox(*(one.view() for one in self._every), gap="4px 16px"),
            sizing_mode="stretch_width",
        )

    def _moved(self) -> None:
        """Draw what the controls say; in a page, the browser asks for it."""
        if not self._quiet and not self._soon.served:
            self._soon("draw", lambda: self._draw([one.value for one in self._every]))

    def _draw(self, numbers: Sequence[float]) -> None:
        self._numbers = [float(one) for one in numbers]
        values = None if self._numbers == self._first else self.values
        with self._soon.together():
            self._shown(values)
        self._soon.after("settle", _PAUSE, lambda: self._settle(values))

    def _settle(self, values: Values | None) -> None:
        self._settled(values)
        self._tell(values)

    def _tell(self, values: Values | None) -> None:
        if values is None:
            self.text.object = paragraph(f"cost {format_number(self._least, 6)} at the fit", mood="note")
        elif self._cost is not None:
            here = self._cost(values)
            against = f"{100 * (here / self._least - 1):+.3g} % relative to the fit"
            self.text.object = paragraph(f"cost {format_number(here, 6)}, {against}", mood="note")


class Dial:
    """A number and a slider for it, which reaches `start` to `end`; the number may lie outside, within `bounds`.

    `changed` is called after every change of `value`. The browser links the two.
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
        self._value = value
        self.changed: Callable[[], None] = lambda: None
        self.number.param.watch(lambda event: self._moved(event.new), "value")

    @property
    def value(self) -> float:
        """The number, the last one while the field is empty."""
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        self.number.value = value

    def ask(self, asked: ColumnDataSource, position: int) -> None:
        """Let the browser link number and slider, and put the number into `asked` at a position."""
        given = {"number": self.number, "slide": self.slide, "asked": asked, "position": position}
        self.slide.jscallback(args=given, value=_QUESTIONS + _SLID)
        self.number.jscallback(args=given, value=_QUESTIONS + _TYPED)

    def view(self) -> Any:
        """Return both, the number above."""
        return pn.Column(self.number, self.slide, width=260)

    def _moved(self, value: float | None) -> None:
        if value is not None:
            self._value = float(value)
            self.changed()


def _dial(parameter: Parameter, value: float, sd: float) -> Dial:
    low, high = parameter.bounds
    reach = _SIGMAS * sd if np.isfinite(sd) and sd > 0 else max(abs(value), 0.1 * (high - low))
    start, end = max(low, value - reach), min(high, value + reach)
    if parameter.prior.family == "lognormal":
        start = max(start, value / 10)
    return Dial(label_of(parameter), value, start, end, (low, high))


_QUESTIONS = """
const inside = value => Math.min(Math.max(value, slide.start), slide.end);
// Only numbers are sent, and no oftener than answers are drawn.
slide.syncable = false;
asked.latest ??= Array.from(asked.data.values);
asked.slid ??= new Map();
asked.send ??= () => {
  asked.more = asked.busy;
  if (!asked.busy) {
    for (const [number, value] of [...asked.slid]) number.value = value;
    asked.slid.clear();
    if (asked.latest.some((value, k) => value !== asked.data.values[k])) {
      asked.busy = true;
      // Without an answer, the next question is not held back for long.
      asked.timer = setTimeout(asked.answered, 3000);
      asked.data = {values: [...asked.latest]};
    }
  }
  asked.due = false;
};
asked.answered ??= () => {
  clearTimeout(asked.timer);
  asked.busy = false;
  if (asked.more) asked.send();
};
asked.soon ??= () => {
  // Changes that arrive together, such as those of a reset, are one question.
  if (!asked.due) queueMicrotask(asked.send);
  asked.due = true;
};
"""
"""What the browser does with moves: `asked` keeps the latest values, and whether an answer is still to be drawn."""
_SLID = """
// A number that was typed may lie outside of what the slider reaches.
if (slide.value !== inside(asked.slid.get(number) ?? number.value)) {
  asked.slid.set(number, slide.value);
  asked.soon();
}
"""
_TYPED = """
if (number.value !== null) {
  asked.slid.delete(number);
  slide.value = inside(number.value);
  asked.latest[position] = number.value;
  asked.soon();
}
"""
_ANSWERED = "requestAnimationFrame(() => setTimeout(() => asked.answered?.(), 0));"
