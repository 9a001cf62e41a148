"""The representative of equally good solutions: the one closest to the priors.

Along an undetermined direction, the position of the least-squares optimum depends on minute details of the noise.
Therefore the point of highest prior density is reported, among those that fit equally well and have the same functions:
calibrated chi-square at most `RISE` above the minimum, and all functions of age within `SHIFT` calibrated standard
deviations of their values at the optimum, at ages from a tenth to nine tenths of the measurement. The offset's priors
count as data, because a map normalised by its mean intensities is known to have an offset near 1.

Chi-square is exact, divided by the inflation due to correlated noise. The inflation requires simulated pixels; they are
simulated once, at a first choice made with an estimate of the inflation, from which the second choice is a small step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq import priors
from heterodyne_nlsq.coordinates import (
    Coordinates,
    around,
    fitted,
    from_parameters,
    make_coordinates,
    slope_of_fitted,
    without_bounds,
)
from heterodyne_nlsq.normal import NormalEquations, turned
from heterodyne_nlsq.priors import WALL, Priors, Weights, make_priors
from heterodyne_nlsq.setup import Setup
from heterodyne_spec import ModelSpec

type FloatArray = npt.NDArray[np.float64]
type Normal = Callable[[FloatArray], NormalEquations]

RISE = 1.0
"""Largest calibrated chi-square above the minimum of the representative."""

SHIFT = 0.2
"""Distance, in standard deviations, by which a function of age may differ there."""

_WIDER = 1.5
"""Variance of a function at another point, over that at the optimum, from which the other one counts, as much less."""

_AGES = np.array([0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
"""Ages at which the functions are compared, in parts of the measurement."""

_TRIES, _STEPS = 8, 25
"""Weights of the prior that are tried, and steps of a descent with one of them."""

_LARGEST = float(np.log(20.0))
"""Largest growth of the logarithm of the weight from one try to the next."""

_SLOPE, _SLOPES = 1.2, (0.5, 2.0)
"""Power of the weight with which the change grows, before two are tried, and its limits after."""

_CLOSE = float(np.log(1.5))
"""Ratio of two weights, one of which uses too much, between which no other is tried: where the change leaps."""

_ENOUGH = 0.4
"""Fraction of the permitted change from which no larger weight is tried."""

_SETTLED = 1e-3
"""Change of chi-square at which a descent is done."""

_NEVER = 1e-6
"""Smallest weight of the prior; it only affects completely undetermined directions."""

_FIRST = float(np.log(1e-3))
"""Logarithm of the smallest weight tried first: far out, valleys are flat and predictions are unreliable."""

_EXACT = 1e-13
"""How near to 0 a share may be."""

_OPEN = 1e-10
"""Eigenvalue of the curvature, scaled to unit diagonal, below which rounding hides what noise does to it."""


_NO_EFFECT = 1e-60
"""Curvature of chi-square along a coordinate up to which the coordinate has no effect."""


class Courses(NamedTuple):
    """What the functions of age follow from: for each measurement, the affine map from the free parameters to all,
    base (n, n_par) and expand (n, n_par, n_free), and the ages in s at which they are compared, (n, n_age).
    """

    spec: ModelSpec
    base: FloatArray
    expand: FloatArray
    ages: FloatArray

    def functions(self, z: FloatArray, c: Coordinates) -> FloatArray:
        """Return all functions of age of all measurements, (n_value,), at z (n_fit,)."""
        return np.concatenate([value.ravel() for value, _ in self._each(z, c)])

    def slopes(self, z: FloatArray, c: Coordinates) -> FloatArray:
        """Return their derivatives (n_value, n_fit) by z."""
        turn = slope_of_fitted(z, c)[: self.expand.shape[2]]
        each = zip(self._each(z, c), self.expand, strict=True)
        return np.concatenate([by.reshape(-1, by.shape[-1]) @ (expand @ turn) for (_, by), expand in each])

    def _each(self, z: FloatArray, c: Coordinates) -> Iterator[tuple[FloatArray, FloatArray]]:
        free = fitted(z, c)[: self.expand.shape[2]]
        for base, expand, ages in zip(self.base, self.expand, self.ages, strict=True):
            yield self.spec.functions_with_slopes(base + expand @ free, ages)


class Landscape(NamedTuple):
    """Chi-square in straight coordinates z (n_fit,), in units of `unit`, the variance of a pair; `normal` returns its
    normal equations at a fitted vector. `bounds` are the priors with the bounds that are asked for, `priors` with the
    present point inside.
    """

    courses: Courses
    normal: Normal
    coordinates: Coordinates
    bounds: Priors
    priors: Priors
    unit: float


class Noise(NamedTuple):
    """What noise does at a point: the covariance (n_fit, n_fit) of z, and the variance of a pair that counts."""

    covariance: FloatArray
    unit: float


def landscape(setup: Setup, normal: Normal, vector: FloatArray, unit: float) -> tuple[Landscape, FloatArray]:
    """Return the landscape of a fit and the coordinates z of a fitted vector (n_fit,).

    Parameters
    ----------
    normal : the normal equations at a fitted vector.
    unit : variance of a pair, the inflation by shared noise included.
    """
    courses = courses_of([setup], [np.asarray(setup.free.expand)])
    coordinates = make_coordinates(setup.spec, setup.free, setup.data.t)
    return made_landscape(courses, normal, coordinates, make_priors(setup), vector, unit)


def courses_of(setups: Sequence[Setup], expand: Sequence[FloatArray]) -> Courses:
    """Return the courses of measurements, with the derivatives (n_par, n_free) of their parameters by the free ones."""
    t = [setup.data.t for setup in setups]
    return Courses(
        setups[0].spec,
        np.stack([setup.free.base for setup in setups]),
        np.stack(expand),
        np.stack([one[0] + (one[-1] - one[0]) * _AGES for one in t]),
    )


def made_landscape(
    courses: Courses, normal: Normal, coordinates: Coordinates, bounds: Priors, vector: FloatArray, unit: float
) -> tuple[Landscape, FloatArray]:
    """Return the landscape in given coordinates, whose bounds are left out, and z of a fitted vector (n_fit,)."""
    coordinates = without_bounds(around(coordinates, vector[: coordinates.lower.size]))
    z = _to_z(vector, coordinates)
    # At an end of its range an exponent is moved on the way into the coordinates, and may take an amplitude along.
    here = fitted(z, coordinates)
    known = bounds._replace(lower=np.minimum(bounds.lower, here), upper=np.maximum(bounds.upper, here))
    return Landscape(courses, normal, coordinates, bounds, known, unit), z


def vector_at(land: Landscape, z: FloatArray) -> FloatArray:
    """Return the fitted vector (n_fit,) at z, inside the bounds of the request."""
    bounds = land.bounds
    # On a bound, rounding may lead beyond.
    return np.clip(fitted(z, land.coordinates), bounds.lower, bounds.upper)


def optimum(land: Landscape, z: FloatArray) -> FloatArray:
    """Return the least-squares optimum next to z, the offset's priors taken as data."""
    return _descend(land, z, _NEVER, _SETTLED / 10)[0]


