"""What shared noise does to the posterior: the likelihood of pairs set right to the width that the fit found.

The pairs of a map share frames and speckle, so their product is a composite likelihood: its mode is sound, its
width is not. The fit knows both covariances of its estimate, that of independent noise Σ_0 and the calibrated one Σ
(Godambe's). The posterior uses L(û + C (u - û))^τ, whose width at the estimate û is Σ exactly. Of all such pairs of τ
and C the one is taken in which C leaves the volume as it is: τ carries what is common to all directions, so the
likelihood keeps its own shape at the width that it really has, and C only what differs from one direction to another.
Contrast and offset, which are drawn given the parameters, get their calibrated spread and slope by a linear map; it is
the same in all shards, so that it goes through their product.

Ribatet, Cooley & Davison (2012), Statistica Sinica 22, 813: adjustment by a power, and of the curvature.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.density import Tilt
from heterodyne_cmc.linalg import inverse, root

type FloatArray = npt.NDArray[np.float64]


_KNOWN_MOST = 0.99
"""Calibrated variance, in units of the prior's, up to which the data determine a direction; a parameter that the fit
held has 1."""


class Estimate(NamedTuple):
    """A point estimate in the sampled coordinates.

    `pivot` (n_free,), `contrast` and `offset` (n_phi,), `centre` (n_lin,) their coefficients; covariances
    (n_free + n_lin, n_free + n_lin) for independent noise and calibrated, with n_lin = 0 when the fit gave none.
    """

    pivot: FloatArray
    contrast: FloatArray
    offset: FloatArray
    centre: FloatArray
    independent: FloatArray
    calibrated: FloatArray


def make_tilt(estimate: Estimate, prior: FloatArray) -> Tilt:
    """Return how the likelihood is set right; `prior` (n_free, n_free) is the prior's covariance.

    Directions along which the calibrated spread exceeds the prior's keep the likelihood's own shape: the prior rules
    there, and the ratio of two spreads that the data do not determine says nothing. The power counts there too.
    """
    n = estimate.pivot.size
    independent, calibrated = (_conditional(whole, n) for whole in (estimate.independent, estimate.calibrated))
    known, onto = _known(calibrated.parameters, prior)
    # What is known, given the rest: the information of these directions is a block of the whole's.
    narrow, wide = (inverse(known.T @ inverse(part.parameters) @ known) for part in (independent, calibrated))
    ratio, directions = _compared(narrow, wide)
    power = float(np.exp(-np.mean(np.log(ratio))))
    inner = _along(directions, 1.0 / np.sqrt(ratio * power)) - np.eye(ratio.size)
    pull, extent = np.eye(n) + known @ inner @ onto, onto.T @ inverse(wide) @ onto / len(onto)
    wider, coefficients = _compared(independent.rest / power, calibrated.rest)
    stretch = _along(coefficients, np.sqrt(wider))
    follow = calibrated.slope - stretch @ independent.slope @ pull
    return Tilt(
        np.array(power),
        estimate.pivot,
        pull,
        estimate.contrast,
        estimate.offset,
        estimate.centre,
        stretch,
        follow,
        extent,
    )


def _known(calibrated: FloatArray, prior: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the directions (columns) that the data determine better than the prior does, all, where it is none, and
    the components along these (rows): those of the other directions, which may be at any angle to these, are 0."""
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
    # From the information: where the data leave parameters open, the difference of two large covariances has no digits.
    information = inverse(whole)
    rest = inverse(information[n:, n:]) if len(whole) > n else np.zeros((0, 0))
    return _Conditional(whole[:n, :n], -rest @ information[n:, :n], rest)


def _compared(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return by how much variances of `other` exceed those of `one`, and the directions (columns) of these ratios.

    In units in which `one` is the same in all directions, so that the result does not depend on the coordinates.
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
