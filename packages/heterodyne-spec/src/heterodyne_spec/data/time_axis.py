"""The time axis: ages of the frames, uniform."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heterodyne_spec.data.checks import is_finite
from heterodyne_spec.errors import DataError

# Relative to dt; larger deviations would show in the trapezoid integrals.
UNIFORM = 1e-6


def time_axis(t: ArrayLike | None, dt: float | None, n_t: int) -> tuple[NDArray[np.float64], float]:
    """Return checked ages and step; either may be left out when the other determines it.

    Parameters
    ----------
    t : ages of the frames in s, shape (n_t,); ``(1..n_t) * dt`` when None.
    dt : step in s; that of t when None.
    n_t : number of frames.
    """
    if dt is not None and not (is_finite(dt) and dt > 0):
        raise DataError(f"dt: found {dt!r}, expected a positive number of seconds; give the time between frames")
    if t is None:
        if dt is None:
            raise DataError("t, dt: found neither, expected at least one; give dt, the time between frames in s")
        return window_ages(1.0, float(dt), 1, n_t), float(dt)
    ages = np.array(t, dtype=np.float64)
    if ages.shape != (n_t,):
        raise DataError(f"t: found shape {ages.shape}, expected ({n_t},), one age per frame of c2; correct t")
    if not np.isfinite(ages).all() or ages[0] < 0:
        raise DataError("t: found ages that are negative or not finite, expected seconds since the start; correct t")
    falls = np.flatnonzero(~(np.diff(ages) > 0))
    if falls.size:
        raise DataError(
            f"t: found a step of {ages[falls[0] + 1] - ages[falls[0]]:.9g} s after frame {falls[0] + 1}, times must "
            "increase; give the frames in the order in which they were taken"
        )
    step = float(dt) if dt is not None else float(ages[-1] - ages[0]) / max(n_t - 1, 1)
    worst = int(np.argmax(np.abs(np.diff(ages) - step))) if n_t > 1 else 0
    # Ages late in a long run carry the rounding of their own size.
    slack = UNIFORM * step + 4 * np.finfo(np.float64).eps * ages[-1]
    if not step > 0 or (n_t > 1 and abs(ages[worst + 1] - ages[worst] - step) > slack):
        raise DataError(
            f"t: found a step of {ages[worst + 1] - ages[worst]:.9g} s after frame {worst + 1}, expected "
            f"{step:.9g} s everywhere; give ages on a uniform grid that fits dt"
        )
    return ages, step


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
