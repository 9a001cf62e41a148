"""How long the stages of a fit take: as in the last fit of this size on this machine, or roughly.

The seconds are kept beside the compiled functions, without those of the compiler: where a fit of the size is noted, its
functions are kept as well.
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
"""Sizes that are remembered, those fitted last."""

_FIRST: Mapping[str, tuple[float, float]] = {
    Stage.LOADING: (1.0, 0.0),
    Stage.COMPILING: (7.0, 0.02),
    Stage.STARTS: (0.5, 0.05),
    Stage.FITS: (2.0, 0.12),
    Stage.UNCERTAINTIES: (6.0, 0.18),
    Stage.PICTURES: (2.0, 0.02),
}
"""Of a first fit: seconds, and seconds for every 300 frames of an azimuth. Two cores with nothing else to do, 4
azimuths of 128 to 1000 frames, 1 to 16 of 300 (docs/benchmarks.md)."""

_TELLING = 1.0
"""Expected seconds from which stages that are over tell how fast this machine is now."""


@dataclass(frozen=True)
class Forecast:
    """What the stages of a fit are expected to take; `known` where an earlier fit of this size took it."""

    expected: Seconds
    known: bool

    def left(self, spent: Seconds, kind: str, elapsed: float) -> float | None:
        """Return how many seconds are left, None in a stage that nothing is known of.

        Parameters
        ----------
        spent : seconds that the stages before took.
        kind : the kind of stage that goes on.
        elapsed : seconds that it has taken so far.
        """
        if kind not in self.expected:
            return None
        before = list(takewhile(lambda one: one != kind, self.expected))
        promised = sum(self.expected[one] for one in before)
        took = sum(spent.get(one, 0.0) for one in before)
        # Another machine, or one with other work: what is to come takes longer in proportion.
        pace = took / promised if promised >= _TELLING else 1.0
        now, later = self.expected[kind], sum(self.expected[one] for one in self.expected if one not in (*before, kind))
        if elapsed > pace * now > 0:
            pace = elapsed / now
        return max(pace * now - elapsed, 0.0) + pace * later


def size_of(data: TwoTimeData, config: Config) -> str:
    """Return what the time of a fit depends on, as a key of the record."""
    nlsq, scaling = config.nlsq, json.dumps(config.scaling, sort_keys=True)
    held = sum(not entry.vary or entry.tie is not None for entry in config.model.parameters.values())
    return f"{data.n_phi} x {data.n_t} frames, {held} held, {scaling}, {nlsq.start}, {nlsq.loss}, {__version__}"


def forecast(data: TwoTimeData, config: Config, *, remembered: bool, pictures: bool) -> Forecast:
    """Return what a fit is expected to take.

    Parameters
    ----------
    remembered : whether an earlier fit of this size tells; otherwise as if none had been made before.
    pictures : whether pictures follow.
    """
    kinds = [kind for kind in _FIRST if pictures or kind != Stage.PICTURES]
    earlier = _read().get(size_of(data, config), {}) if remembered else {}
    if earlier:
        return Forecast({kind: earlier[kind] for kind in kinds if kind in earlier}, True)
    work = data.n_phi * data.n_t / 300
    return Forecast({kind: fixed + each * work for kind, (fixed, each) in _FIRST.items() if kind in kinds}, False)


def remember(data: TwoTimeData, config: Config, spent: Seconds) -> None:
    """Keep what the stages of a fit took; where that cannot be written, nothing is lost but the forecast."""
    known, key = _read(), size_of(data, config)
    # Fits without pictures leave what is known of those.
    known[key] = {**known.pop(key, {}), **{kind: round(seconds, 3) for kind, seconds in spent.items()}}
    newest = dict(list(known.items())[-_MOST:])
    with suppress(OutputError):
        write_text(cache_folder() / _NAME, json.dumps(newest, indent=1) + "\n")


def _read() -> dict[str, dict[str, float]]:
    """Return what is noted; nothing when there is no record, or it is damaged."""
    with suppress(OSError, ValueError):
        found = json.loads((cache_folder() / _NAME).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {key: times for key, times in found.items() if _sound(times)}
    return {}


def _sound(times: object) -> bool:
    return isinstance(times, dict) and all(isinstance(one, int | float) and 0 <= one < 1e9 for one in times.values())
