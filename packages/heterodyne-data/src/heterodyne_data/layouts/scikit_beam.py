"""What scikit-beam's two_time_corr returns, put into an HDF5 or .npz file: g2 (n_roi, N, N), with q, phi, and dt or t.

The library writes no files itself. Its result has the fields ``g2`` and ``lag_steps`` (frames); older versions call
the maps ``two_time``. A result of several levels, or of fewer buffers than frames, has no value at the other lags but
zeros: such maps are refused.
"""

from __future__ import annotations

import numpy as np

from heterodyne_data.contents import Contents, Source
from heterodyne_data.layouts.base import numbers, seconds, stack_shape
from heterodyne_data.layouts.npz import stacked
from heterodyne_data.time_axis import UNIFORM
from heterodyne_spec.errors import DataError

NAME = "scikit-beam"
DATA_KEY = "g2 or two_time, (n_roi, N, N)"
MAPS = ("two_time", "g2")
LAGS = "lag_steps"


def matches(source: Source) -> bool:
    """Tell whether a stack of square maps stands at the top; g2 alone may be one-time functions of another program."""
    return maps_key(source) is not None


def maps_key(source: Source) -> str | None:
    """Return the name of the stack of maps."""
    for key in MAPS:
        shape = source.shape(key) if source.has(key) else ()
        # Stacked along the last axis they are refused in words.
        if len(shape) == 3 and shape[1] in (shape[0], shape[2]):
            return key
    return None


def contents(source: Source) -> Contents:
    """List the maps, one per region of interest."""
    key = maps_key(source) or MAPS[0]
    _, n_t = stack_shape(source, key, axis=0)
    if source.has(LAGS):
        check_lags(source, n_t)
    return stacked(source, key)


def check_lags(source: Source, n_t: int) -> None:
    """Refuse maps of `n_t` frames with a lag that was not computed; lags count frames, or are times in s."""
    lags = numbers(source, LAGS)
    step = lags[1] - lags[0] if lags.size > 1 else np.nan
    # Some leave out the lag 0.
    complete = lags.size >= n_t - (lags[:1] == step).sum() and lags[0] in (0, step)
    few = lags[:n_t]
    if not complete or not np.allclose(few, few[0] + step * np.arange(few.size), rtol=UNIFORM, atol=0):
        raise DataError(
            f"{LAGS}: found {lags.size} lags up to {lags.max(initial=0):g}, expected every one from 0 to {n_t - 1}: "
            f"the maps are empty between; run two_time_corr with num_levels=1 and num_bufs={n_t + n_t % 2}"
        )
    dt = seconds(source, "dt")[0] if step != 1 else None
    if step != 1 and (dt is None or abs(step - dt) > UNIFORM * dt):
        raise DataError(
            f"{LAGS}: found steps of {step:g}, expected 1 (lags in frames) or dt (in s); correct {LAGS} or dt, or take "
            f"{LAGS} out"
        )
