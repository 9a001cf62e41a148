"""Maps with a time axis for each side: t1 and t2, in camera frames or seconds; or age and lag."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from heterodyne_data.contents import Clock
from heterodyne_data.layouts.base import axis, seconds, time_between, times
from heterodyne_data.layouts.units import TIME, stated_unit
from heterodyne_data.source import Source
from heterodyne_data.time_axis import UNIFORM, axis_clock, check_ages, mean_step, precision, uniform_step
from heterodyne_spec import DataError

SAME_PERIOD = 1e-3
"""Relative tolerance between times between frames from two sources."""
T1, T2, AGE, LAG = "t1", "t2", "age", "lag"
FORMS = ("t1,t2", "t2,t1", "age,lag", "lag,age")
"""Possible axes of a map; it is symmetric for the first two."""


def check_axes(source: Source, group: str, maps: str) -> None:
    """Refuse maps whose sides are age and lag.

    Age is the mean of the two times of a pair, half a frame off for every other lag: such a map is interpolated
    or averaged, and cannot be converted back to pairs of frames.
    """
    form = stated_form(source, group, maps)
    aged = source.has(f"{group}{AGE}") and source.has(f"{group}{LAG}") and not source.has(f"{group}{T1}")
    if form in (f"{AGE},{LAG}", f"{LAG},{AGE}") or (not form and aged):
        raise DataError(
            f"{maps}: its axes are age and lag, expected t1 and t2: it cannot be converted exactly to pairs of frames; "
            "correlate again with ttcf_format='t1,t2'"
        )


def stated_form(source: Source, group: str, maps: str) -> str:
    """Return the axes of the maps as stated in the file, as ``t1,t2``; "" if not stated."""
    stated = source.attribute(maps, "ttcf_format")
    words = source.texts(f"{group}ttcf_format") or ((stated,) if isinstance(stated, str) else ())
    form = re.sub(r"[\s()\[\]'\"]", "", ",".join(words)).casefold()
    if form and form not in FORMS:
        raise DataError(
            f"{maps}: found ttcf_format = {','.join(words)!r}, expected t1,t2; correlate again with "
            "ttcf_format='t1,t2', or correct the field"
        )
    return form


def axes_clock(source: Source, group: str, n_t: int, frame_time: str | None) -> Clock:
    """Return the time base from t1 (and t2) of `group`, a path that ends with a slash, or empty.

    Times without a unit are in camera frames if `frame_time`, the key of the period in s, is present; bins of
    several frames are at their middle. Without either, they determine nothing.
    """
    key = f"{group}{T1}"
    if not source.has(key):
        known = frame_time is not None and source.has(frame_time)
        return Clock(None, 1.0, f"{key} is missing" + (f", and {frame_time} is that of the camera" if known else ""))
    eps, other = precision(source.dtype(key)), f"{group}{T2}"
    units = [stated_unit(source, one, TIME) for one in (key, other) if source.has(one)]
    unit = next((one for one in units if one is not None), None)
    if not same_axes(source, key, other, unit):
        raise DataError(f"{key}, {T2}: found different times, expected the same on both axes; correct the file")
    if unit is not None:
        ages, notes = times(source, key, unit)
        clock = axis_clock(ages, None, n_t, key, notes, eps)
        return clock if frame_time is None else binned_clock(source, clock, key, frame_time)
    counts = axis(source, key)
    check_ages(counts, n_t, key)
    if frame_time is None:
        why = f"{key}: states no unit, and programs of this layout write camera frames as well as seconds"
        return Clock(None, float(counts[0]) / mean_step(counts), "", (), why)
    step = uniform_step(counts, None, key, eps)
    if step < 1 - UNIFORM or abs(step - round(step)) > UNIFORM * step:
        raise DataError(
            f"{key}: found steps of {step:g} without a unit, expected whole camera frames; add the unit as the "
            "attribute units"
        )
    if abs(2 * counts[0] - round(2 * counts[0])) > UNIFORM:
        raise DataError(
            f"{key}: begins at {counts[0]:g} without a unit, expected the middle of whole camera frames; add "
            "the unit as the attribute units"
        )
    binned = round(step)
    period, notes = seconds(source, frame_time)
    if period is not None and period > 1 and abs(step / period - round(step / period)) <= UNIFORM:
        raise DataError(
            f"{key}: found steps of {step:g} without a unit: camera frames or, with {frame_time} = "
            f"{period:g} s, seconds; add the unit as the attribute units"
        )
    words = (f"every frame of the maps is {binned} of the camera's ({key})",) if binned > 1 else ()
    # The time of a frame is its number, or half a frame more; its age is that at the end, as in other layouts.
    start = max(math.floor(counts[0] - (binned - 1) / 2 + UNIFORM), 0) / binned + 1.0
    found = f"{frame_time} is missing" if period is None else f"{frame_time} = {period:g}"
    usable = time_between(frame_time, period)
    return Clock(None if usable is None else usable * binned, start, found, (*notes, *words))


def same_axes(source: Source, key: str, other: str, unit: str | None) -> bool:
    """Return whether two axes have the same times, to the digits of the coarser; true if one is missing.

    `unit` is assumed for an axis without one; if it is None, both are in frames.
    """
    if not (source.has(key) and source.has(other)):
        return True
    one, two = (
        axis(source, name) if unit is None else times(source, name, stated_unit(source, name, TIME) or unit)[0]
        for name in (key, other)
    )
    kinds = {source.dtype(key), source.dtype(other)}
    rounding = max(map(precision, kinds)) if len(kinds) > 1 else 0.0
    return one.shape == two.shape and np.allclose(one, two, rtol=rounding, atol=0.0)


def binned_clock(source: Source, clock: Clock, key: str, frame_time: str) -> Clock:
    """Return the time base `clock` of times in s after checking that its step is a whole number of camera periods."""
    period, _ = seconds(source, frame_time)
    usable = time_between(frame_time, period)
    if clock.dt is None or usable is None:
        return clock
    binned = max(round(clock.dt / usable), 1) if math.isfinite(clock.dt / usable) else 0
    if abs(clock.dt - binned * usable) > SAME_PERIOD * clock.dt:
        raise DataError(
            f"{key}, {frame_time}: found a step of {clock.dt:g} s and {usable:g} s between camera frames, "
            "expected a whole multiple of it; correct the file"
        )
    words = (f"every frame of the maps is {binned} of the camera's ({key}, {frame_time})",) if binned > 1 else ()
    return replace(clock, notes=(*clock.notes, *words))
