"""How often a measurement without a feature gives as much evidence for it: the search for the best fit included.

The full model finds the best of many flows, decays and fractions, so that the rise of chi-square without a feature is
not a chi-square with as many degrees of freedom as the feature has parameters; where x = 0 or v = 0 these even lose
their meaning (Davies 1987, Biometrika 74, 33). Its distribution was simulated: whole fits of measurements that lack the
feature (`benchmarks/nulls.py`), and described by the largest of m independent chi-squares of ν degrees of freedom,

    P(rise > T) = 1 - exp(-m Q(T; ν)),    m = m_0 (N n_phi / 300)^g,

with N frames and n_phi azimuths. How it was found: `benchmarks/null_distribution.py`.
"""

from __future__ import annotations

import numpy as np

from heterodyne_nlsq.evidence.chi_square import tail
from heterodyne_nlsq.models import DYNAMICS, Null, knowledge_of
from heterodyne_spec.model import DEFAULT

PRESENT = 1e-3
"""Probability by chance under which a feature is said to be present."""


_DYNAMICS = Null(15.5, 1.0, 0.3)
"""The distribution for the question that is asked of every model; the others are the model's own."""


def probability(question: str, statistic: float, n_frames: int, n_phi: int, model: str = DEFAULT) -> float:
    """Return the probability of a rise of at least `statistic` in a measurement without the feature."""
    null = _DYNAMICS if question == DYNAMICS else knowledge_of(model).questions[question].null
    number = null.number * (n_frames * n_phi / 300) ** null.growth
    return float(-np.expm1(-number * tail(statistic, null.freedom)))
