"""The estimate with weights that know the noise, from the least-squares fit.

With weights W fixed at the least-squares fit, the estimate solves g(θ) = Σ_{i<j} W_ij R_ij(θ) = 0, summed over the
azimuths. Along undetermined directions it stays at the least-squares fit. The
covariance is H⁻¹ Cov(g) H⁻¹ with H = -∂g/∂θ, from simulated pixels, at the estimate.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import chdtrc

from heterodyne_nlsq.coordinates import slope_of_fitted
from heterodyne_nlsq.covariance import covariance, covariance_root, curvature, determined_step
from heterodyne_nlsq.evaluators import Evaluator, normal_of, normal_with
from heterodyne_nlsq.maps import model_maps
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.representative import landscape, prior_precision, vector_at
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_nlsq.weighted.azimuths import (
    Azimuth,
    azimuths,
    counted,
    map_columns,
    slope_columns,
    smoothed,
)
from heterodyne_nlsq.weighted.weights import Weighted, columns, score_covariance, shared_scores, weights

type FloatArray = npt.NDArray[np.float64]

RIDGES = (0.3, 1.0, 3.0, 10.0, np.inf)
"""Ridges that are compared, in units of the contrast."""

_MIDDLE = 1
"""Number of the one that is tried first."""

_TRIED, _PIXELS = 64, 256
"""Columns of the weights that are known, and pixels, when ridges are compared and the solution is sought; its
covariance has more of both."""

_COMPARED = 512
"""Pixels for the covariance of the difference of two estimates; with 256, the differences of few measurements were
taken for more than chance."""

_LIT = 64
"""Pixels, for both, for the photon noise that is seen through other frames."""

_ROWS = 256
"""Rows of a map that are in memory at once in double precision."""

_OPEN = 1e-9
"""Eigenvalue of the covariance, scaled to unit diagonal, below which rounding decides."""

_STILL = 1e-9
"""Standard deviation, in units of the prior, below which rounding decides."""

_ROUNDS, _CLOSE = 50, 1e-4
"""Largest number of steps to the solution, and the relative step after which there are no more."""

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


class Estimate(Protocol):
    """The estimate with equal weights: fitted vector, matrix and covariance of the score of its equations, standard
    deviations of the priors (n_free,).
    """

    @property
    def vector(self) -> FloatArray: ...
    @property
    def matrix(self) -> FloatArray: ...
    @property
    def score(self) -> FloatArray: ...
    @property
    def prior(self) -> FloatArray: ...


@dataclass(frozen=True)
class _Equations:
    """The matrix H of the estimating equations in the fitted vector, and the covariance of g."""

    matrix: FloatArray
    score: FloatArray


class Formed(NamedTuple):
    """Weights of all azimuths, the scores of some pixels, and the equations that follow."""

    weighted: list[Weighted]
    shared: list[FloatArray]
    equations: _Equations


class Promise:
    """What weights at the estimate with equal weights promise, from few columns and pixels.

    Parameters
    ----------
    calibration : of the fit with equal weights.
    equal : the fit with equal weights.
    known : (n_free,) which parameters the data determine: the variances of these are compared.
    """

    def __init__(self, setup: Setup, calibration: Calibration, equal: Estimate, known: npt.NDArray[np.bool_]):
        self._setup, self._calibration, self._equal, self._known = setup, calibration, equal, known
        self.parts = self.at(equal.vector)
        self._variances: dict[float, FloatArray] = {}
        self._formed: dict[float, Formed] = {}

    def at(self, vector: FloatArray) -> list[Azimuth]:
        """Return the azimuths at a fitted vector."""
        values, contrast, _ = _split(self._setup, vector)
        return azimuths(self._setup, self._calibration, values, contrast)

    @functools.cached_property
    def ridge(self) -> float:
        """The ridge with the smallest variances, on average over the logarithms of those of parameters.

        It is sought downhill from that in the middle.
        """

        def mean(number: int) -> float:
            if not 0 <= number < len(RIDGES):
                return np.inf
            return self._mean(RIDGES[number])

        if not self._known.any():
            return np.inf
        best = _MIDDLE
        for way in (-1, 1):
            while mean(best + way) < mean(best):
                best += way
        return RIDGES[best]

    @property
    def gain(self) -> float:
        """Standard deviations with equal weights over those with the best ridge, median over the parameters."""
        for ridge in (self.ridge, np.inf):
            self.formed(ridge)
        return float(np.sqrt(np.median(self._variances[np.inf] / self._variances[self.ridge])))

    def formed(self, ridge: float) -> Formed:
        """Return the weights of a ridge at few columns and pixels."""
        if ridge not in self._formed:
            prior, formed = self._equal.prior, self.compared(ridge, _PIXELS, most=_TRIED)
            found = formed.equations
            root = covariance_root(curvature(found.matrix, prior), found.matrix, found.score, prior)
            variances = np.maximum(np.diag(covariance(root))[: prior.size][self._known], 1e-300)
            self._variances[ridge], self._formed[ridge] = variances, formed
        return self._formed[ridge]

    def compared(self, ridge: float, n_pixel: int, **most: int) -> Formed:
        """Return the weights of a ridge with so many pixels, and at most so many columns."""
        weighted = _weights(self.parts, ridge, **most)
        shared = each(lambda one: shared_scores(one, n_pixel), weighted)
        return Formed(weighted, shared, equations(self._setup, weighted, shared, _LIT))

    def _mean(self, ridge: float) -> float:
        """Return the mean logarithm of the predicted variances; weights that are not the best are not kept."""
        if ridge not in self._variances:
            self.formed(ridge)
        means = {one: float(np.mean(np.log(found))) for one, found in self._variances.items()}
        best = min(means, key=lambda one: means[one])
        self._formed = {one: found for one, found in self._formed.items() if one == best or np.isinf(one)}
        return means[ridge]


def reweighted(setup: Setup, evaluator: Evaluator, equal: Estimate, promise: Promise) -> Reweighted:
    """Return the estimate with the weights of the promised ridge; `evaluator` is that of the data."""
    ridge = promise.ridge
    formed = promise.formed(ridge)
    value = score_value(setup, evaluator, equal.vector, formed.weighted)
    one, other = (promise.compared(known, _COMPARED) for known in (ridge, np.inf))
    p_value = _difference(setup, evaluator, one, other, value, equal)
    del one, other
    moved = _solved(setup, evaluator, promise, formed, value, equal.vector)
    # Where the data do not determine a direction, what it is changes along it.
    weighted = _weights(promise.at(moved), ridge)
    there = equations(setup, weighted, each(shared_scores, weighted))
    return Reweighted(ridge, moved, there.matrix, there.score, p_value)


def _weights(parts: Sequence[Azimuth], ridge: float, **most: int) -> list[Weighted]:
    return each(lambda part: weights(part, ridge, columns(part.root, **most)), parts)


def _split(setup: Setup, vector: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return all parameters, contrast and offset of a fitted vector."""
    n_free = len(setup.free.free)
    return setup.free.full(vector[:n_free]), *setup.scaling.per_angle(vector[n_free:])


