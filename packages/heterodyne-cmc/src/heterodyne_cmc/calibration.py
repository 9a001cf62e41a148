"""Calibration of the likelihood: correlated noise between pairs is accounted for with the covariance from the fit.

The pairs of a map share frames and speckle, so their product is a composite likelihood: its mode is correct, its
width is not. The fit provides two covariances of its estimate: Σ_0 for independent noise and the calibrated (Godambe)
covariance Σ. The posterior uses L(û + C (u - û))^τ, whose width at the estimate û is exactly Σ. Among all such τ and C,
the pair with det C = 1 is used: τ is the factor common to all directions, so that the likelihood keeps its shape, and C
contains only the differences between directions. With weights from the noise, the estimate û_w and its covariance Σ_w
take the place of û and Σ, and L is evaluated at û + C (u - û_w): its maximum is moved, its shape is kept. Contrast and
offset, which are drawn conditional on the parameters, get their calibrated spread and slope by a linear map, which is
the same in all shards and therefore commutes with their product.

Ribatet, Cooley & Davison (2012), Statistica Sinica 22, 813: adjustment by a power, and of the curvature.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.density import LikelihoodAdjustment
from heterodyne_cmc.linalg import inverse, root

type FloatArray = npt.NDArray[np.float64]


_KNOWN_MOST = 0.99
"""Largest calibrated variance, in units of the prior variance, of a direction determined by the data; a parameter fixed
in the fit has 1."""


class Estimate(NamedTuple):
    """A point estimate in the sampled coordinates.

    `pivot` (n_free,) with the coefficients `centre` (n_lin,) of contrast and offset; covariances
    (n_free + n_lin, n_free + n_lin) for independent noise and calibrated, with n_lin = 0 when the fit gave none. The
    estimate with equal weights, the maximum of the likelihood, is at pivot + `shift`, with `contrast` and `offset`
    (n_phi,) and their coefficients `origin` (n_lin,); the covariance for independent noise is that there.
    """

    pivot: FloatArray
    shift: FloatArray
    contrast: FloatArray
    offset: FloatArray
    centre: FloatArray
    origin: FloatArray
    independent: FloatArray
    calibrated: FloatArray


def make_adjustment(estimate: Estimate, prior: FloatArray) -> LikelihoodAdjustment:
    """Return the calibration of the likelihood; `prior` (n_free, n_free) is the covariance of the prior.

    Directions in which the calibrated spread exceeds that of the prior keep the shape of the likelihood: the prior
    dominates there, and the ratio of two spreads not determined by the data is meaningless. The power applies there
    too.
    """
    n = estimate.pivot.size
    independent, calibrated = (_conditional(whole, n) for whole in (estimate.independent, estimate.calibrated))
    known, onto = _known(calibrated.parameters, prior)
    # Conditional on the other directions: the information of these directions is a block of the full matrix.
    narrow, wide = (inverse(known.T @ inverse(part.parameters) @ known) for part in (independent, calibrated))
    ratio, directions = _compared(narrow, wide)
    power = float(np.exp(-np.mean(np.log(ratio))))
    inner = _along(directions, 1.0 / np.sqrt(ratio * power)) - np.eye(ratio.size)
    pull, extent = np.eye(n) + known @ inner @ onto, onto.T @ inverse(wide) @ onto / len(onto)
    wider, coefficients = _compared(independent.rest / power, calibrated.rest)
    stretch = _along(coefficients, np.sqrt(wider))
    follow = calibrated.slope - stretch @ independent.slope @ pull
    return LikelihoodAdjustment(
        np.array(power),
        estimate.pivot,
        estimate.shift,
        pull,
        estimate.contrast,
        estimate.offset,
        estimate.centre,
        estimate.origin,
        stretch,
        follow,
        extent,
    )


def _known(calibrated: FloatArray, prior: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the directions (columns) determined better by the data than by the prior, or all directions if there are
    none, and the projections on them (rows), which are 0 for the other, possibly non-orthogonal directions."""
    unit = root(prior)
    inward = np.linalg.inv(unit)
    values, vectors = np.linalg.eigh(inward @ calibrated @ inward.T)
    known = values < _KNOWN_MOST
    if known.all() or not known.any():
        return np.eye(len(prior)), np.eye(len(prior))
    return unit @ vectors[:, known], vectors[:, known].T @ inward


class _Conditional(NamedTuple):
    """A joint covariance as that of the `parameters`, the `slope` of the coefficients along them, and their `rest`."""

    parameters: FloatArray
    slope: FloatArray
    rest: FloatArray


def _conditional(whole: FloatArray, n: int) -> _Conditional:
    # Computed from the information: for undetermined parameters, the difference of two large covariances loses all
    # digits.
    information = inverse(whole)
    rest = inverse(information[n:, n:]) if len(whole) > n else np.zeros((0, 0))
    return _Conditional(whole[:n, :n], -rest @ information[n:, :n], rest)


def _compared(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ratios of variances of `other` to those of `one`, and the directions (columns) of these ratios.

    In units in which `one` is isotropic, so that the result does not depend on the coordinates.
    """
    if not len(one):
        return np.zeros(0), np.zeros((0, 0))
    unit = root(one)
    inward = np.linalg.inv(unit)
    ratio, turn = np.linalg.eigh(inward @ other @ inward.T)
    return np.maximum(ratio, 1e-300), unit @ turn


def _along(directions: FloatArray, factors: FloatArray) -> FloatArray:
    """Return the matrix that stretches the directions by the factors."""
    return directions @ (factors[:, None] * np.linalg.inv(directions))
