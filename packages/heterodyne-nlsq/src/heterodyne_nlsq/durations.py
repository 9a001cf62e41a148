"""Durations of the stages of a fit, from the last fit of the same size on this machine, or roughly estimated.

The durations, without compilation, are stored in the cache folder together with the compiled functions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

from heterodyne_data import TwoTimeData
from heterodyne_nlsq._version import __version__
from heterodyne_report import Stage, cache_folder
from heterodyne_spec import Config, OutputError, write_text

type Seconds = Mapping[str, float]
"""Seconds by kind of stage, in the order of the stages."""

_NAME = "durations.json"
_MOST = 100
"""Number of stored sizes, the most recent ones."""

_FIRST: Mapping[str, tuple[float, float]] = {
    Stage.LOADING: (1.0, 0.0),
    Stage.COMPILING: (7.0, 0.02),
    Stage.STARTS: (0.5, 0.05),
    Stage.FITS: (2.0, 0.12),
    Stage.UNCERTAINTIES: (6.0, 0.18),
    Stage.PICTURES: (2.0, 0.02),
}
"""Of a first fit: seconds, and seconds for every 300 frames of an azimuth. Two idle cores, 4
azimuths of 128 to 1000 frames, 1 to 16 of 300 (docs/benchmarks.md)."""

_TELLING = 1.0
"""Expected seconds of finished stages from which the current speed of the machine is estimated."""


@dataclass(frozen=True)
class Forecast:
    """Expected durations of the stages of a fit; `known` if they are from an earlier fit of this size."""

    expected: Seconds
    known: bool

    def of(self, kind: str) -> Forecast:
        """Return that of a single kind of stage."""
        return Forecast({one: seconds for one, seconds in self.expected.items() if one == kind}, self.known)

    def left(self, spent: Seconds, kind: str, elapsed: float) -> float | None:
        """Return the remaining seconds, None in a stage of unknown duration.

        Parameters
        ----------
        spent : durations of the finished stages in s.
        kind : kind of the current stage.
        elapsed : elapsed time of the current stage in s.
        """
        if kind not in self.expected:
            return None
        before = list(takewhile(lambda one: one != kind, self.expected))
        promised = sum(self.expected[one] for one in before)
        took = sum(spent.get(one, 0.0) for one in before)
        # On another or a busy machine, the remaining stages take proportionally longer.
        pace = took / promised if promised >= _TELLING else 1.0
        now, later = self.expected[kind], sum(self.expected[one] for one in self.expected if one not in (*before, kind))
        if elapsed > pace * now > 0:
            pace = elapsed / now
        return max(pace * now - elapsed, 0.0) + pace * later


def size_of(data: TwoTimeData, config: Config) -> str:
    """Return the quantities on which the duration of a fit depends, as a key of the record."""
    nlsq, scaling = config.nlsq, json.dumps(config.scaling, sort_keys=True)
    held = sum(not entry.vary or entry.tie is not None for entry in config.model.parameters.values())
    return f"{data.n_phi} x {data.n_t} frames, {held} held, {scaling}, {nlsq.start}, {nlsq.loss}, {__version__}"


def forecast(data: TwoTimeData, config: Config, *, remembered: bool, pictures: bool) -> Forecast:
    """Return the expected duration of a fit.

    Parameters
    ----------
    remembered : whether to use an earlier fit of this size.
    pictures : whether plots are drawn.
    """
    kinds = [kind for kind in _FIRST if pictures or kind != Stage.PICTURES]
    earlier = _read().get(size_of(data, config), {}) if remembered else {}
    if earlier:
        return Forecast({kind: earlier[kind] for kind in kinds if kind in earlier}, True)
    work = data.n_phi * data.n_t / 300
    return Forecast({kind: fixed + each * work for kind, (fixed, each) in _FIRST.items() if kind in kinds}, False)


def remember(data: TwoTimeData, config: Config, spent: Seconds) -> None:
    """Store the durations of the stages of a fit; errors are ignored, because only the forecast depends on it."""
    known, key = _read(), size_of(data, config)
    # Fits without plots keep the stored duration of plots.
    known[key] = {**known.pop(key, {}), **{kind: round(seconds, 3) for kind, seconds in spent.items()}}
    newest = dict(list(known.items())[-_MOST:])
    with suppress(OutputError):
        write_text(cache_folder() / _NAME, json.dumps(newest, indent=1) + "\n")


def _read() -> dict[str, dict[str, float]]:
    """Return the stored durations; empty if there are none, or they are damaged."""
    with suppress(OSError, ValueError):
        found = json.loads((cache_folder() / _NAME).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {key: times for key, times in found.items() if _sound(times)}
    return {}


def _sound(times: object) -> bool:
    return isinstance(times, dict) and all(isinstance(one, int | float) and 0 <= one < 1e9 for one in times.values())