def plainest(land: Landscape, least: FloatArray, noise: Noise) -> FloatArray:
    """Return the point closest to the priors that fits as well as the optimum `least` with the same functions."""
    lowest = _evaluate(land, least, _NEVER)
    assert lowest is not None, "the optimum is inside the bounds"
    functions = _Functions(land, noise.covariance)

    def used(z: FloatArray, chi2: float) -> float:
        return max((chi2 - lowest.data) / RISE, (functions.shift(z, least) / SHIFT) ** 2, 1e-12)

    best, nearest = least, _distance(land, least)
    low, high, weight = None, None, max(functions.predicted(least), _FIRST)
    slope, last = _SLOPE, None
    for _ in range(_TRIES):
        # Start from the best so far, because a large weight can lead to another valley.
        z, chi2 = _descend(land, best, float(np.exp(weight)))
        part = used(z, chi2)
        here = weight, float(np.log(part))
        if last is not None and here[0] != last[0]:
            slope = float(np.clip((here[1] - last[1]) / (here[0] - last[0]), *_SLOPES))
        last = here
        if part <= 1.0:
            low = here
            # In a flat valley, a small weight leads along it for the sake of the rest of chi-square.
            if (distance := _distance(land, z)) < nearest:
                best, nearest = z, distance
            if weight >= 0.0 or part > _ENOUGH:
                break
        else:
            high = here
        if low is not None and high is not None and high[0] - low[0] < _CLOSE:
            break
        weight = min(_next_weight(low, high, slope), 0.0)
    return best


def _next_weight(low: tuple[float, float] | None, high: tuple[float, float] | None, slope: float) -> float:
    """Return the logarithm of the weight that uses most of the permitted change.

    `low` and `high` are the logarithms of a weight that uses less and of one that uses more, each with that of the
    change used; None before there is one. The change grows with the power `slope` of the weight.
    """
    aim = float(np.log((1 + _ENOUGH) / 2))
    if low is not None and high is not None:
        part = (aim - low[1]) / (high[1] - low[1])
        return low[0] + float(np.clip(part, 0.2, 0.8)) * (high[0] - low[0])
    known = low or high
    assert known is not None, "one weight was tried"
    # The change can be zero, if an optimum on a bound stays there.
    return known[0] + min((aim - known[1]) / slope, _LARGEST)


