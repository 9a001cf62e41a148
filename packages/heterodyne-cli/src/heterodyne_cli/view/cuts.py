"""c2 against lag at an age: along t1 from that age, or across it at constant mean age, averaged over some frames."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.floating]
type Frames = npt.NDArray[np.intp]
type Direction = Literal["from", "across"]
"""``from``: t1 is the age, t2 = t1 + lag; ``across``: the mean of t1 and t2 is the age."""


class Pairs(NamedTuple):
    """The pairs of frames of a cut: `i` <= `j`, each (n_lag, n_mean) from 0, for the lags (n_lag,) in frames.

    Where a lag has fewer pairs than others, `inside` is False.
    """

    lag: Frames
    i: npt.NDArray[np.intp]
    j: npt.NDArray[np.intp]
    inside: npt.NDArray[np.bool_]


class Cut(NamedTuple):
    """Means of c2 (n_lag,) at lags in frames, their standard errors from the scatter, and the numbers of pairs."""

    lag: npt.NDArray[np.intp]
    mean: FloatArray
    error: FloatArray
    number: npt.NDArray[np.intp]


def pairs_of_cut(n_t: int, frame: float, direction: Direction, width: int) -> Pairs:
    """Return the pairs of frames of a cut at `frame` (from 0), averaged over `width` frames around it.

    The diagonal (lag 0) is left out: it is shot noise.
    """
    around = np.arange(width) - (width - 1) / 2
    lag = np.arange(1, n_t)
    if direction == "from":
        first = np.rint(frame + around).astype(int)
        i = np.broadcast_to(first, (lag.size, width))
    else:
        i = np.rint(frame + around - lag[:, None] / 2 + 1e-9).astype(int)
    j = i + lag[:, None]
    inside = (i >= 0) & (j < n_t)
    some = inside.any(axis=1)
    return Pairs(lag[some], np.where(inside, i, 0)[some], np.where(inside, j, 0)[some], inside[some])


def cut(values: FloatArray, pairs: Pairs) -> Cut:
    """Return the cut through a map (n_t, n_t); pairs without a value are left out."""
    found = np.where(pairs.inside, values[pairs.i, pairs.j].astype(float), np.nan)
    there = np.isfinite(found)
    count = there.sum(axis=1)
    mean = np.where(there, found, 0).sum(axis=1) / np.maximum(count, 1)
    squares = np.where(there, (found - mean[:, None]) ** 2, 0).sum(axis=1)
    error = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1)), np.nan)
    return Cut(pairs.lag, np.where(count > 0, mean, np.nan), error, count)


def spaced_lags(lag: npt.NDArray[np.intp], most: int = 200) -> npt.NDArray[np.intp]:
    """Return which of the lags (positions) are drawn: all, or as many as fit, evenly in the logarithm."""
    if lag.size <= most:
        return np.arange(lag.size)
    return np.unique(np.geomspace(1, lag.size, most).astype(int) - 1)