def _turn(setup: Setup, a: int) -> FloatArray:
    """Return the derivative of an azimuth's local vector (free, contrast, offset) by the fitted vector."""
    basis, n_free = setup.scaling.basis, setup.free.expand.shape[1]
    n_coef = basis.shape[1]
    turn = np.zeros((n_free + 2, n_free + 2 * n_coef))
    turn[:-2, :n_free] = np.eye(n_free)
    turn[-2, n_free : n_free + n_coef] = turn[-1, n_free + n_coef :] = basis[a]
    return turn


def equations(
    setup: Setup, weighted: list[Weighted], shared: list[FloatArray], n_pixel: int | None = None
) -> _Equations:
    """Return the estimating equations; arguments as those of `score_covariance`."""
    scores = each(lambda k: score_covariance([weighted[k]], shared[k], n_pixel), range(len(weighted)))
    turns = [_turn(setup, a) for a in range(len(weighted))]
    matrix = np.sum([turn.T @ one.matrix @ turn for turn, one in zip(turns, weighted, strict=True)], axis=0)
    score = np.sum([turn.T @ one @ turn for turn, one in zip(turns, scores, strict=True)], axis=0)
    return _Equations(matrix, (score + score.T) / 2)


def score_value(setup: Setup, evaluator: Evaluator, vector: FloatArray, weighted: list[Weighted]) -> FloatArray:
    """Return g at the fitted vector of the weights, (n_fit,).

    With the residuals R of an azimuth, g_k = Σ_{i<j} X_k,ij (B R B)_ij: the gradient of least squares for maps whose
    residuals are B R B.
    """
    values, contrast, offset = _split(setup, vector)
    fitted = model_maps(setup, values, contrast, offset)
    smooth = each(lambda one: _smoothed_residuals(one, fitted[one.part.a]), weighted)
    # In single precision, they should not be far smaller than the model.
    largest = max(float(np.abs(one).max()) for one in smooth) or 1.0
    for one, into in zip(smooth, fitted, strict=True):
        one /= np.float32(largest)
        into += one
    fitted[~np.isfinite(setup.data.c2)] = np.nan
    gradient = normal_with(evaluator, setup, fitted.astype(setup.data.c2.dtype, copy=False), vector).gradient
    return -largest * np.asarray(gradient)


