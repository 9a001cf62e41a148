"""The estimate with weights that know the noise, from the least-squares fit.

With weights W fixed at the least-squares fit, the estimate solves g(θ) = Σ_{i<j} W_ij R_ij(θ) = 0, summed over the
azimuths: the minimum of gᵀ H⁻¹ g with H = -∂g/∂θ, which takes the place of chi-square. Undetermined directions are
chosen as for equal weights. The covariance is H⁻¹ Cov(g) H⁻¹, from simulated pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from heterodyne_data import available_cores
from heterodyne_nlsq.covariance import covariance, covariance_root, curvature, determined_step
from heterodyne_nlsq.normal import NormalEquations
from heterodyne_nlsq.representative import calibrated_noise, landscape, optimum, plainest, vector_at
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_nlsq.weighted.slopes import azimuth, model_map
from heterodyne_nlsq.weighted.weights import Azimuth, Maps, of_frames, score_covariance, weights

type FloatArray = npt.NDArray[np.float64]

RIDGES = (0.3, 1.0, 3.0, 10.0, np.inf)
"""Ridges that are compared, in units of the contrast."""

CHOSEN_ON = 200
"""Frames on which they are compared: with more, on every so many."""

_COMPARED = 512
"""Pixels for the covariance of the difference of two estimates."""

_OPEN = 1e-9
"""Eigenvalue of the covariance, scaled to unit diagonal, below which rounding decides."""

_ALIKE = 0.02
"""Part of the variance of equal weights by which two estimates must differ along a direction to be compared there."""


@dataclass(frozen=True)
class Reweighted:
    """An estimate with weights: the fitted `vector` (n_fit,), the matrix H and the covariance of the score,
    (n_fit, n_fit); `p_value` of the difference from the estimate with equal weights.
    """

    ridge: float
    vector: FloatArray
    matrix: FloatArray
    score: FloatArray
    p_value: float


@dataclass(frozen=True)
class _Equations:
    """The estimating equations in the fitted vector: g, H and the covariance of g."""

    value: FloatArray
    matrix: FloatArray
    score: FloatArray


def reweighted(
    setup: Setup,
    calibration: Calibration,
    vector: FloatArray,
    prior: FloatArray,
    known: npt.NDArray[np.bool_],
) -> Reweighted | None:
    """Return the estimate with the weights that promise the smallest variances; None if these are equal weights.

    Parameters
    ----------
    calibration : of the fit with equal weights.
    vector : the fit with equal weights, (n_fit,).
    prior : (n_free,) standard deviations of the priors of the free parameters there.
    known : (n_free,) which parameters the data determine: the variances of these are compared.
    """
    parts = _azimuths(setup, calibration, vector)
    ridge = _best_ridge(setup, [_some_frames(part) for part in parts], prior, known)
    if np.isinf(ridge):
        return None
    weighted = _each(lambda part: weights(part, ridge), parts)
    equations = _equations(setup, parts, weighted)
    moved = _solved(setup, parts, weighted, equations, vector)
    p_value = _difference(setup, parts, weighted, equations, prior)
    return Reweighted(ridge, moved, equations.matrix, equations.score, p_value)


def _azimuths(setup: Setup, calibration: Calibration, vector: FloatArray) -> list[Azimuth]:
    values, contrast, offset = _split(setup, vector)
    return [
        azimuth(setup, calibration, values, float(contrast[a]), float(offset[a]), a) for a in range(setup.data.n_phi)
    ]


def _split(setup: Setup, vector: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return all parameters, contrast and offset of a fitted vector."""
    n_free = len(setup.free.free)
    return setup.free.full(vector[:n_free]), *setup.scaling.per_angle(vector[n_free:])


def _each[S, T](function: Callable[[S], T], parts: Sequence[S]) -> list[T]:
    """Return the values of a function for all azimuths, computed in parallel."""
    with ThreadPoolExecutor(min(len(parts), available_cores())) as threads:
        return list(threads.map(function, parts))


