"""The part of a map explained by a baseline that drifts with age, that is, depends only on the mean age of a pair.

It is the same at every lag, so it contains no decay, and is not part of any model of c2: it is due to drifting
intensities, or a normalisation that does not follow them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]

_DEGREE = 3
"""Of the polynomial in the mean age."""


_ROWS = 64
"""Rows of a map that are summed at once."""


class Drift(NamedTuple):
    """The least-squares polynomial in the mean age of a pair, (n_t, n_t), and the squares about the mean that it
    explains."""

    course: npt.NDArray[np.floating]
    explained: float


def of_age(values: npt.NDArray[np.floating], c2: npt.NDArray[np.floating], weight: FloatArray, near: int) -> Drift:
    """Return the drift of values (n_t, n_t) of pairs at least `near` frames apart.

    Parameters
    ----------
    c2 : the map (n_t, n_t), whose NaN do not count.
    weight : of the frames (n_t,).
    """
    n = len(values)
    count, total = np.zeros((2, 2 * n - 1))
    # By slabs of rows: weights of all pairs would take more memory than the map.
    for first in range(0, n - near, _ROWS):
        slab, later = slice(first, min(first + _ROWS, n - near)), slice(first + near, n)
        lag = np.arange(later.start, n) - np.arange(slab.start, slab.stop)[:, None]
        counts = np.where((lag >= near) & np.isfinite(c2[slab, later]), np.outer(weight[slab], weight[later]), 0.0)
        seen = np.where(counts > 0, counts * values[slab, later], 0.0)
        ages = slice(2 * first + near, first + near + slab.stop + n - later.start - 1)
        count[ages] += _along_antidiagonals(counts)
        total[ages] += _along_antidiagonals(seen)
    at, root = np.linspace(-1.0, 1.0, count.size), np.sqrt(count)
    mean = total.sum() / max(count.sum(), 1e-300)
    above = total / np.maximum(count, 1e-300) - mean
    rows = np.polynomial.legendre.legvander(at, _DEGREE)
    course = rows @ np.linalg.lstsq(root[:, None] * rows, root * above, rcond=None)[0]
    whole = np.lib.stride_tricks.sliding_window_view(np.asarray(mean + course, values.dtype), n)
    return Drift(whole, float(count @ (course - count @ course / max(count.sum(), 1e-300)) ** 2))


def _along_antidiagonals(values: FloatArray) -> FloatArray:
    """Return the sums (n_row + n_column - 1,) of values (n_row, n_column) with the same row + column."""
    n_row, n_column = values.shape
    # Every row one place further to the right.
    sheared = np.zeros((n_row, n_row + n_column))
    step = sheared.strides[0] + sheared.strides[1]
    np.lib.stride_tricks.as_strided(sheared, (n_row, n_column), (step, sheared.strides[1]))[:] = values
    return np.asarray(sheared.sum(axis=0)[:-1])
