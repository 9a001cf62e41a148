"""Unread fields in the groups of a layout that may contradict its times and frames.

Users and later versions of programs add fields to a layout. Fields that may select frames, or contain
other times than those that are read, are named in a note; they have no effect.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator

import numpy as np

from heterodyne_data.contents import Clock
from heterodyne_data.layouts.base import numbers, times
from heterodyne_data.layouts.beside import (
    AGES,
    FIRST_AGES,
    FIRST_FRAMES,
    NUMBERS,
    PERIODS,
    RATES,
    SAME_PERIOD,
    STEPS,
    may_count,
    normal,
    numbers_first,
    of_pixels,
)
from heterodyne_data.source import Source
from heterodyne_data.time_axis import UNIFORM
from heterodyne_spec import DataError, shortened

LAGS = ("delaydifference",)
STEPS_OF_MAPS = ("dt", "deltat")
MOST_LOOKED_AT = 4096
"""Fields of one group."""


def bystanders(
    source: Source, groups: Iterable[str], known: Collection[str], clock: Clock, n_maps: int, n_t: int
) -> tuple[str, ...]:
    """Return notes on fields of some groups that may select frames, or have other times than those that are read.

    Parameters
    ----------
    groups : paths of groups.
    known : keys that are read or have a note already.
    clock : time base that is read.
    n_maps, n_t : number of maps, and of their frames.
    """
    found = [key for key in _fields(source, groups) if key not in known]
    flags = [key for key in found if _tells_frames(source, key, n_maps, n_t)]
    other = [key for key in found if key not in flags and _tells_other_times(source, key, clock, n_t)]
    return (
        *((f"{_listed(flags)}: may select frames, not used; give data.mask_frames",) if flags else ()),
        *(
            (f"{_listed(other)}: differs from the times that are read, not used; check which are correct",)
            if other
            else ()
        ),
    )


def _listed(keys: list[str]) -> str:
    more = f", ... ({len(keys) - 6} more)" if len(keys) > 6 else ""
    return f"{', '.join(map(shortened, keys[:6]))}{more}"


def _fields(source: Source, groups: Iterable[str]) -> Iterator[str]:
    for group in dict.fromkeys(groups):
        # The target of a link may be missing or in another file: only top-level fields of the file itself count.
        names = source.direct() if group == "/" else source.names(group)
        for name in names[:MOST_LOOKED_AT]:
            key = name if group == "/" else f"{group}/{name}"
            if (may_count(name) or _of_times(name)) and _is_numbers(source, key):
                yield key


def _is_numbers(source: Source, key: str) -> bool:
    try:
        return source.has(key) and source.dtype(key).kind in "fiub"
    except DataError:  # a link to elsewhere, as to raw data
        return False


def _of_times(name: str) -> bool:
    word = normal(name)
    return word in (
        *AGES,
        *FIRST_AGES,
        *FIRST_FRAMES,
        *NUMBERS,
        *PERIODS,
        *RATES,
        *STEPS,
        *LAGS,
        *STEPS_OF_MAPS,
        "startframe",
    )


def _tells_frames(source: Source, key: str, n_maps: int, n_t: int) -> bool:
    """Return whether a field of this name has the form of flags, weights or frame numbers, and excludes something."""
    name = key.rpartition("/")[2]
    if not may_count(name) or of_pixels(name):
        return False
    shape, size = source.shape(key), math.prod(source.shape(key))
    if shape[-2:] == (n_t, n_t):
        return True
    if size in (n_t, n_maps * n_t):
        return bool(np.ptp(numbers(source, key)) != 0)
    return len(shape) <= 1 and 0 < size < n_t and source.dtype(key).kind in "iu" and "frame" in normal(name)


def _tells_other_times(source: Source, key: str, clock: Clock, n_t: int) -> bool:
    """Return whether a field of times, in its unit or in s, contradicts a time base."""
    word, size, dt = normal(key.rpartition("/")[2]), math.prod(source.shape(key)), clock.dt
    if size not in (1, n_t) or dt is None:
        return False
    values = numbers(source, key)
    if not np.isfinite(values).all():
        return False
    try:
        seconds = times(source, key)[0] if word not in (*STEPS, *NUMBERS, *RATES) else values
    except DataError:  # of no unit of time
        return False
    if size == 1:
        return _tells_other_number(word, float(seconds[0]), clock)
    if word in NUMBERS:
        return not numbers_first(float(values[0]), clock.start)
    if word in (*AGES, *LAGS):
        steps = np.diff(seconds)
        # Lags and ages count frames, where they do.
        alike = [np.allclose(steps, step, rtol=SAME_PERIOD, atol=0) for step in (dt, 1.0)]
        first = seconds[0] / (dt if alike[0] else 1.0)
        return not any(alike) or (word in AGES and not -UNIFORM <= first <= clock.start + 0.5 + UNIFORM)
    return False


def _tells_other_number(word: str, value: float, clock: Clock) -> bool:
    dt = clock.dt or math.nan
    if word in (*PERIODS, *STEPS_OF_MAPS, *RATES):
        # Those of the maps, or those of the camera if each frame of the maps averages several.
        frames = 0.0 if value <= 0 else dt * value if word in RATES else dt / value
        return frames > 0 and abs(frames - max(round(frames), 1)) > SAME_PERIOD * frames
    if word in STEPS:
        return value not in (0, 1)
    if word in (*FIRST_FRAMES, "startframe"):
        return not numbers_first(value, clock.start)
    return word in FIRST_AGES and value != 0 and abs(value / dt - clock.start) > 0.5 + UNIFORM
