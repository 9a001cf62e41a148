"""Progress display of a sampling: finished shards, divergences, remaining time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from heterodyne_report import Console, Progress

PREPARING = "preparing the sampling"
"""Stage between the point estimate and the first draw: mostly compilation."""


@contextmanager
def listening[Listener](progress: Listener | bool | None) -> Iterator[Listener | SamplingProgress | None]:
    """Yield the function that is called with the progress: the given one, or for True a display that ends with the
    block."""
    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield None
    else:
        with Console().progress() as shown:
            yield SamplingProgress(shown)


class SamplingProgress:
    """Progress display: finished shards, divergences and remaining time, or elapsed seconds before the first report."""

    def __init__(self, shown: Progress):
        self._shown = shown
        self._count_seconds(PREPARING, stage=PREPARING)

    def __call__(self, done: float, total: int, divergences: int, seconds_left: float) -> None:
        fields: dict[str, Any] = {"done": done, "of": total, "divergences": divergences, "seconds_left": seconds_left}
        if math.isnan(seconds_left):
            fields["seconds_left"] = None
            self._count_seconds(f"sampling: {_share(done, total)}", stage="sampling", **fields)
            return
        text = _progress(done, total, divergences, seconds_left)
        if done >= total:
            self._count_seconds(text, stage="combining", **fields)
        else:
            self._shown.show(text, stage="sampling", **fields)

    def _count_seconds(self, text: str, **fields: Any) -> None:
        begin = time.monotonic()
        self._shown.keep(lambda: f"{text}: {time.monotonic() - begin:.0f} s", at_once=True, **fields)


def _progress(done: float, total: int, divergences: int, seconds_left: float) -> str:
    """Return the progress of the sampling in one line."""
    if done >= total:
        what = "combining them" if total > 1 else "putting the result together"
        return f"{_share(total, total)}, {divergences} divergences; {what}"
    minutes, seconds = divmod(round(seconds_left), 60)
    left = f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
    return f"sampling: {_share(done, total)}, {divergences} divergences so far, about {left} left"


def _share(done: float, total: int) -> str:
    """Return how much is done in words: shards, or a part of the only one."""
    if total == 1:
        return f"{100 * done:.0f} % done"
    part = f"{done:.0f}" if float(done).is_integer() else f"{done:.2f}"
    return f"{part} of {total} shards done"
