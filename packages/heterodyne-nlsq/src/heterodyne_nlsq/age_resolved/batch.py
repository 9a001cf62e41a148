"""Many small least-squares problems at once, with optimal contrast and offset of every curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]
type Model = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""theta (..., n) -> model (..., n_curve, n_point) and its derivatives (..., n, n_curve, n_point)."""


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
    parameter that the cost pushes against a bound stays there.
    """
    low, high = bounds
    n = theta.shape[-1]
    damping = np.full(theta.shape[:-1], 1e-2)
    cost, gradient, matrix = _normal(model, theta, value, weight)
    for _ in range(n_steps):
        stuck = ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
        moving = np.where(stuck, 0.0, 1.0)
        held = matrix * moving[..., None] * moving[..., None, :]
        diagonal = np.einsum("...kk->...k", held)
        floor = 1e-12 * np.max(diagonal, -1, keepdims=True) + 1e-300
        ridge = np.where(stuck, 1.0, damping[..., None] * diagonal + floor)[..., None] * np.eye(n)
        step = np.linalg.solve(held + ridge, (gradient * moving)[..., None])[..., 0]
        trial = np.clip(theta + np.clip(step, -1.0, 1.0), low, high)
        cost_there, gradient_there, matrix_there = _normal(model, trial, value, weight)
        better = cost_there < cost
        theta = np.where(better[..., None], trial, theta)
        gradient = np.where(better[..., None], gradient_there, gradient)
        matrix = np.where(better[..., None, None], matrix_there, matrix)
        cost = np.where(better, cost_there, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-6, 1e6)
    return theta, cost, matrix