def _some_frames(part: Azimuth) -> Azimuth:
    """Return an azimuth with few frames, for choosing a ridge."""
    chosen = np.arange(0, part.frames.size, max(-(-part.frames.size // CHOSEN_ON), 1))
    return part._replace(
        frames=part.frames[chosen],
        fitted=of_frames(part.fitted, chosen),
        residual=of_frames(part.residual, chosen),
        slopes=of_frames(part.slopes, chosen),
        root=of_frames(part.root, chosen),
        correlation=of_frames(part.correlation, chosen),
        fluctuations=part.fluctuations[chosen],
    )


def _best_ridge(setup: Setup, parts: list[Azimuth], prior: FloatArray, known: npt.NDArray[np.bool_]) -> float:
    """Return the ridge with the smallest predicted variances, on average over the logarithms of those of parameters."""

    def promised(ridge: float) -> float:
        found = _equations(setup, parts, _each(lambda part: weights(part, ridge), parts))
        variance = np.diag(covariance(_root(found, prior)))[: prior.size][known]
        return float(np.mean(np.log(np.maximum(variance, 1e-300))))

    return min(RIDGES, key=promised) if known.any() else np.inf


def _root(found: _Equations, prior: FloatArray) -> FloatArray:
    return covariance_root(curvature(found.matrix, prior), found.matrix, found.score, prior)


def _turn(setup: Setup, a: int) -> FloatArray:
    """Return the derivative of an azimuth's local vector (free, contrast, offset) by the fitted vector."""
    basis, n_free = setup.scaling.basis, setup.free.expand.shape[1]
    n_coef = basis.shape[1]
    turn = np.zeros((n_free + 2, n_free + 2 * n_coef))
    turn[:-2, :n_free] = np.eye(n_free)
    turn[-2, n_free : n_free + n_coef] = turn[-1, n_free + n_coef :] = basis[a]
    return turn


def _products(one: Maps, other: Maps) -> FloatArray:
    """Return the sums over pairs i < j of products of symmetric maps (k, n, n) and (l, n, n)."""
    return np.asarray(one.reshape(len(one), -1) @ other.reshape(len(other), -1).T, np.float64) / 2


def _equations(setup: Setup, parts: list[Azimuth], weighted: list[Maps]) -> _Equations:
    scores = _each(lambda k: score_covariance(parts[k], weighted[k]), range(len(parts)))
    size = setup.free.expand.shape[1] + 2 * setup.scaling.basis.shape[1]
    value, matrix, score = np.zeros(size), np.zeros((size, size)), np.zeros((size, size))
    for a, (part, w) in enumerate(zip(parts, weighted, strict=True)):
        turn = _turn(setup, a)
        value += turn.T @ _products(w, part.residual[None].astype(np.float32))[:, 0]
        matrix += turn.T @ _products(w, part.slopes) @ turn
        score += turn.T @ scores[a] @ turn
    return _Equations(value, (matrix + matrix.T) / 2, (score + score.T) / 2)


def _solved(
    setup: Setup, parts: list[Azimuth], weighted: list[Maps], equations: _Equations, vector: FloatArray
) -> FloatArray:
    """Return the solution of the estimating equations, the closest to the priors among equally good ones."""
    inverse = _pseudo_inverse(equations.matrix)

    def value_at(there: FloatArray) -> FloatArray:
        values, contrast, offset = _split(setup, there)
        value = equations.value.copy()
        for a, (part, w) in enumerate(zip(parts, weighted, strict=True)):
            model = contrast[a] * of_frames(model_map(setup, values, a), part.frames) + offset[a]
            moved = part.root * (model - part.fitted).astype(np.float32)
            value -= _turn(setup, a).T @ _products(w, moved[None])[:, 0]
        return value

    def normal(there: FloatArray) -> NormalEquations:
        g = value_at(np.asarray(there))
        return NormalEquations(jnp.asarray(g @ inverse @ g / 2), jnp.asarray(-g), jnp.asarray(equations.matrix))

    land, z = landscape(setup, normal, vector, 1.0)
    noise = calibrated_noise(land, z, equations.score, 1.0)
    land = land._replace(unit=noise.unit)
    chosen = least = optimum(land, z)
    if setup.config.nlsq.representative == "plainest":
        chosen = plainest(land, least, noise)
    return vector_at(land, chosen)


def _pseudo_inverse(matrix: FloatArray) -> FloatArray:
    length = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    return np.asarray(np.linalg.pinv(matrix / np.outer(length, length), rcond=1e-12, hermitian=True)) / np.outer(
        length, length
    )


def _difference(
    setup: Setup, parts: list[Azimuth], weighted: list[Maps], equations: _Equations, prior: FloatArray
) -> float:
    """Return the probability that the estimates with these and with equal weights differ by chance as much as they do.

    Both are unbiased if the model is right (Hausman, Econometrica 46, 1251 (1978)).
    """
    n_free, n_fit = prior.size, equations.value.size
    equal = [weights(part, np.inf) for part in parts]
    both = [np.concatenate(pair) for pair in zip(weighted, equal, strict=True)]
    scores = _each(lambda k: score_covariance(parts[k], both[k], _COMPARED), range(len(parts)))
    score, value, matrix = np.zeros((2 * n_fit, 2 * n_fit)), np.zeros(n_fit), np.zeros((n_fit, n_fit))
    for a, (part, w) in enumerate(zip(parts, equal, strict=True)):
        turn = _turn(setup, a)
        twice = np.kron(np.eye(2), turn)
        score += twice.T @ scores[a] @ twice
        value += turn.T @ _products(w, part.residual[None].astype(np.float32))[:, 0]
        matrix += turn.T @ _products(w, part.slopes) @ turn
    steps = [
        determined_step(curvature(one, prior), one, prior)[:n_free]
        for one in (equations.matrix, (matrix + matrix.T) / 2)
    ]
    apart = steps[0] @ equations.value - steps[1] @ value
    across = np.hstack([steps[0], -steps[1]])
    of_equal = steps[1] @ score[n_fit:, n_fit:] @ steps[1].T
    length = np.sqrt(np.maximum(np.diag(of_equal), 1e-300))
    values, vectors = np.linalg.eigh(of_equal / np.outer(length, length))
    seen = values > _OPEN
    whiten = (vectors[:, seen] / np.sqrt(values[seen])).T / length
    values, vectors = np.linalg.eigh(whiten @ across @ score @ across.T @ whiten.T)
    differs = values > _ALIKE
    if not differs.any():
        return 1.0
    along = vectors[:, differs].T @ (whiten @ apart)
    return float(chdtrc(np.count_nonzero(differs), np.sum(along**2 / values[differs])))
