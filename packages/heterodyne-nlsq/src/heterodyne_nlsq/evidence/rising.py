"""Test, without a fit, of whether c2 changes with lag: a correlation falls, and no contrast describes a rise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import ROUNDING
from heterodyne_nlsq.evidence.chance import stdtr

type FloatArray = npt.NDArray[np.float64]

_BLOCKS = 6
"""Number of segments of the measurement; they have no common frames, so that their scatter contains all noise."""

_SHORT, _LONG = 0.25, 0.5
"""Limits of short and of long lags, as fractions of a segment."""


class Change(NamedTuple):
    """The p-values of a rise and of a fall of c2 with lag: Student's t over `_BLOCKS` segments."""

    rise: float
    fall: float


def change_with_lag(data: TwoTimeData, near: int) -> Change:
    """Return how likely it is by chance that c2 changes with lag as much as it does.

    Parameters
    ----------
    near : minimum lag in frames of the pairs that are used.

    Returns
    -------
    1 for a change of the other sign, or if there are too few frames, or pairs are missing.
    """
    length = data.n_t // _BLOCKS
    lag = np.subtract.outer(np.arange(length), np.arange(length)).T
    short, long = (lag >= near) & (lag <= max(_SHORT * length, near)), lag >= max(_LONG * length, near + 1)
    if not short.any() or not long.any():
        return Change(1.0, 1.0)
    rise = np.array([_rise(data, k * length, short, long) for k in range(_BLOCKS)])
    if not np.isfinite(rise).all() or abs(rise.mean()) <= ROUNDING**0.5:
        return Change(1.0, 1.0)
    freedom, variance = _BLOCKS - 1, float(np.var(rise, ddof=1)) / _BLOCKS
    chance = float(stdtr(freedom, -abs(rise.mean()) / np.sqrt(max(variance, 1e-300))))
    return Change(chance, 1.0) if rise.mean() > 0 else Change(1.0, chance)


def _rise(data: TwoTimeData, first: int, short: npt.NDArray[np.bool_], long: npt.NDArray[np.bool_]) -> float:
    """Return the mean of c2 at long lags minus that at short ones, in the segment that begins with frame `first`."""
    frames = slice(first, first + len(short))
    c2 = np.asarray(data.c2[:, frames, frames], float)
    weight = (data.weight * data.valid)[:, frames]
    pairs = weight[:, :, None] * weight[:, None, :] * np.isfinite(c2)
    values = np.where(pairs > 0, c2, 0.0)
    late, early = (_mean(values[:, part], pairs[:, part]) for part in (long, short))
    return late - early


def _mean(values: FloatArray, weight: FloatArray) -> float:
    """Return the weighted mean, NaN without any weight."""
    total = float(weight.sum())
    return float(np.sum(weight * values)) / total if total > 0 else np.nan
