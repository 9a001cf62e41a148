"""A vector of free parameters at which a fit may begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data.setup.free import FreeParameters

type FloatArray = npt.NDArray[np.float64]


class Candidate(NamedTuple):
    """A vector of free parameters (n_free,) and where it comes from, in words.

    `misfit` is the cost of its description of the curves over that of the best one; 1 where nothing is known.
    """

    origin: str
    vector: FloatArray
    misfit: float = 1.0


def inside(vector: FloatArray, free: FreeParameters) -> FloatArray:
    """Return the vector moved inside the bounds, a little off them."""
    lower, upper = (bound[list(free.free)] for bound in (free.lower, free.upper))
    margin = 1e-6 * (upper - lower)
    return np.clip(vector, lower + margin, upper - margin)
