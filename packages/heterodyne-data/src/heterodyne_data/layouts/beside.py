"""Arrays and numbers beside the maps, by their names: times, selections of frames, and unknown ones.

Other names of known fields are read as these, or compared with them; fields that are not read are listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.contents import Clock
from heterodyne_data.layouts.base import numbers, seconds, times
from heterodyne_data.layouts.units import TIME, stated_unit
from heterodyne_data.source import Source
from heterodyne_data.time_axis import UNIFORM, axis_clock, precision
from heterodyne_spec import MAX_LISTED, DataError, shortened

FIRST = "start_frame"
"""Number of the first frame, 1-based, where there are no ages."""
AGES = ("t", "age", "ages", "time", "times", "timestamp", "timestamps", "t1", "t2")
"""Times of the frames, in s where no unit is stated."""
SIDES = ("t1", "t2")
"""Of these, those that other programs give in camera frames."""
FIRST_AGES = (
    *("t0", "tstart", "agestart", "startage", "toffset", "ageoffset", "firstage", "age0", "initialage"),
    *("tw", "waitingtime", "waittime"),
)
FIRST_FRAMES = ("beginframe", "firstframe", "framestart", "frameoffset", "begin", "beg", "start", "first")
"""Number of the first frame, which some programs count from 0."""
STEPS = ("stride", "strideframe", "strideframes", "avgframe", "avgframes", "average", "averageframes")
PERIODS = ("frametime", "frameperiod", "exposureperiod", "acquireperiod", "timestep")
RATES = ("fps", "framerate", "rate", "ratehz", "frequency", "framespersecond")
"""Frames per second."""
WINDOWS = ("frames", "framerange", "framewindow", "window")
"""First and last frame, which some programs count from 0."""
NUMBERS = ("frame", "frames", "framenumber", "framenumbers", "frameindex", "frameindices")
LAGS = ("lagsteps", "lags", "lagtimes")
VALID, VALID_FRAMES, MASK = "valid", "valid_frames", "mask"
WEIGHTS = ("weight", "weights", "frame_weights")
COUNTING = ("mask", "valid", "bad", "dead", "exclude", "weight", "outlier", "reject", "dropped")
"""Parts of the names of fields that may select frames."""
COUNTING_FRAMES = ("good", "keep", "use", "flag", "skip", "drop", "select", "missing", "nan", "quality")
"""Others, which count only if the name contains "frame" as well."""
OF_PIXELS = ("roi", "pixel", "detector", "label")
SAME_PERIOD = 1e-3
"""Relative tolerance between times between frames from two sources."""
_WITH_UNIT = re.compile(r"(dt|t|times?|ages?|frame_?time|delta_?t)_(s|sec|ms|us|ns)", re.IGNORECASE)
SIDES_OF_STACK = 3
_MAPS = ("c2", "g2", "two_time", "ttcf", "c2_exp", "g12b")
_TIMES = {*AGES, *STEPS, *PERIODS, *RATES}
_KNOWN = {*AGES, *FIRST_AGES, *FIRST_FRAMES, *STEPS, *PERIODS, *RATES, *NUMBERS, *LAGS, "q", "phi", "dt", "startframe"}


def normal(name: str) -> str:
    """Return a name without case and separators."""
    return re.sub(r"[\s_-]", "", name).casefold()


def is_known(name: str) -> bool:
    """Return whether a name is known: a field that is read, a unit, or a selection of frames."""
    word = normal(name)
    return word in _KNOWN or word.endswith(("unit", "units")) or may_count(name) or with_unit(name) is not None


def with_unit(name: str) -> tuple[str, str] | None:
    """Return the two parts of a name of times that ends with their unit, as ``dt_ms``; None for others."""
    match = _WITH_UNIT.fullmatch(name)
    return (normal(match[1]), match[2]) if match else None


def may_count(name: str) -> bool:
    """Return whether a name may be that of a selection of frames, and not of pixels."""
    word = normal(name)
    counting = (*COUNTING, *COUNTING_FRAMES) if "frame" in word else COUNTING
    return any(part in word for part in counting) and not of_pixels(name)


def of_pixels(name: str) -> bool:
    """Return whether a name belongs to the pixels of a detector."""
    return any(part in normal(name) for part in OF_PIXELS)


def arrays(source: Source) -> Iterator[str]:
    """Yield the names of the arrays at the top; unknown ones only if they are not links."""
    here = {*source.direct()}
    yield from (name for name in source.names() if name in here or (is_known(name) and source.has(name)))


def named(source: Source, wanted: str) -> str | None:
    """Return the name of a field, ignoring case and separators; None if there is none."""
    if source.has(wanted):
        return wanted
    # T may be a temperature.
    alike = (name for name in arrays(source) if normal(name) == normal(wanted) and len(wanted) > 1)
    return next(alike, None)


def ages_keys(source: Source, n_t: int) -> list[str]:
    """Return the names of the times of the `n_t` frames, ``t`` before others."""
    found = [name for name in arrays(source) if normal(name) in AGES and (name == "t" or _per_frame(source, name, n_t))]
    return sorted(found, key=lambda name: (AGES.index(normal(name)), name != "t"))


def _per_frame(source: Source, name: str, n_t: int) -> bool:
    return source.dtype(name).kind in "fiu" and source.shape(name) in ((n_t,), (n_t, n_t), (n_t, 1), (1, n_t))


def check_sides(source: Source, key: str, dt: float | None) -> None:
    """Refuse t1 or t2 that may be in frames, if neither a unit nor the time between frames decides."""
    if normal(key) in SIDES and dt is None and stated_unit(source, key, TIME) is None:
        raise DataError(
            f"{key}: states no unit and may be in frames or seconds; add the unit ({key}_unit), or store the ages in s "
            "as t"
        )


def counting_note(source: Source, key: str, ages: NDArray[np.float64]) -> tuple[str, ...]:
    """Return a note on ages without a unit that are 0, 1, 2, ... or 1, 2, 3, ...: they may be frame numbers."""
    numbered = any(np.array_equal(ages, first + np.arange(ages.size)) for first in (0, 1))
    if not numbered or stated_unit(source, key, TIME) is not None:
        return ()
    return (
        f"{key}: {ages[0]:g}, {ages[0] + 1:g}, ... taken as seconds; if these are frame numbers, give "
        f"dt and remove {key}",
    )


def agreeing(source: Source, clock: Clock, n_t: int, used: Iterable[str]) -> Clock:
    """Return a time base, with a fault if an unread time beside the maps contradicts it."""
    for name in arrays(source):
        of_times = normal(name) in _TIMES or with_unit(name) is not None
        if clock.fault is None and name not in used and of_times and source.dtype(name).kind in "fiub":
            fault = _other_step(source, name, clock, n_t)
            clock = clock if fault is None else replace(clock, dt=None, fault=fault)
    return clock


def _other_step(source: Source, name: str, clock: Clock, n_t: int) -> str | None:
    """Return how a field contradicts the time between frames of a time base; None if it agrees or is empty."""
    word, single = normal(name), math.prod(source.shape(name)) == 1
    if (parts := with_unit(name)) is not None:
        return _other_in_unit(source, name, parts[1], clock, n_t)
    if word in AGES and _per_frame(source, name, n_t):
        return _other_ages(source, name, clock, n_t)
    if word in STEPS and single and (count := float(numbers(source, name)[0])) != 1:
        return (
            f"{name}: found {count:g}, so dt may be that of the camera or of the maps; store dt of the maps and "
            f"remove {name}"
        )
    if word in RATES and single and clock.dt is not None:
        rate = float(numbers(source, name)[0])
        if not rate > 0 or abs(1 / rate - clock.dt) > SAME_PERIOD * clock.dt:
            return f"{name}, dt: found {rate:g} frames per second and {clock.dt:g} s between frames; correct them"
    if word in PERIODS and single:
        period = seconds(source, name)[0]
        if clock.dt is None:
            return f"{name}: found {period:g} s, of the camera or of the maps; store the time between frames as dt"
        if period is None or abs(period - clock.dt) > SAME_PERIOD * clock.dt:
            return f"{name}, dt: found {period:g} and {clock.dt:g} s, expected one time between frames; correct them"
    return None


def _other_in_unit(source: Source, name: str, unit: str, clock: Clock, n_t: int) -> str | None:
    """Return how times in a unit stated by their name contradict a time base."""
    if math.prod(source.shape(name)) == 1:
        period = seconds(source, name, unit)[0] or 0.0
        if clock.dt is None:
            return f"{name}: found {period:g} s under a name that is not read; store the time between frames in s as dt"
        differs = abs(period - clock.dt) > SAME_PERIOD * clock.dt
        return f"{name}, dt: found {period:g} and {clock.dt:g} s, expected the same; correct them" if differs else None
    return _other_ages(source, name, clock, n_t, unit) if _per_frame(source, name, n_t) else None


def check_first_frame(source: Source, clock: Clock, n_t: int) -> None:
    """Refuse a number of the first frame, under a name that is not read, that contradicts a time base."""
    for name in arrays(source) if clock.fault is None else ():
        word = normal(name)
        if word not in (*NUMBERS, *FIRST_FRAMES, *FIRST_AGES, *WINDOWS) or source.dtype(name).kind not in "fiu":
            continue
        if word in WINDOWS and math.prod(source.shape(name)) == 2 != n_t:
            _check_window(name, numbers(source, name), clock.start, n_t)
            continue
        single = math.prod(source.shape(name)) == 1
        if word in NUMBERS and source.shape(name) == (n_t,):
            _check_numbers(name, numbers(source, name), clock.start)
        elif word in FIRST_FRAMES and single and not numbers_first(numbers(source, name)[0], clock.start):
            raise DataError(
                f"{name}: found {numbers(source, name)[0]:g}, but the first frame is number {clock.start:g}: it may "
                f"count from 0 or from 1; store it as {FIRST}, counted from 1"
            )
        elif word in FIRST_AGES and single and clock.dt is not None:
            age = seconds(source, name)[0] or 0.0
            # An age of 0 is the start of the first frame; here its end counts.
            if age and abs(age / clock.dt - clock.start) > 0.5 + UNIFORM:
                raise DataError(
                    f"{name}: found {age:g} s, but the first frame is at {clock.start * clock.dt:g} s; store the ages "
                    f"of the frames in s as t, or the number of the first as {FIRST}"
                )


def numbers_first(number: float, start: float) -> bool:
    """Return whether a number is that of the first frame, counted from 1 or from 0."""
    return any(abs(number - one) <= UNIFORM * max(start, 1.0) for one in (start, start - 1))


def _check_window(name: str, ends: NDArray[np.float64], start: float, n_t: int) -> None:
    first, last = ends.tolist()
    # The last may be the one after it.
    if last - first in (n_t - 1, n_t) and numbers_first(first, start):
        return
    raise DataError(
        f"{name}: found {first:g} to {last:g}, but {n_t} frames from number {start:g} on: they may count from 0 or "
        f"from 1; store the number of the first as {FIRST}, counted from 1"
    )


def _check_numbers(name: str, found: NDArray[np.float64], start: float) -> None:
    if np.array_equal(found, found[0] + np.arange(found.size)) and numbers_first(found[0], start):
        return
    raise DataError(
        f"{name}: found {found[0]:g} to {found[-1]:g}, expected consecutive frames from number {start:g}; "
        f"store the ages of the frames in s as t, or the number of the first as {FIRST}, counted from 1"
    )


def _other_ages(source: Source, name: str, clock: Clock, n_t: int, unit: str | None = None) -> str | None:
    values, _ = times(source, name, unit)
    other = axis_clock(values, None, n_t, name, (), precision(source.dtype(name)))
    if other.fault is not None or same_clock(clock, other):
        return other.fault
    return f"{name}: found {told(other)}, but elsewhere {told(clock)}, expected the same times; correct the file"


def same_clock(one: Clock, other: Clock) -> bool:
    """Return whether two time bases agree in their step and in the number of the first frame."""
    steps = one.dt is None or other.dt is None or abs(one.dt - other.dt) <= UNIFORM * one.dt
    return steps and abs(one.start - other.start) <= 0.5 + UNIFORM


def told(clock: Clock) -> str:
    """Return a time base in words."""
    return f"first frame {clock.start:g}" + ("" if clock.dt is None else f" and steps of {clock.dt:g} s")


def unused(source: Source, used: Collection[str], n_t: int) -> tuple[str, ...]:
    """Return a note on fields beside the maps that are not read, other maps included."""
    read = {*used, *_MAPS}
    names = sorted(name for name in arrays(source) if name not in read and not _compared(source, name, n_t))
    names += [
        name for name in _MAPS if name not in used and source.has(name) and len(source.shape(name)) == SIDES_OF_STACK
    ]
    more = f", ... ({len(names) - MAX_LISTED} more)" if len(names) > MAX_LISTED else ""
    return (f"not used: {', '.join(map(shortened, names[:MAX_LISTED]))}{more}",) if names else ()


def _compared(source: Source, name: str, n_t: int) -> bool:
    word = normal(name)
    size = math.prod(source.shape(name)) if word in _KNOWN else 0
    single = word in (*FIRST_AGES, *FIRST_FRAMES, *STEPS, *PERIODS, *RATES) and size == 1
    each = word in (*AGES, *NUMBERS) and size in (n_t, n_t**2)
    if with_unit(name) is not None:
        return math.prod(source.shape(name)) in (1, n_t)
    return single or each or word.endswith(("unit", "units")) or word in (*map(normal, WEIGHTS), *LAGS, "startframe")
