"""What a baseline that drifts with age explains of a map: the part of it that follows the mean age of a pair alone.

No decay is in it, for it is the same at every lag, and no model of c2 has it: it comes from intensities that drift, or
from a normalisation that does not follow them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]

_DEGREE = 3
"""Of the polynomial in the mean age."""


class Drift(NamedTuple):
    """The least-squares polynomial in the mean age of a pair, (n_t, n_t), and the squares about the mean that it
    explains."""

    course: FloatArray
    explained: float


def of_age(values: npt.NDArray[np.floating], weight: FloatArray) -> Drift:
    """Return the drift of a map (n_t, n_t) whose pairs count `weight` (n_t, n_t); values without weight may be NaN."""
    n = len(values)
    count, total = np.zeros((2, 2 * n - 1))
    # By rows: of a large map an index of every pair would take more memory than the map.
    for row, (part, own) in enumerate(zip(weight, values, strict=True)):
        count[row : row + n] += part
        total[row : row + n] += np.where(part > 0, part * own, 0.0)
    at, root = np.linspace(-1.0, 1.0, count.size), np.sqrt(count)
    mean = total.sum() / max(count.sum(), 1e-300)
    above = total / np.maximum(count, 1e-300) - mean
    rows = np.polynomial.legendre.legvander(at, _DEGREE)
    course = rows @ np.linalg.lstsq(root[:, None] * rows, root * above, rcond=None)[0]
    whole = np.lib.stride_tricks.sliding_window_view(mean + course, n)
    return Drift(whole, float(count @ (course - count @ course / max(count.sum(), 1e-300)) ** 2))