def _smoothed_residuals(weighted: Weighted, fitted: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return unit · B R B over the weights of the pairs, (n_t, n_t)."""
    part, n_t = weighted.part, weighted.part.root.size
    found = np.zeros((n_t, n_t), np.float32)
    for frames in _strips(n_t):
        apart = np.subtract(part.c2[frames], fitted[frames], dtype=np.float32)
        # The later half of a map is that of the earlier one.
        found[frames] = np.where(counted(part, frames).T & (np.arange(n_t) > frames[:, None]), apart, 0.0)
    for frames in _strips(n_t):
        first = frames[0]
        found[first:, frames] += found[frames, first:].T
    for frames in _strips(n_t):
        found[frames] = smoothed(part, weighted.ridge, found[frames].T.astype(np.float64)).T
    # The evaluator multiplies by the weights of the pairs.
    weight = np.where(part.root > 0, part.root, np.inf)[:, None] ** 2
    for frames in _strips(n_t):
        both_sides = smoothed(part, weighted.ridge, found[:, frames].astype(np.float64))
        found[:, frames] = weighted.unit * both_sides / weight / weight[frames, 0]
    return found


def _strips(n_t: int) -> Iterator[npt.NDArray[np.int_]]:
    """Yield frames in portions."""
    for k in range(0, n_t, _ROWS):
        yield np.arange(k, min(k + _ROWS, n_t))


def _solved(
    setup: Setup,
    evaluator: Evaluator,
    promise: Promise,
    formed: Formed,
    value: FloatArray,
    vector: FloatArray,
) -> FloatArray:
    """Return the solution of the estimating equations, in straight coordinates from the fitted vector of equal weights:
    the least gᵀ Cov(g)⁻¹ g, and square of the way in standard deviations of the priors.

    Both estimates are unbiased, and so is what lies between them: the nearer the standard deviation along a direction
    comes to that of the prior, the nearer the solution stays to the estimate with equal weights, which is the closest
    to the priors among equally good ones.
    """
    land, z = landscape(setup, normal_of(evaluator), vector, 1.0)
    turn = slope_of_fitted(z, land.coordinates)
    curved, noisy = (turn.T @ one @ turn for one in (formed.equations.matrix, formed.equations.score))
    length = np.sqrt(np.maximum(np.diag(curved), 1e-300))
    values, vectors = np.linalg.eigh(curved / np.outer(length, length))
    seen = values > _OPEN
    # In steps along `unit`, H is 1; those along `step` are of one standard deviation.
    unit = (vectors[:, seen] / np.sqrt(values[seen])) / length[:, None]
    values, vectors = np.linalg.eigh(unit.T @ noisy @ unit)
    vectors, sd = vectors[:, values > 0], np.sqrt(values[values > 0])
    step, inward = unit @ (vectors * sd), (vectors / sd).T @ unit.T @ turn.T
    rows = np.sqrt(prior_precision(land, z))[:, None] * step
    change = _change_of_value(setup, formed.weighted, vector)

    def residuals(y: FloatArray) -> FloatArray:
        there = vector_at(land, z + step @ y)
        return np.concatenate([inward @ (value + change(there)), rows @ y])

    def slopes(y: FloatArray) -> FloatArray:
        along = slope_of_fitted(z + step @ y, land.coordinates) @ step
        matrix = _matrix_at(setup, formed.weighted, promise.at(vector_at(land, z + step @ y)))
        return np.concatenate([-inward @ matrix @ along, rows])

    found = least_squares(residuals, np.zeros(sd.size), slopes, method="lm", xtol=_CLOSE, ftol=_CLOSE, max_nfev=_ROUNDS)
    return vector_at(land, z + step @ found.x)


def _matrix_at(setup: Setup, weighted: list[Weighted], parts: list[Azimuth]) -> FloatArray:
    """Return -∂g/∂θ of weights where the azimuths are, (n_fit, n_fit)."""

    def one(a: int) -> FloatArray:
        known, columns, turn = weighted[a].known, weighted[a].columns, _turn(setup, a)
        slopes = np.sqrt(columns.number) * slope_columns(parts[a], columns.frames)
        matrix = known.reshape(len(known), -1) @ slopes.reshape(len(slopes), -1).astype(np.float32).T / 2
        return np.asarray(turn.T @ matrix @ turn)

    return np.asarray(np.sum(each(one, range(len(weighted))), axis=0))


def _change_of_value(setup: Setup, weighted: list[Weighted], vector: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Return the function that gives the change of g from a fitted vector to another."""
    values, contrast, offset = _split(setup, vector)
    here = [contrast[one.part.a] * _known_map(one, values) + offset[one.part.a] for one in weighted]

    def change(there: FloatArray) -> FloatArray:
        values, contrast, offset = _split(setup, there)

        def lost(one: Weighted) -> FloatArray:
            a = one.part.a
            change = contrast[a] * _known_map(one, values) + offset[a] - here[a]
            change *= np.sqrt(one.columns.number) / 2
            return _turn(setup, a).T @ (one.known.reshape(len(one.known), -1) @ change.astype(np.float32).ravel())

        return -np.sum(each(lost, weighted), axis=0)

    return change


def _known_map(weighted: Weighted, values: FloatArray) -> FloatArray:
    return map_columns(weighted.part, values, weighted.columns.frames)


def _difference(
    setup: Setup,
    evaluator: Evaluator,
    formed: Formed,
    formed_equal: Formed,
    value: FloatArray,
    equal: Estimate,
) -> float:
    """Return the probability that the estimates with these and with equal weights differ by chance as much as they do.

    Both are unbiased if the model is right (Hausman, Econometrica 46, 1251 (1978)).
    """
    prior = equal.prior
    n_free, n_fit = prior.size, value.size

    def both(a: int) -> FloatArray:
        twice = np.kron(np.eye(2), _turn(setup, a))
        of_pixels = np.concatenate([formed.shared[a], formed_equal.shared[a]])
        covariance = score_covariance([formed.weighted[a], formed_equal.weighted[a]], of_pixels, _LIT)
        return np.asarray(twice.T @ covariance @ twice)

    score = np.sum(each(both, range(len(formed.weighted))), axis=0)
    value_of_equal = -np.asarray(evaluator.normal(equal.vector, evaluator.problem).gradient)
    steps = [
        determined_step(curvature(one, prior), one, prior)[:n_free] for one in (formed.equations.matrix, equal.matrix)
    ]
    apart = steps[0] @ value - steps[1] @ value_of_equal
    across = np.hstack([steps[0], -steps[1]])
    of_equal = steps[1] @ score[n_fit:, n_fit:] @ steps[1].T
    # A parameter that moves with undetermined directions only has a variance of 0, up to rounding.
    moved = np.diag(of_equal) > (_STILL * prior) ** 2
    length = np.where(moved, np.sqrt(np.maximum(np.diag(of_equal), 1e-300)), np.inf)
    values, vectors = np.linalg.eigh(of_equal / np.outer(length, length))
    seen = values > _OPEN
    whiten = (vectors[:, seen] / np.sqrt(values[seen])).T / length
    values, vectors = np.linalg.eigh(whiten @ across @ score @ across.T @ whiten.T)
    differs = values > _ALIKE
    if not differs.any():
        return 1.0
    along = vectors[:, differs].T @ (whiten @ apart)
    return float(chdtrc(np.count_nonzero(differs), np.sum(along**2 / values[differs])))