def calibrated_noise(land: Landscape, z: FloatArray, score: FloatArray, variance: float) -> Noise:
    """Return the effect of noise at z.

    Parameters
    ----------
    score : covariance of the score there in the fitted vector, (n_fit, n_fit).
    variance : of a pair, without inflation.
    """
    turn, matrix = _curvature(land, z)
    curved, noisy = turn.T @ matrix @ turn / variance, turn.T @ score @ turn / variance**2
    # Parameters without any effect have zero length and undefined noise; they are left out.
    length = np.where(np.diag(curved) > _NO_EFFECT, np.sqrt(np.maximum(np.diag(curved), _NO_EFFECT)), 1.0)
    values, vectors = np.linalg.eigh(curved / np.outer(length, length))
    seen = values > _OPEN
    unit = vectors[:, seen] / np.sqrt(values[seen])
    inflated = unit.T @ (noisy / np.outer(length, length)) @ unit
    ratio, inner = np.linalg.eigh((inflated + inflated.T) / 2)
    ratio = np.maximum(ratio, 1.0)
    to_seen = (vectors[:, seen] * np.sqrt(values[seen])) * length[:, None]
    information = to_seen @ (inner / ratio) @ inner.T @ to_seen.T
    covariance = _inverse(information + np.diag(prior_precision(land, z)))
    return Noise(covariance, variance * float(np.exp(np.mean(np.log(ratio)))))


