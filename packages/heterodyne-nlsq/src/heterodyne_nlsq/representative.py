"""Which of the values that fit equally well is reported: the plainest, that is the one nearest to the priors.

The least-squares optimum along a direction that the data leave open is decided by the last digit of the noise. Reported
is instead the point of highest prior density among those that describe the data as well and say the same: at which the
calibrated chi-square is at most `RISE` above its least, and none of J_r, J_s, v and x is further than `SHIFT` of its
calibrated standard deviation from its value at the optimum, at ages from the beginning to the end.

The calibrated chi-square is that of the data at y_o + K (y - y_o), in straight coordinates y with the optimum y_o,
where KᵀHK is the information that the noise leaves (Chandler and Bate 2007, Biometrika 94, 167): the exact cost, not
its quadratic approximation, because valleys are long. The offset's priors count as data: that a map normalised by its
mean intensities has an offset near 1 is knowledge, not a choice between equals.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_nlsq import priors
from heterodyne_nlsq.coordinates import Coordinates, from_parameters, make_coordinates, to_parameters, without_bounds
from heterodyne_nlsq.paths import Path
from heterodyne_nlsq.priors import WALL, Priors, Weights, make_priors
from heterodyne_nlsq.setup import Setup
from heterodyne_physics_meshgrid import HeterodyneModel

type FloatArray = npt.NDArray[np.float64]

RISE = 1.0
"""Calibrated chi-square above the least that the plainest point may have."""

SHIFT = 0.2
"""Distance, in standard deviations, by which a function of age may differ there."""

_AGES = np.array([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
"""Ages at which the functions are compared, in parts of the measurement."""

_TRIES, _STEPS = 8, 25
"""Weights of the prior that are tried, and steps of a descent with one of them."""

_ENOUGH = 0.5
"""Part of what is allowed from which no larger weight is looked for."""

_SETTLED = 1e-3
"""Change of chi-square at which a descent is done."""

_NEVER = 1e-9
"""Least weight of the prior: it decides only where the data say nothing at all."""


class Choice(NamedTuple):
    """A point of the fitted vector (n_fit,), and the covariance of the score there (n_fit, n_fit)."""

    vector: FloatArray
    score: FloatArray


class _Landscape(NamedTuple):
    """Chi-square around an optimum `centre` (n_fit,) in solver coordinates, pulled by `pull` (n_fit, n_fit).

    `variance` is that of a pair.
    """

    path: Path
    coordinates: Coordinates
    priors: Priors
    centre: FloatArray
    pull: FloatArray
    variance: float


def representative(setup: Setup, path: Path, vector: FloatArray, score: FloatArray, variance: float) -> Choice:
    """Return the plainest of the points that fit as well as the optimum next to `vector` (n_fit,), or that optimum.

    Parameters
    ----------
    score : covariance of the score at the optimum in the fitted vector, (n_fit, n_fit).
    variance : of a pair of frames.
    """
    coordinates = without_bounds(make_coordinates(setup.spec, setup.free, setup.data.t))
    bounds, centre = make_priors(setup), _to_z(vector, coordinates)
    # At an end of its range an exponent is moved on the way into the coordinates, and may take an amplitude along.
    here = _of_z(jnp.asarray(centre), coordinates)
    known = bounds._replace(lower=jnp.minimum(bounds.lower, here), upper=jnp.maximum(bounds.upper, here))
    turn = np.asarray(_slope(jnp.asarray(centre), coordinates))
    matrix = np.asarray(path.normal(vector, path.problem).matrix)
    ends = _prior_precision(centre, coordinates, known)
    pull = calibrating(turn.T @ matrix @ turn / variance, turn.T @ score @ turn / variance**2, ends)
    covariance = np.linalg.inv(pull.T @ (turn.T @ matrix @ turn / variance + np.diag(ends)) @ pull)
    land = _Landscape(path, coordinates, known, centre, pull, variance)
    best, least = _descend(land, centre, _NEVER)
    if setup.config.nlsq.representative == "plainest":
        best = _within_limits(land, best, least, _Functions(setup, coordinates, covariance))
    # On a bound, rounding may lead beyond.
    found = np.clip(np.asarray(_of_z(jnp.asarray(best), coordinates)), bounds.lower, bounds.upper)
    there = np.asarray(_slope(jnp.asarray(best), coordinates))
    curved = there.T @ np.asarray(path.normal(found, path.problem).matrix) @ there
    carried = _carried(turn.T @ score @ turn, turn.T @ matrix @ turn, curved, variance * ends)
    back = np.linalg.pinv(there, rcond=1e-13)
    return Choice(found, back.T @ carried @ back)


def _within_limits(land: _Landscape, optimum: FloatArray, least: float, functions: _Functions) -> FloatArray:
    """Return the minimum with the largest weight of the prior, up to 1, that keeps the limits."""
    best, low, high, weight = optimum, None, None, 0.0
    for _ in range(_TRIES):
        # From the best so far: a large weight can lead into another valley.
        z, chi2 = _descend(land, best, float(np.exp(weight)))
        used = max((chi2 - least) / RISE, (functions.shift(z, optimum) / SHIFT) ** 2, 1e-12)
        here = weight, float(np.log(used))
        if used <= 1.0:
            best, low = z, here
            if weight >= 0.0 or used > _ENOUGH:
                break
        else:
            high = here
        weight = min(_next_weight(low, high), 0.0)
    return best


def _next_weight(low: tuple[float, float] | None, high: tuple[float, float] | None) -> float:
    """Return the logarithm of the weight that uses most of what is allowed.

    `low` and `high` are those of a weight that uses less, and of one that uses more, with that of its use; None before
    there is one. What is used grows between the first and the second power of the weight.
    """
    aim = float(np.log((1 + _ENOUGH) / 2))
    if low is not None and high is not None:
        part = (aim - low[1]) / (high[1] - low[1])
        return low[0] + float(np.clip(part, 0.2, 0.8)) * (high[0] - low[0])
    known = low or high
    assert known is not None, "one weight was tried"
    return known[0] + (aim - known[1]) / 1.2


def _carried(score: FloatArray, here: FloatArray, there: FloatArray, ends: FloatArray) -> FloatArray:
    """Return the covariance of the score at another point: noise inflates the curvature there as it does here.

    `here` and `there` (n_fit, n_fit) are the curvatures in straight coordinates, nearly the same along their valleys,
    and `ends` (n_fit,) keeps open directions apart.
    """
    one, other = (np.linalg.cholesky(matrix + np.diag(ends)) for matrix in (here, there))
    turn = other @ np.linalg.inv(one)
    return np.asarray(turn @ score @ turn.T)


class _Functions:
    """The functions of age in solver coordinates, and their standard deviations where `covariance` is that of z."""

    def __init__(self, setup: Setup, coordinates: Coordinates, covariance: FloatArray):
        first, last = setup.data.t[[0, -1]]
        self._ages = jnp.asarray(first + (last - first) * _AGES)
        self._base, self._expand = jnp.asarray(setup.free.base), jnp.asarray(setup.free.expand)
        self._coordinates, self._covariance = coordinates, covariance

    def shift(self, z: FloatArray, optimum: FloatArray) -> float:
        """Return the largest difference between two points in standard deviations; one that has none does not count."""
        arguments = (self._coordinates, self._base, self._expand, self._ages)
        there, here = (np.asarray(_functions(jnp.asarray(point), *arguments)) for point in (z, optimum))
        slope = np.asarray(_slope_of_functions(jnp.asarray(optimum), *arguments))
        variance = np.einsum("fi,ij,fj->f", slope, self._covariance, slope)
        known = variance > 1e-18 * here**2
        return float(np.max(np.abs(there - here)[known] / np.sqrt(variance[known]), initial=0.0))


@jax.jit
def _functions(
    z: Float[Array, " n_fit"], coordinates: Coordinates, base: Array, expand: Array, ages: Float[Array, " n_age"]
) -> Float[Array, " n_value"]:
    model = HeterodyneModel.from_vector(base + expand @ _of_z(z, coordinates)[: expand.shape[1]])
    return jnp.concatenate([model.J_r(ages), model.J_s(ages), model.v(ages), model.x(ages)])


_slope_of_functions = jax.jit(jax.jacfwd(_functions))


def calibrating(matrix: FloatArray, score: FloatArray, prior: FloatArray) -> FloatArray:
    """Return K (n, n) with Kᵀ (matrix) K the information that noise with this covariance of the score leaves.

    `matrix` is the curvature of half of chi-square, `score` the covariance of its gradient, which would be the same
    without shared noise, and `prior` (n,) the precisions up to which directions are open: along these nothing is
    pulled.
    """
    whole = matrix + np.diag(prior)
    root = np.linalg.cholesky(whole)
    inward = np.linalg.inv(root)
    seen = inward @ matrix @ inward.T
    noise = inward @ score @ inward.T + np.eye(len(matrix)) - seen
    information = seen @ np.linalg.solve((noise + noise.T) / 2, seen) + np.eye(len(matrix)) - seen
    values, vectors = np.linalg.eigh((information + information.T) / 2)
    inner = (vectors * np.sqrt(np.clip(values, 1e-6, 1.0))) @ vectors.T
    return np.asarray(inward.T @ inner @ root.T)


@jax.jit
def _of_z(z: Float[Array, " n_fit"], coordinates: Coordinates) -> Float[Array, " n_fit"]:
    n_free = coordinates.lower.size
    return jnp.concatenate([to_parameters(z[:n_free], coordinates), z[n_free:]])


_slope = jax.jit(jax.jacfwd(_of_z))


def _to_z(vector: FloatArray, coordinates: Coordinates) -> FloatArray:
    n_free = np.asarray(coordinates.lower).size
    return np.concatenate([np.asarray(from_parameters(vector[:n_free], coordinates)), vector[n_free:]])


@jax.jit
def _rows_of_prior(z: Float[Array, " n_fit"], coordinates: Coordinates, known: Priors, weights: Weights) -> Array:
    return priors.rows(_of_z(z, coordinates), known, weights)


_slope_of_prior = jax.jit(jax.jacfwd(_rows_of_prior))


def _weights(choice: float) -> Weights:
    return Weights(jnp.array(1.0), jnp.array(choice), jnp.array(WALL))


def _prior_precision(z: FloatArray, coordinates: Coordinates, known: Priors) -> FloatArray:
    """Return the prior's precision of every coordinate, the others held, (n_fit,)."""
    slope = np.asarray(_slope_of_prior(jnp.asarray(z), coordinates, known, _weights(1.0)))
    return np.maximum(np.sum(slope**2, axis=0), 1e-12)


