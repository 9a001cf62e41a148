"""Many small least-squares problems at once, with optimal contrast and offset of every curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]
type Model = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""theta (..., n) -> model (..., n_curve, n_point) and its derivatives (..., n, n_curve, n_point)."""

_GAIN, _IDLE = 1e-8, 3
"""Relative decrease of the cost that counts as one, and number of steps without one after which a problem rests."""

_WORTH = 0.75
"""Fraction of the problems in work that still move, below which the others are left out."""


def centred(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Return values (..., n_point) without their weighted mean."""
    total = np.maximum(weight.sum(-1, keepdims=True), 1e-300)
    return np.asarray(values - np.sum(weight * values, -1, keepdims=True) / total)


def _length(m: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the squared length of centred models; zero for a flat one, which determines no contrast."""
    return np.asarray(np.sum(weight * m * m, -1) + 1e-9 * np.sum(weight, -1) + 1e-300)


def residuals(m: FloatArray, value: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the centred model, its contrast (not negative) and the residual, contrast and offset at their best."""
    m, value = centred(m, weight), centred(value, weight)
    contrast = np.maximum(np.sum(weight * m * value, -1) / _length(m, weight), 0.0)
    return m, contrast, value - contrast[..., None] * m


def _normal(
    model: Model, theta: FloatArray, value: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cost (...), gradient (..., n) and Gauss-Newton matrix (..., n, n), contrast and offset projected out."""
    m, derivatives = model(theta)
    m, contrast, residual = residuals(m, value, weight)
    weight_of_derivatives = weight[..., None, :, :]
    d = centred(derivatives, weight_of_derivatives)
    overlap = np.sum(weight_of_derivatives * d * m[..., None, :, :], -1) / _length(m, weight)[..., None, :]
    j = contrast[..., None, :, None] * (d - overlap[..., None] * m[..., None, :, :])
    j = (j * np.sqrt(weight_of_derivatives)).reshape(*j.shape[:-2], -1)
    rest = (np.sqrt(weight) * residual).reshape(*residual.shape[:-2], -1)
    return np.sum(rest**2, -1), (j @ rest[..., None])[..., 0], j @ np.swapaxes(j, -1, -2)


def fit(
    model: Model,
    theta: FloatArray,
    value: FloatArray,
    weight: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    n_steps: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return theta (..., n), cost (...) and matrix (..., n, n) after damped Gauss-Newton steps inside the bounds.

    `value` and `weight` (..., n_curve, n_point). Levenberg (1944), Marquardt (1963), with the scales of the columns; a
    parameter that the cost pushes against a bound stays there. A problem that a few steps do not improve is at its end.
    """
    shape, n = theta.shape[:-1], theta.shape[-1]
    theta, value, weight = (part.reshape(-1, *part.shape[len(shape) :]) for part in (theta, value, weight))
    damping = np.full(len(theta), 1e-2)
    cost, gradient, matrix = _normal(model, theta, value, weight)
    idle = np.zeros(len(theta), int)
    rows = np.arange(len(theta))
    of_rows = value, weight
    for _ in range(n_steps):
        moving = idle < _IDLE
        if not moving.any():
            break
        if np.count_nonzero(moving) < _WORTH * len(rows):
            rows = np.flatnonzero(moving)
            of_rows = value[rows], weight[rows]
        step = _step(theta[rows], gradient[rows], matrix[rows], damping[rows], bounds)
        trial = np.clip(theta[rows] + np.clip(step, -1.0, 1.0), *bounds)
        there = _normal(model, trial, *of_rows)
        better = there[0] < cost[rows]
        gained = there[0] < (1 - _GAIN) * cost[rows]
        at = rows[better]
        theta[at], cost[at], gradient[at], matrix[at] = (part[better] for part in (trial, *there))
        damping[rows] = np.clip(damping[rows] * np.where(better, 1 / 5, 4), 1e-6, 1e6)
        idle[rows] = np.where(gained, 0, idle[rows] + 1)
    return theta.reshape(*shape, n), cost.reshape(shape), matrix.reshape(*shape, n, n)


def _step(
    theta: FloatArray,
    gradient: FloatArray,
    matrix: FloatArray,
    damping: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Return the damped steps (m, n) of m problems; a parameter pushed against its bound does not move."""
    low, high = bounds
    stuck = ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
    moving = np.where(stuck, 0.0, 1.0)
    held = matrix * moving[..., None] * moving[..., None, :]
    diagonal = np.einsum("...kk->...k", held)
    floor = 1e-12 * np.max(diagonal, -1, keepdims=True) + 1e-300
    ridge = np.where(stuck, 1.0, damping[..., None] * diagonal + floor)[..., None] * np.eye(theta.shape[-1])
    return np.asarray(np.linalg.solve(held + ridge, (gradient * moving)[..., None])[..., 0])
