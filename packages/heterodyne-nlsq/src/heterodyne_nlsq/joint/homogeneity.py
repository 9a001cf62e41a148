"""Whether measurements agree on their common parameters.

Fitted each by itself, S measurements have (S - 1) p more parameters than fitted jointly, and a smaller chi-square. With
g the scores at the joint estimate, H their Gauss-Newton matrices, T the derivatives of the members' vectors by the
joint one, the decrease is to first order gᵀ (H⁻¹ - T (Tᵀ H T)⁻¹ Tᵀ) g. Scores of different pixels are independent, and
their covariance is known (`heterodyne_nlsq.uncertainty`), so that the null distribution is that of a sum of
chi-squares of one degree of freedom with known weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from heterodyne_nlsq.evidence.chance import chdtrc

type FloatArray = npt.NDArray[np.float64]

_OPEN = 1e-9
"""Eigenvalue, scaled to unit diagonal, below which a direction of a matrix is undetermined."""

_SMALL = 1e-3
"""Weight, relative to the largest, below which a term of the sum does not matter."""

_FEW = 3
"""Weights below which the characteristic function decays too slowly."""

_NODES = 4000
"""Points of the integral over the characteristic function."""


def weights_of_decrease(
    matrices: Sequence[FloatArray], scores: Sequence[FloatArray], turns: Sequence[FloatArray]
) -> FloatArray:
    """Return the weights of the sum of chi-squares that chi-square decreases by if every measurement is fitted alone.

    Parameters
    ----------
    matrices, scores : Gauss-Newton matrix and covariance of the score of every member, (n_fit, n_fit), in units of its
        chi-square.
    turns : derivatives of the members' vectors by the joint vector, (n_fit, n_joint).
    """
    whole, turn = block_diag(*matrices), np.vstack(turns)
    released = block_diag(*map(_inverse, matrices)) - turn @ _inverse(turn.T @ whole @ turn) @ turn.T
    root = block_diag(*map(_root, scores))
    found = np.linalg.eigvalsh(root.T @ released @ root)
    return np.asarray(found[found > _SMALL * max(found.max(initial=0.0), 1e-300)])


def chance(weights: FloatArray, statistic: float) -> float:
    """Return the probability that a weighted sum of chi-squares of one degree of freedom exceeds a value.

    By the integral over its characteristic function (Imhof 1961, Biometrika 48, 419); far out, where the rounding of
    the integral counts, by the chi-square distribution with the same mean and variance (Satterthwaite 1946).
    """
    if weights.size == 0 or statistic <= 0:
        return 1.0
    mean, freedom = weights.sum(), freedom_of(weights)
    roughly = float(chdtrc(freedom, statistic * freedom / mean))
    if roughly < 1e-6 or weights.size < _FEW:
        return roughly
    # u = s / (1 - s), s from 0 to 1, in units in which the weights are of order one.
    unit = mean / len(weights)
    s = (np.arange(_NODES) + 0.5) / _NODES
    u = s / (1 - s)
    at = np.outer(u, weights / unit)
    angle = (np.arctan(at).sum(axis=1) - u * statistic / unit) / 2
    damped = np.exp(-np.log1p(at**2).sum(axis=1) / 4)
    integral = np.sum(np.sin(angle) * damped / (u * (1 - s) ** 2)) / _NODES
    return float(np.clip(0.5 + integral / np.pi, 0.0, 1.0))


def freedom_of(weights: FloatArray) -> float:
    """Return the degrees of freedom of the chi-square whose relative variance is that of a weighted sum of some; NaN of
    none."""
    if weights.size == 0:
        return math.nan
    return float(weights.sum() ** 2 / (weights**2).sum())


def _inverse(matrix: FloatArray) -> FloatArray:
    """Return the inverse along determined directions."""
    length = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = np.linalg.pinv(matrix / np.outer(length, length), rcond=_OPEN, hermitian=True)
    return np.asarray(scaled / np.outer(length, length))


def _root(matrix: FloatArray) -> FloatArray:
    length = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    values, vectors = np.linalg.eigh(matrix / np.outer(length, length))
    return np.asarray(length[:, None] * vectors * np.sqrt(np.maximum(values, 0.0)))
