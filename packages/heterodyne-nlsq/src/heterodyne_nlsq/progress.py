"""Progress display of a fit: stage, elapsed and remaining time."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from heterodyne_nlsq.durations import Forecast
from heterodyne_report import Console, Progress, Stage, stage_kind, time_left

_BRIEF = 0.3
"""Duration of compilation in s that is not shown."""


class Compiler:
    """Tracks whether JAX is compiling, and for how long, from its monitoring events."""

    def __init__(self) -> None:
        self._seconds, self._begin = 0.0, math.inf

    def listen(self, event: str, duration_secs: float, **_: str | int) -> None:
        """Handle an event: a function was lowered and will be compiled, or has been compiled."""
        if event.endswith("/jaxpr_to_mlir_module_duration"):
            self._begin = time.monotonic()
        elif event.endswith("/backend_compile_duration"):
            self._begin = math.inf
            self._seconds += duration_secs

    @property
    def busy(self) -> float:
        """Duration of the current compilation in s, 0 if there is none."""
        return max(time.monotonic() - self._begin, 0.0)

    @property
    def seconds(self) -> float:
        """Seconds of compiling so far."""
        return self._seconds + self.busy


@functools.cache
def compiler() -> Compiler:
    """Return the listener to JAX in this process; for commands only, because it cannot be unregistered."""
    import jax

    found = Compiler()
    jax.monitoring.register_event_duration_secs_listener(found.listen)
    return found


@contextmanager
def listening[Listener](progress: Listener | bool | None) -> Iterator[Listener | FitProgress | None]:
    """Yield the function that is called with the progress of a fit: the given one, or for True a display that ends with
    the block."""
    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield None
    else:
        with Console().progress() as shown:
            yield FitProgress(shown)


class FitProgress:
    """The `progress` of a fit that a command shows."""

    def __init__(self, shown: Progress, forecast: Forecast | None = None):
        self._shown, self._forecast = shown, forecast
        self._stage, self._detail, self._begin, self._count = "", "", time.monotonic(), 0
        self._compiler: Compiler | None = None
        self._compiled = 0.0
        self._spent: dict[str, float] = {}
        self._net: dict[str, float] = {}

    def hear_compiler(self) -> None:
        """Show from now on when JAX compiles, and count it separately."""
        self._compiler = compiler()
        self._compiled = self._compiler.seconds

    def stage(self, name: str) -> None:
        """Show that a stage begins."""
        self._close()
        self._stage, self._detail = name, ""
        self._shown.keep(self._text, at_once=True, stage=name, seconds_left=self._left())

    def __call__(self, iteration: int, cost: float) -> None:
        """Show an iteration of a fit."""
        self._count += 1
        self._detail = f"iteration {self._count}, cost {cost:.6g}"
        seconds = round(time.monotonic() - self._begin, 3)
        self._shown.keep(
            self._text,
            stage=self._stage,
            iteration=self._count,
            cost=cost,
            seconds=seconds,
            seconds_left=self._left(),
        )

    def finish(self) -> dict[str, float]:
        """End the last stage, and return the seconds of all by kind, without those of the compiler."""
        self._close()
        self._stage = ""
        return dict(self._net)

    def _close(self) -> None:
        now, kind = time.monotonic(), stage_kind(self._stage)
        compiled = self._compiler.seconds if self._compiler else 0.0
        if self._stage:
            took = now - self._begin
            self._spent[kind] = self._spent.get(kind, 0.0) + took
            self._net[kind] = self._net.get(kind, 0.0) + max(took - (compiled - self._compiled), 0.0)
        self._begin, self._compiled = now, compiled

    def _left(self) -> float | None:
        """Return the remaining seconds, None if unknown."""
        if self._forecast is None:
            return None
        kind = stage_kind(self._stage)
        left = self._forecast.left(self._spent, kind, self._spent.get(kind, 0.0) + time.monotonic() - self._begin)
        return None if left is None else round(left, 1)

    def _text(self) -> str:
        """Return the displayed line."""
        elapsed, left = time.monotonic() - self._begin, self._left()
        compiling = self._compiler is not None and self._compiler.busy > _BRIEF and self._stage != Stage.COMPILING
        parts = [self._detail] if self._detail else []
        parts += ["compiling"] if compiling else []
        parts += [f"{elapsed:.0f} s"]
        if left is not None and self._forecast is not None:
            words = time_left(left)
            parts += [words if self._forecast.known else words.replace("about", "roughly")]
        return f"{self._stage}: {', '.join(parts)}"
