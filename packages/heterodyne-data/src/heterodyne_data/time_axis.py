"""The time axis: ages of the frames, uniform."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heterodyne_data.checks import as_array, as_floats, as_meant, is_finite
from heterodyne_data.contents import OLDEST, Clock
from heterodyne_spec import DataError

# Relative to dt; larger deviations would show in the trapezoid integrals.
UNIFORM = 1e-6
FINEST = float(np.finfo(np.float64).eps)
"""Relative precision of float64, in which ages are computed."""
SHORT = float(np.finfo(np.float32).eps)
SMALL_PART = 0.01
"""Relative unevenness of steps below which it is due to float32, not to the camera."""
YEAR = 365.25 * 24 * 3600.0
GIVE_DT = "data.dt in the configuration, --dt on the command line, dt= in Python"


def time_axis(t: ArrayLike | None, dt: float | None, n_t: int) -> tuple[NDArray[np.float64], float]:
    """Return checked ages and step; either may be omitted if the other determines it.

    Parameters
    ----------
    t : ages of the frames in s, shape (n_t,); ``(1..n_t) * dt`` when None.
    dt : step in s; that of t when None.
    n_t : number of frames.
    """
    if dt is not None and not (is_finite(dt) and dt > 0):
        raise DataError(f"dt: found {dt!r}, expected a positive number of seconds; give the time between frames")
    dt = None if dt is None else float(as_meant(np.asarray(dt)))
    if t is None:
        if dt is None:
            raise DataError("t, dt: found neither, expected at least one; give dt, the time between frames in s")
        return window_ages(1.0, dt, 1, n_t), dt
    expected = f"({n_t},), one age in s per frame"
    ages, stored = as_floats(t, "t", expected), precision(as_array(t, "t", expected).dtype)
    check_ages(ages, n_t)
    eps = once_short(ages, stored)
    step = uniform_step(ages, dt, eps=eps)
    # Coarse ages scatter around their grid.
    return (ages if eps == FINEST else window_ages(first_age(ages, step, eps), step, 1, n_t)), step


def precision(dtype: np.dtype[Any]) -> float:
    """Return the relative precision of times stored as `dtype`: that of short floats, else that of float64."""
    return max(float(np.finfo(dtype).eps), FINEST) if dtype.kind == "f" else FINEST


def once_short(ages: NDArray[np.float64], stored: float) -> float:
    """Return the relative precision of ages in s, that of float32 where a program has widened such ages to `stored`.

    Uneven steps of ages that are exact in float32 are due to its rounding, unless this is large compared to a step.
    """
    rounding = 4 * SHORT * float(ages[-1])
    if stored >= SHORT or rounding > SMALL_PART * mean_step(ages) or not np.array_equal(ages, ages.astype(np.float32)):
        return stored
    uneven = np.abs(np.diff(ages) - mean_step(ages)).max(initial=0.0)
    return SHORT if UNIFORM * mean_step(ages) < uneven <= rounding else stored


def shortest(value: float, doubt: float) -> float:
    """Return the number with the fewest decimal digits within `doubt` of a positive `value`."""
    if not (value > doubt > 0):
        return value
    first = -math.floor(math.log10(value))
    tried = (round(value, digits) for digits in range(first, first + 17))
    return next((number for number in tried if number > 0 and abs(number - value) <= doubt), value)


def first_age(ages: NDArray[np.float64], step: float, eps: float) -> float:
    """Return the age of the first frame in units of `step`, to the digits of times of relative precision `eps`."""
    start = float(ages[0]) / step
    return start if eps == FINEST else shortest(start, eps * start)


def frame_number(age: float) -> int:
    """Return the number of a frame, 1-based, from its age in units of dt; halves, rounded or not, count upwards."""
    return math.floor(age + 0.5 + UNIFORM)


def check_ages(ages: NDArray[np.float64], n_t: int, name: str = "t") -> None:
    """Raise DataError if ages in s are not increasing, finite and plausible."""
    if ages.shape != (n_t,):
        raise DataError(f"{name}: found shape {ages.shape}, expected ({n_t},), one age per frame of c2; correct {name}")
    if not np.isfinite(ages).all() or ages[0] < 0:
        raise DataError(
            f"{name}: found ages that are negative or not finite, expected seconds since the start; correct {name}"
        )
    falls = np.flatnonzero(~(np.diff(ages) > 0))
    if falls.size:
        raise DataError(
            f"{name}: found a step of {ages[falls[0] + 1] - ages[falls[0]]:.9g} s after frame {falls[0] + 1}, times "
            "must increase; give the frames in the order in which they were taken"
        )
    if ages[-1] > OLDEST:
        raise DataError(
            f"{name}: found ages up to {ages[-1]:.10g} s, {ages[-1] / YEAR:.3g} years, expected seconds since the "
            "start of the sample, not a date; subtract the start"
        )


def uniform_step(ages: NDArray[np.float64], dt: float | None, name: str = "t", eps: float = FINEST) -> float:
    """Return the step of ages in s, which must be `dt` everywhere if that is given.

    Parameters
    ----------
    ages : checked ages in s.
    dt : the step, if known.
    name : name of the ages in messages.
    eps : relative precision of the ages as they were stored, see `precision`.
    """
    n_t = len(ages)
    step = dt if dt is not None else mean_step(ages, eps)
    worst = int(np.argmax(np.abs(np.diff(ages) - step))) if n_t > 1 else 0
    # Ages late in a long run have rounding errors in proportion to their size.
    rounding = 4 * eps * ages[-1]
    if not step > 0 or (n_t > 1 and abs(ages[worst + 1] - ages[worst] - step) > UNIFORM * step + rounding):
        raise DataError(
            f"{name}: found a step of {ages[worst + 1] - ages[worst]:.9g} s after frame {worst + 1}, expected "
            f"{step:.9g} s everywhere; give ages on a uniform grid that fits dt"
        )
    # The rounding of single steps may hide that all are too long.
    if n_t > 1 and abs(mean_step(ages) - step) > UNIFORM * step + rounding / (n_t - 1):
        raise DataError(
            f"{name}: found a mean step of {mean_step(ages):.9g} s, expected {step:.9g} s; give ages on a uniform grid "
            "that fits dt"
        )
    return step


def mean_step(ages: NDArray[np.float64], eps: float = FINEST) -> float:
    """Return the mean time between frames; for coarse times, the number with the fewest digits within `eps`."""
    between = max(len(ages) - 1, 1)
    mean = float(ages[-1] - ages[0]) / between
    return mean if eps == FINEST else shortest(mean, eps * float(ages[-1]) / between)


def axis_clock(
    ages: NDArray[np.float64],
    dt: float | None,
    n_t: int,
    name: str = "t",
    notes: tuple[str, ...] = (),
    eps: float = FINEST,
) -> Clock:
    """Return the time base of a file with the ages of its frames in s, and perhaps the step `dt`.

    `eps` is their relative precision, see `precision`.
    Non-uniform steps are an error, but the age of the first frame is still used.
    """
    check_ages(ages, n_t, name)
    eps = once_short(ages, eps)
    try:
        step = uniform_step(ages, dt, name, eps)
    except DataError as error:
        return Clock(None, float(ages[0]) / mean_step(ages), "", notes, str(error))
    doubt = eps * float(ages[-1]) / max(n_t - 1, 1) / step
    if dt is None and doubt > UNIFORM:
        notes = (
            *notes,
            f"{name}: stored with few digits, so its step of {step:.9g} s has a relative uncertainty of {doubt:.1g}",
        )
    return Clock(step, first_age(ages, step, eps), f"{name} with a step of {step:g} s", notes)


def step_of(clock: Clock, given: float | None) -> tuple[float | None, list[str]]:
    """Return the time between frames in s, preferring a given one to the file's, and a note if they differ.

    None if neither the file nor the caller gives one.

    Raises
    ------
    DataError
        The file's times have a fault and none is given, or the given one is invalid.
    """
    if given is None:
        if clock.fault is not None:
            raise DataError(f"{clock.fault}; or give the time between frames: {GIVE_DT}")
        return clock.dt, []
    if not (is_finite(given) and given > 0):
        raise DataError(f"dt: found {given!r}, expected a positive number; give the time between frames in s")
    given = float(as_meant(np.asarray(given)))
    if clock.fault is not None:
        first = f"the first frame is number {clock.start:.6g}"
        return given, [f"dt = {given:g} s as given, {first}; the file's own times are not used: {clock.fault}"]
    differ = clock.dt is not None and not np.isclose(given, clock.dt, rtol=1e-9, atol=0)
    return given, [f"dt = {given:g} s as given, the file has {clock.dt:g} s"] if differ else []


def needed_step(clock: Clock, given: float | None) -> tuple[float, list[str]]:
    """Return the time between frames in s and a note, as `step_of`; there must be one."""
    step, notes = step_of(clock, given)
    if step is None:
        raise DataError(
            f"no usable time between frames: found {clock.found}, expected a positive number; give it: {GIVE_DT}"
        )
    return step, notes


def window_ages(start: float, dt: float, first: int, count: int) -> NDArray[np.float64]:
    """Return the absolute ages of a window.

    Parameters
    ----------
    start : age of the file's first frame in units of dt.
    dt : step in s.
    first : first frame of the window, 1-based.
    count : number of frames in the window.
    """
    # Counted first and multiplied once: no error accumulates; whole starts are kept whole.
    whole = round(start)
    start = whole if abs(start - whole) < 1e-9 * max(1.0, abs(start)) else start
    with np.errstate(over="ignore"):
        ages: NDArray[np.float64] = (start + np.arange(first - 1, first - 1 + count, dtype=np.float64)) * dt
    return ages
