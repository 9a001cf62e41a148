"""Null distributions of the evidence, including the effect of the search for the best fit.

The full model optimises over many flows, decays and fractions, so that the increase of chi-square without a feature
does not follow a chi-square distribution with the number of parameters of the feature; at x = 0 or v = 0 these are even
undefined (Davies 1987, Biometrika 74, 33). The distribution was simulated with complete fits of measurements without
the feature (`benchmarks/nulls.py`), and is described by the largest of m independent chi-squares of ν degrees of
freedom,

    P(rise > T) = 1 - exp(-m Q(T; ν)),    m = m_0 (N n_phi / 300)^g,

with N frames and n_phi azimuths. How it was found: `benchmarks/null_distribution.py`.
"""

from __future__ import annotations

import warnings

import numpy as np

from heterodyne_nlsq.models import DYNAMICS, Null, knowledge_of
from heterodyne_spec import DEFAULT_MODEL

with warnings.catch_warnings():
    # SciPy adds a warning filter when imported; the filters of the process are restored. The functions of JAX would be
    # compiled for half a second at the first call.
    from scipy.special import chdtrc, stdtr

__all__ = ["PRESENT", "chdtrc", "probability", "stdtr"]

PRESENT = 1e-3
"""p-value below which a feature is present."""


_DYNAMICS = Null(15.5, 1.0, 0.3)
"""The distribution for the question common to all models; the others are part of the model."""


def probability(question: str, statistic: float, n_frames: int, n_phi: int, model: str = DEFAULT_MODEL) -> float:
    """Return the p-value: the probability of an increase of at least `statistic` without the feature."""
    null = _DYNAMICS if question == DYNAMICS else knowledge_of(model).questions[question].null
    number = null.number * (n_frames * n_phi / 300) ** null.growth
    return float(-np.expm1(-number * chdtrc(null.freedom, statistic)))
