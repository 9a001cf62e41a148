"""The lags of a correlation beside its maps: complete, in frames or in s."""

from __future__ import annotations

import numpy as np

from heterodyne_data.layouts.base import numbers, seconds, times
from heterodyne_data.source import Source
from heterodyne_data.time_axis import UNIFORM, mean_step
from heterodyne_spec import DataError


def check_lags(source: Source, key: str, n_t: int) -> None:
    """Refuse maps of `n_t` frames with a lag that was not computed; lags count frames, or are times in s."""
    lags = numbers(source, key)
    step = lags[1] - lags[0] if lags.size > 1 else np.nan
    # Some programs omit the lag 0.
    complete = lags.size >= n_t - (lags[:1] == step).sum() and lags[0] in (0, step)
    few = lags[:n_t]
    if not complete or not np.allclose(few, few[0] + step * np.arange(few.size), rtol=UNIFORM, atol=0):
        raise DataError(
            f"{key}: found {lags.size} lags up to {lags.max(initial=0):g}, expected every one from 0 to {n_t - 1}: "
            f"the maps are empty between; run two_time_corr with num_levels=1 and num_bufs={n_t + n_t % 2}"
        )
    dt = period(source) if step != 1 else None
    step = np.diff(times(source, key)[0][:2])[0] if step != 1 else step
    if step != 1 and (dt is None or abs(step - dt) > UNIFORM * dt):
        raise DataError(
            f"{key}: found steps of {step:g}, expected 1 (lags in frames) or dt (in s); correct {key} or dt, or "
            f"remove {key}"
        )


def period(source: Source) -> float | None:
    """Return the time between frames in s from a field beside the maps, or from the ages there."""
    if source.has("dt") or not source.has("t"):
        return seconds(source, "dt")[0]
    return mean_step(times(source, "t")[0])
