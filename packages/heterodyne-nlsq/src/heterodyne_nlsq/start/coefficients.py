"""Coefficients of contrast and offset at the start of a descent, and the sum of squares there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_data.setup import Scaling
from heterodyne_nlsq.evaluators import Evaluator
from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]


def start_coefficients(scaling: Scaling, sums: FloatArray) -> FloatArray:
    """Return the least-squares coefficients for a given model map, inside their bounds, (2 n_coef,).

    Parameters
    ----------
    sums : (n_phi, 5) weighted sums over the pairs of an angle: 1, M, M², D, D M with model M and data D.

    Configured values replace the solution.
    """
    if scaling.n_coefficients == 0:
        return np.zeros(0)
    one, m, mm, d, dm = sums.T
    basis = scaling.basis
    normal = np.block(
        [
            [basis.T @ (mm[:, None] * basis), basis.T @ (m[:, None] * basis)],
            [basis.T @ (m[:, None] * basis), basis.T @ (one[:, None] * basis)],
        ]
    )
    right = np.concatenate([basis.T @ dm, basis.T @ d])
    solved = np.linalg.lstsq(normal, right, rcond=1e-12)[0].reshape(2, -1)
    for row in range(2):
        if not np.isnan(scaling.given[row]).any():
            solved[row] = np.linalg.lstsq(basis, scaling.given[row], rcond=None)[0]
    # Just inside, because a trust-region step cannot start at a bound.
    margin = 1e-3 * (scaling.upper - scaling.lower)
    return np.clip(solved, scaling.lower + margin, scaling.upper - margin).ravel()


def fitted_vector(setup: Setup, evaluator: Evaluator, free: FloatArray) -> FloatArray:
    """Return free parameters (n_free,) with their best scaling coefficients, (n_fit,)."""
    return scaled(setup, evaluator, free)[0]


def scaled(setup: Setup, evaluator: Evaluator, free: FloatArray) -> tuple[FloatArray, float]:
    """Return free parameters (n_free,) with their best scaling coefficients, (n_fit,), and the sum of squared residuals
    there."""
    sums = np.asarray(evaluator.scaling_sums(free, evaluator.problem))
    coefficients = start_coefficients(setup.scaling, sums)
    contrast, offset = setup.scaling.per_angle(coefficients)
    one, m, mm, d, dm = sums.T
    mean = d / np.maximum(one, 1e-300)
    off = offset - mean
    # Relative to the mean of the data, to avoid cancellation in sums of squares.
    squares = (
        evaluator.spread + off**2 * one - 2 * contrast * (dm - mean * m) + 2 * off * contrast * m + contrast**2 * mm
    )
    return np.concatenate([free, coefficients]), float(np.sum(squares))


def squares(evaluator: Evaluator, vector: FloatArray) -> float:
    """Return the sum of squared residuals of all azimuths at a fitted vector (n_fit,), whatever the loss is."""
    return float(np.sum(np.asarray(evaluator.squares(vector, evaluator.problem))))