class _Quadratic(NamedTuple):
    """Chi-square of the data and of all, half of the gradient and of the matrix of all, in z."""

    data: float
    whole: float
    gradient: FloatArray
    matrix: FloatArray


def _evaluate(land: _Landscape, z: FloatArray, weight: float) -> _Quadratic | None:
    """Return chi-square and its derivatives at z; None where the point, or the pulled one, is outside the bounds."""
    pulled = land.centre + land.pull @ (z - land.centre)
    vector, here = (np.asarray(_of_z(jnp.asarray(point), land.coordinates)) for point in (pulled, z))
    if not (np.isfinite(vector).all() and _inside(here, land.priors)):
        return None
    normal = land.path.normal(vector, land.path.problem)
    slope = np.asarray(_slope(jnp.asarray(pulled), land.coordinates)) @ land.pull
    gradient, matrix = (np.asarray(part) / land.variance for part in (normal.gradient, normal.matrix))
    arguments = (jnp.asarray(z), land.coordinates, land.priors, _weights(weight))
    rows, turn = np.asarray(_rows_of_prior(*arguments)), np.asarray(_slope_of_prior(*arguments))
    # The offset's priors, and the walls, count as the data do; the others only choose.
    choosing = np.append(~np.asarray(land.priors.baseline), np.zeros(len(vector), bool))
    data = 2 * float(normal.cost) / land.variance
    return _Quadratic(
        data + float(np.sum(rows[~choosing] ** 2)),
        data + float(rows @ rows),
        slope.T @ gradient + turn.T @ rows,
        slope.T @ matrix @ slope + turn.T @ turn,
    )


def _inside(vector: FloatArray, known: Priors) -> bool:
    lower, upper = np.asarray(known.lower), np.asarray(known.upper)
    margin = 1e-9 * (upper - lower)
    return bool(np.all((vector >= lower - margin) & (vector <= upper + margin)))


def _descend(land: _Landscape, z: FloatArray, weight: float) -> tuple[FloatArray, float]:
    """Return the minimum next to z with the prior at a weight, and the chi-square of the data there.

    Levenberg (1944), Marquardt (1963).
    """
    at = _evaluate(land, z, weight)
    assert at is not None, "the descent begins inside the bounds"
    damping = 1e-6
    for _ in range(_STEPS):
        scale = np.maximum(np.diag(at.matrix), 1e-12)
        step = -np.linalg.lstsq(at.matrix + damping * np.diag(scale), at.gradient, rcond=None)[0]
        there = _evaluate(land, z + step, weight)
        if there is None or there.whole > at.whole:
            damping = max(damping * 30, 1e-3)
            continue
        gain = at.whole - there.whole
        z, at, damping = z + step, there, damping / 10
        if gain < _SETTLED:
            break
    return z, at.data
