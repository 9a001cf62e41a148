"""The ages at which functions of age are given, and the one at which results are quoted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]

_N_AGES = 64
"""Ages at which bands are given: half equally spaced, half logarithmically, because functions may change fast early."""


def band_ages(t: FloatArray) -> FloatArray:
    """Return the ages of the bands in s, including the first and the last of all ages `t` (n_t,)."""
    first = max(t[0], 1e-3 * t[-1])
    return np.unique(np.concatenate([np.linspace(t[0], t[-1], _N_AGES // 2), np.geomspace(first, t[-1], _N_AGES // 2)]))


def reference_age(t: FloatArray) -> float:
    """Return the reference age in s of quoted results: the mean age, where laws are determined best."""
    return float(np.mean(t))
