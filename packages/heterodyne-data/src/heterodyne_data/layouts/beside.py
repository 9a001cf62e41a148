"""Arrays and numbers beside the maps, by what they are called: which tell times, which frames, and which nothing.

Names that mean what a field means that is read are read as it, or compared with it; what nobody reads is listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.contents import Clock
from heterodyne_data.layouts.base import numbers, seconds, times
from heterodyne_data.layouts.units import TIME, stated_unit
from heterodyne_data.source import Source
from heterodyne_data.time_axis import UNIFORM, axis_clock, precision
from heterodyne_spec.errors import DataError, shortened
from heterodyne_spec.wording import LONGEST

FIRST = "start_frame"
"""Number of the first frame, 1-based, where there are no ages."""
AGES = ("t", "age", "ages", "time", "times", "timestamp", "timestamps", "t1", "t2")
"""Times of the frames, in s where no unit is stated."""
SIDES = ("t1", "t2")
"""Of these, those that other programs count in frames of the camera."""
FIRST_AGES = ("t0", "tstart", "agestart", "startage", "toffset", "ageoffset", "firstage")
FIRST_FRAMES = ("beginframe", "firstframe", "framestart", "frameoffset", "begin", "beg", "start", "first")
"""Numbers of the first frame, which some count from 0."""
STEPS = ("stride", "strideframe", "strideframes", "avgframe", "avgframes", "average", "averageframes")
PERIODS = ("frametime", "frameperiod", "exposureperiod", "acquireperiod", "timestep")
NUMBERS = ("frame", "frames", "framenumber", "framenumbers", "frameindex", "frameindices")
LAGS = ("lagsteps", "lags", "lagtimes")
VALID, VALID_FRAMES, MASK = "valid", "valid_frames", "mask"
WEIGHTS = ("weight", "weights", "frame_weights")
COUNTING = ("mask", "valid", "bad", "dead", "exclude", "weight", "outlier", "reject", "dropped")
"""Parts of the names of what may tell which frames count."""
COUNTING_FRAMES = ("good", "keep", "use", "flag", "skip", "drop", "select", "missing", "nan", "quality")
"""Others, where the name has frames in it as well."""
OF_PIXELS = ("roi", "pixel", "detector", "label")
SAME_PERIOD = 1e-3
"""Relative, of times between frames from two sources."""
_MAPS = ("c2", "g2", "two_time", "ttcf", "c2_exp", "g12b")
_TIMES = {*AGES, *STEPS, *PERIODS}
_KNOWN = {*AGES, *FIRST_AGES, *FIRST_FRAMES, *STEPS, *PERIODS, *NUMBERS, *LAGS, "q", "phi", "dt", "startframe"}


def normal(name: str) -> str:
    """Return a name without case and separators."""
    return re.sub(r"[\s_-]", "", name).casefold()


def is_known(name: str) -> bool:
    """Tell whether a name means something here: a field that is read, a unit, or what may tell which frames count."""
    word = normal(name)
    return word in _KNOWN or word.endswith(("unit", "units")) or may_count(name)


def may_count(name: str) -> bool:
    """Tell whether a name may be one of what tells which frames count, and not of pixels."""
    word = normal(name)
    counting = (*COUNTING, *COUNTING_FRAMES) if "frame" in word else COUNTING
    return any(part in word for part in counting) and not of_pixels(name)


def of_pixels(name: str) -> bool:
    """Tell whether a name is one of what belongs to the pixels of a detector."""
    return any(part in normal(name) for part in OF_PIXELS)


def arrays(source: Source) -> Iterator[str]:
    """Yield the names of what stands at the top and is no group; what means nothing here not where a link leads."""
    here = {*source.direct()}
    yield from (name for name in source.names() if name in here or (is_known(name) and source.has(name)))


def named(source: Source, wanted: str) -> str | None:
    """Return the name of a field, in whatever case and with whatever separators it is written; None without one."""
    if source.has(wanted):
        return wanted
    # T is a temperature as often as a time.
    alike = (name for name in arrays(source) if normal(name) == normal(wanted) and len(wanted) > 1)
    return next(alike, None)


def ages_keys(source: Source, n_t: int) -> list[str]:
    """Return the names of the times of the `n_t` frames, ``t`` before others."""
    found = [name for name in arrays(source) if normal(name) in AGES and (name == "t" or _per_frame(source, name, n_t))]
    return sorted(found, key=lambda name: (AGES.index(normal(name)), name != "t"))


def _per_frame(source: Source, name: str, n_t: int) -> bool:
    return source.dtype(name).kind in "fiu" and source.shape(name) in ((n_t,), (n_t, n_t), (n_t, 1), (1, n_t))


def check_sides(source: Source, key: str, dt: float | None) -> None:
    """Refuse t1 or t2 that may count frames, where neither a unit nor the time between frames tells."""
    if normal(key) in SIDES and dt is None and stated_unit(source, key, TIME) is None:
        raise DataError(
            f"{key}: states no unit and may count frames or seconds; add the unit ({key}_unit), or store the ages in s "
            "as t"
        )


def agreeing(source: Source, clock: Clock, n_t: int, used: Iterable[str]) -> Clock:
    """Return a time base, at fault where a time beside the maps that nobody read contradicts it."""
    for name in arrays(source):
        if clock.fault is None and name not in used and normal(name) in _TIMES and source.dtype(name).kind in "fiub":
            fault = _other_step(source, name, clock, n_t)
            clock = clock if fault is None else replace(clock, dt=None, fault=fault)
    return clock


def _other_step(source: Source, name: str, clock: Clock, n_t: int) -> str | None:
    """Return what a field says else than a time base of the time between frames; None where it agrees, or is silent."""
    word, single = normal(name), math.prod(source.shape(name)) == 1
    if word in AGES and _per_frame(source, name, n_t):
        return _other_ages(source, name, clock, n_t)
    if word in STEPS and single and (count := float(numbers(source, name)[0])) != 1:
        return (
            f"{name}: found {count:g}, so that dt may be that of the camera or of the maps; store dt of the maps and "
            f"take {name} out"
        )
    if word in PERIODS and single:
        period = seconds(source, name)[0]
        if clock.dt is None:
            return f"{name}: found {period:g} s, of the camera or of the maps; store the time between frames as dt"
        if period is None or abs(period - clock.dt) > SAME_PERIOD * clock.dt:
            return f"{name}, dt: found {period:g} and {clock.dt:g} s, expected one time between frames; correct them"
    return None


def check_first_frame(source: Source, clock: Clock, n_t: int) -> None:
    """Refuse what tells another first frame than a time base does under a name that is not read."""
    for name in arrays(source) if clock.fault is None else ():
        word = normal(name)
        if word not in (*NUMBERS, *FIRST_FRAMES, *FIRST_AGES) or source.dtype(name).kind not in "fiu":
            continue
        single = math.prod(source.shape(name)) == 1
        if word in NUMBERS and source.shape(name) == (n_t,):
            _check_numbers(name, numbers(source, name), clock.start)
        elif word in FIRST_FRAMES and single and not _numbers_first(numbers(source, name)[0], clock.start):
            raise DataError(
                f"{name}: found {numbers(source, name)[0]:g}, and the first frame is number {clock.start:g}: it may "
                f"count from 0 or from 1; store it as {FIRST}, counted from 1"
            )
        elif word in FIRST_AGES and single and clock.dt is not None:
            age = seconds(source, name)[0] or 0.0
            # An age of 0 is the start of the first frame, and that of its end is counted here.
            if age and abs(age / clock.dt - clock.start) > 0.5 + UNIFORM:
                raise DataError(
                    f"{name}: found {age:g} s, and the first frame is {clock.start * clock.dt:g} s old; store the ages "
                    f"of the frames in s as t, or the number of the first as {FIRST}"
                )


def _numbers_first(number: float, start: float) -> bool:
    """Tell whether a number is that of the first frame, counted from 1 or from 0."""
    return any(abs(number - one) <= UNIFORM * max(start, 1.0) for one in (start, start - 1))


def _check_numbers(name: str, found: NDArray[np.float64], start: float) -> None:
    if np.array_equal(found, found[0] + np.arange(found.size)) and _numbers_first(found[0], start):
        return
    raise DataError(
        f"{name}: found {found[0]:g} to {found[-1]:g}, and the first frame is number {start:g}, one after the other; "
        f"store the ages of the frames in s as t, or the number of the first as {FIRST}, counted from 1"
    )


def _other_ages(source: Source, name: str, clock: Clock, n_t: int) -> str | None:
    values, _ = times(source, name)
    other = axis_clock(values, None, n_t, name, (), precision(source.dtype(name)))
    if other.fault is not None or same_clock(clock, other):
        return other.fault
    return f"{name}: found {told(other)}, and elsewhere {told(clock)}, expected the same times; correct the file"


def same_clock(one: Clock, other: Clock) -> bool:
    """Tell whether two time bases agree: in their step, and in the number of the first frame."""
    steps = one.dt is None or other.dt is None or abs(one.dt - other.dt) <= UNIFORM * one.dt
    return steps and abs(one.start - other.start) <= 0.5 + UNIFORM


def told(clock: Clock) -> str:
    """Return a time base in words."""
    return f"a first frame of number {clock.start:g}" + ("" if clock.dt is None else f" and steps of {clock.dt:g} s")


def unused(source: Source, used: Iterable[str], n_t: int) -> tuple[str, ...]:
    """Return a note on what stands beside the maps and says nothing to a reader here."""
    read = {*used, *_MAPS}
    names = sorted(name for name in arrays(source) if name not in read and not _compared(source, name, n_t))
    more = f", ... ({len(names) - LONGEST} more)" if len(names) > LONGEST else ""
    return (f"not used: {', '.join(map(shortened, names[:LONGEST]))}{more}",) if names else ()


def _compared(source: Source, name: str, n_t: int) -> bool:
    word = normal(name)
    size = math.prod(source.shape(name)) if word in _KNOWN else 0
    single = word in (*FIRST_AGES, *FIRST_FRAMES, *STEPS, *PERIODS) and size == 1
    each = word in (*AGES, *NUMBERS) and size in (n_t, n_t**2)
    return single or each or word.endswith(("unit", "units")) or word in (*map(normal, WEIGHTS), *LAGS, "startframe")