def _inverse(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a positive matrix whose entries may span many decades."""
    length = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2 / np.outer(length, length))
    return np.asarray((vectors / np.maximum(values, 1e-15)) @ vectors.T / np.outer(length, length))


def _curvature(land: Landscape, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the derivative of the fitted vector by z, and the Gauss-Newton matrix in the fitted vector."""
    matrix = np.asarray(land.normal(fitted(z, land.coordinates)).matrix)
    return slope_of_fitted(z, land.coordinates), matrix


class _Functions:
    """The functions of age in solver coordinates, and their standard deviations where `covariance` is that of z."""

    def __init__(self, land: Landscape, covariance: FloatArray):
        self._land, self._covariance = land, covariance

    def shift(self, z: FloatArray, least: FloatArray) -> float:
        """Return the largest difference between two points in standard deviations; functions without one do not count.

        Standard deviations are those at the optimum, `least`, or those at z if the former are far smaller, as on a
        bound.
        """
        there, here = (self._land.courses.functions(point, self._land.coordinates) for point in (z, least))
        variance = np.maximum(self._variance(z) / _WIDER, self._variance(least))
        known = variance > 1e-18 * here**2
        return float(np.max(np.abs(there - here)[known] / np.sqrt(variance[known]), initial=0.0))

    def predicted(self, z: FloatArray) -> float:
        """Return the logarithm of the weight, at most 1, at which the quadratic approximation at z uses the permitted
        change. Away from the optimum, only the change from z counts.
        """
        land, weights = self._land, np.geomspace(_NEVER, 1.0, 25)
        at, rows = _evaluate(land, z, 0.0), _choosing_rows(land, z)
        assert at is not None, "the point is inside the bounds"
        slope = land.courses.slopes(z, land.coordinates)
        sd = np.sqrt(np.maximum(self._variance(z), 1e-300))
        best = 0
        for k, weight in enumerate(weights):
            matrix = at.matrix + weight * rows.slope.T @ rows.slope
            step = -np.linalg.lstsq(matrix, at.gradient + weight * rows.slope.T @ rows.value, rcond=None)[0]
            part = max(float(step @ at.matrix @ step) / RISE, float(np.max(np.abs(slope @ step) / sd) / SHIFT) ** 2)
            if part <= 1.0:
                best = k
        return float(np.log(weights[best]))

    def _variance(self, z: FloatArray) -> FloatArray:
        slope = self._land.courses.slopes(z, self._land.coordinates)
        return np.einsum("fi,ij,fj->f", slope, self._covariance, slope)


def _to_z(vector: FloatArray, coordinates: Coordinates) -> FloatArray:
    n_free = coordinates.lower.size
    # Not clipped: a share of 1e-6 in the middle of the measurement can be 4 % at its end.
    return np.concatenate([from_parameters(vector[:n_free], coordinates, _EXACT), vector[n_free:]])


def _rows_of_prior(land: Landscape, z: FloatArray, weight: float) -> tuple[FloatArray, FloatArray]:
    """Return the rows of the priors, those that only choose at a weight, and their derivatives by z."""
    rows = priors.rows(fitted(z, land.coordinates), land.priors, Weights(1.0, weight, WALL))
    return rows.value, priors.along(rows, slope_of_fitted(z, land.coordinates))


def prior_precision(land: Landscape, z: FloatArray) -> FloatArray:
    """Return the prior's precision of every coordinate, the others held, (n_fit,)."""
    _, slope = _rows_of_prior(land, z, 1.0)
    return np.maximum(np.sum(slope**2, axis=0), 1e-12)


class _Rows(NamedTuple):
    """The priors' residuals that only choose, and their derivatives by z."""

    value: FloatArray
    slope: FloatArray


def _choosing(known: Priors) -> npt.NDArray[np.bool_]:
    """Return which rows of the priors only choose: the offset's priors, and the walls, count as the data do."""
    return np.append(~known.baseline, np.zeros(known.baseline.size, bool))


def _choosing_rows(land: Landscape, z: FloatArray) -> _Rows:
    (value, slope), chosen = _rows_of_prior(land, z, 1.0), _choosing(land.priors)
    return _Rows(value[chosen], slope[chosen])


def _distance(land: Landscape, z: FloatArray) -> float:
    """Return the squared distance from the centres of the priors that only choose, in their widths."""
    value = _choosing_rows(land, z).value
    return float(value @ value)


class _Quadratic(NamedTuple):
    """Chi-square of the data and of all, half of the gradient and of the matrix of all, in z."""

    data: float
    whole: float
    gradient: FloatArray
    matrix: FloatArray


def _evaluate(land: Landscape, z: FloatArray, weight: float) -> _Quadratic | None:
    """Return chi-square and its derivatives at z; None outside the bounds, and where it has none."""
    vector = fitted(z, land.coordinates)
    if not (np.isfinite(vector).all() and _inside(vector, land.priors)):
        return None
    rows, turn = _rows_of_prior(land, z, weight)
    with np.errstate(all="ignore"):
        cost, gradient, matrix = turned(land.normal(vector), slope_of_fitted(z, land.coordinates))
        data = 2 * float(cost) / land.unit
        found = _Quadratic(
            data + float(np.sum(rows[~_choosing(land.priors)] ** 2)),
            data + float(rows @ rows),
            gradient / land.unit + turn.T @ rows,
            matrix / land.unit + turn.T @ turn,
        )
    return found if all(np.isfinite(part).all() for part in found) else None


_MARGIN = 2e-6
"""Part of the way between its bounds by which a parameter is kept off them; an amplitude by that part of the bound: one
that is far less than a part of its range can still grow to all there is."""


def _kept_inside(land: Landscape, z: FloatArray) -> FloatArray:
    """Return z, or where its parameters are beyond their bounds or on them, the coordinates of those just inside."""
    vector, lower, upper = fitted(z, land.coordinates), land.priors.lower, land.priors.upper
    margin, amplitudes = _MARGIN * (upper - lower), land.coordinates.laws[:, 0]
    margin[amplitudes] = _MARGIN * np.abs(lower[amplitudes])
    inside = np.clip(vector, lower + margin, upper - margin)
    return z if not np.isfinite(vector).all() or np.array_equal(inside, vector) else _to_z(inside, land.coordinates)


def _inside(vector: FloatArray, known: Priors) -> bool:
    margin = 1e-9 * (known.upper - known.lower)
    return bool(np.all((vector >= known.lower - margin) & (vector <= known.upper + margin)))


def _descend(land: Landscape, z: FloatArray, weight: float, settled: float = _SETTLED) -> tuple[FloatArray, float]:
    """Return the minimum next to z with the prior at a weight, and the chi-square of the data there.

    Levenberg (1944), Marquardt (1963), until a step lowers chi-square by less than `_SETTLED`, or promises no more. A
    step that leads beyond a bound is taken to just before it: where the optimum is on one, every other step would be
    refused.
    """
    z = _kept_inside(land, z)
    at = _evaluate(land, z, weight)
    assert at is not None, "the descent begins inside the bounds"
    damping = 1e-6
    for _ in range(_STEPS):
        scale = np.maximum(np.diag(at.matrix), 1e-12)
        step = -np.linalg.lstsq(at.matrix + damping * np.diag(scale), at.gradient, rcond=None)[0]
        promised = -float((2 * at.gradient + at.matrix @ step) @ step)
        if promised < settled:
            break
        moved = _kept_inside(land, z + step)
        there = _evaluate(land, moved, weight)
        if there is None or there.whole > at.whole:
            damping = max(damping * 30, 1e-3)
            continue
        gain = at.whole - there.whole
        # Less damping only as far as the promise was kept: in a bent valley, every other step would be refused.
        z, at, damping = moved, there, damping * max(0.1, 1 - (2 * gain / promised - 1) ** 3)
        if gain < settled:
            break
    return z, at.data
