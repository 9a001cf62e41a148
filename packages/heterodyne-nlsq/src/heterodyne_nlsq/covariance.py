"""Covariances and undetermined directions from the Jacobian at the optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_spec import Parameter

type FloatArray = npt.NDArray[np.float64]

SINGULAR = 1e-12
"""Eigenvalue of the scaled JᵀJ (unit diagonal) below which changes of the cost are hidden by rounding."""

_EFFECT = 1e-9
"""Effect of a parameter moved by the standard deviation of its prior, relative to the largest such effect, below which
its column is rounding: that of phi0 where cos is flat, and it then is parallel to the column of v0."""


@dataclass(frozen=True)
class Curvature:
    """JᵀJ of the free parameters with the scaling coefficients projected out, and its eigen-directions.

    `scale` (n,) are the lengths of the projected columns (0 where a parameter has no effect); `values` (n,) ascending
    and `vectors` (n, n) belong to the matrix scaled to unit diagonal.
    """

    matrix: FloatArray
    scale: FloatArray
    values: FloatArray
    vectors: FloatArray

    @property
    def open(self) -> npt.NDArray[np.bool_]:
        """Which directions are undetermined, (n,)."""
        return self.values < SINGULAR


def curvature(gauss_newton: FloatArray, prior: FloatArray) -> Curvature:
    """Return the curvature of the leading parameters, the rest projected out (Schur complement).

    `prior` (n,) are the standard deviations of their priors.
    """
    n_free = prior.size
    matrix = gauss_newton[:n_free, :n_free]
    own = np.sqrt(np.diag(matrix))
    if gauss_newton.shape[0] > n_free:
        cross, rest = gauss_newton[:n_free, n_free:], gauss_newton[n_free:, n_free:]
        matrix = matrix - cross @ np.linalg.pinv(rest, rcond=1e-14, hermitian=True) @ cross.T
    diagonal = np.clip(np.diag(matrix), 0.0, None)
    # A column in the span of the scaling columns leaves only rounding errors: it has no effect that the scaling cannot
    # compensate.
    scale = np.where(diagonal > SINGULAR * own**2, np.sqrt(diagonal), 0.0)
    # Nothing changes c2 by more than an offset of 1: a first term that grows by twenty e-folds, moved by the standard
    # deviation of its prior, would by a billion in this linear estimate.
    most = np.sqrt(np.max(np.diag(gauss_newton)[n_free:], initial=0.0)) or np.inf
    scale = np.where(scale * prior > _EFFECT * min(np.max(scale * prior, initial=0.0), most), scale, 0.0)
    safe = np.where(scale > 0, scale, 1.0)
    scaled = np.where((scale > 0)[:, None] & (scale > 0), matrix / np.outer(safe, safe), 0.0)
    # Smaller than all others and distinct, so that every parameter without effect has its own eigenvector.
    scaled[np.diag_indices(n_free)] -= np.where(scale > 0, 0.0, 1.0 + np.arange(n_free))
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    return Curvature(matrix, scale, np.maximum(values, 0.0), vectors)


def prior_scale(parameters: tuple[Parameter, ...], values: FloatArray) -> FloatArray:
    """Return the prior's standard deviation of each parameter at `values`, (n,)."""
    return np.array(
        [
            p.prior.scale * (abs(value) if p.prior.family == "lognormal" else 1.0)
            for p, value in zip(parameters, values, strict=True)
        ]
    )


def covariance_root(bent: Curvature, gauss_newton: FloatArray, score: FloatArray, prior: FloatArray) -> FloatArray:
    """Return R such that R Rᵀ is the covariance: H⁻¹ (covariance of the score) H⁻¹ along determined directions, the
    variance of the prior along undetermined ones.

    It is the limit of a wide prior: undetermined directions are divided among the parameters by the prior, so that a
    parameter with hardly any effect takes nothing from the error of another whose effect is parallel. The variance of a
    combination g of parameters is |gᵀ R|². If large variances cancel, along a weakly determined direction, gᵀ (R Rᵀ) g
    would be dominated by rounding.

    Parameters
    ----------
    bent : the curvature of the n leading parameters.
    gauss_newton : H = JᵀJ of parameters and scaling coefficients, (n_fit, n_fit).
    score : covariance of the score, (n_fit, n_fit); noise variance times H when the noise of all pairs is independent,
        which makes it the usual covariance.
    prior : (n,) standard deviations of the prior.

    Returns
    -------
    (n_fit, n_fit + n_open). The scaling is optimised along undetermined directions.
    """
    step, left_open = _steps(bent, gauss_newton, prior)
    return np.hstack([step @ _root(score), left_open])


def determined_step(bent: Curvature, gauss_newton: FloatArray, prior: FloatArray) -> FloatArray:
    """Return H⁻¹ along determined directions, (n_fit, n_fit): the change of the estimate by a change of the score."""
    return _steps(bent, gauss_newton, prior)[0]


def _steps(bent: Curvature, gauss_newton: FloatArray, prior: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return H⁻¹ along determined directions (n_fit, n_fit), and the prior's sd along the others (n_fit, n_open)."""
    n = bent.scale.size
    cross, rest = gauss_newton[:n, n:], np.linalg.pinv(gauss_newton[n:, n:], rcond=1e-14, hermitian=True)
    # Directions in units of the parameters themselves.
    directions = bent.vectors / np.where(bent.scale > 0, bent.scale, 1.0)[:, None]
    inverse = (directions * np.where(bent.open, 0.0, 1.0 / np.where(bent.open, 1.0, bent.values))) @ directions.T
    # In units of the prior, the part orthogonal to the undetermined directions is determined.
    basis, _ = np.linalg.qr(directions[:, bent.open] / prior[:, None])
    left_open = prior[:, None] * basis
    determined = np.eye(n) - left_open @ (basis.T / prior)
    inverse = determined @ inverse @ determined.T
    # The scaling's optimum follows the parameters along `follow`; H⁻¹ by blocks.
    follow = -rest @ cross.T
    of_parameters = np.hstack([inverse, inverse @ follow.T])
    step = np.vstack([of_parameters, follow @ of_parameters + np.hstack([np.zeros_like(cross.T), rest])])
    return step, np.vstack([left_open, follow @ left_open])


def with_observations(root: FloatArray, observed: npt.NDArray[np.int_], sd: FloatArray) -> FloatArray:
    """Return the root of a covariance when the quantities `observed` (n_obs,) are also known to `sd` (n_obs,).

    The covariance R Rᵀ becomes R (1 + AᵀA)⁻¹ Rᵀ, where A holds the observed rows of R over their sd (Kalman 1960).
    """
    known = root[observed] / sd[:, None]
    values, vectors = np.linalg.eigh(np.eye(root.shape[1]) + known.T @ known)
    return np.asarray(root @ (vectors / np.sqrt(np.maximum(values, 1.0))) @ vectors.T)


def _root(matrix: FloatArray) -> FloatArray:
    """Return a matrix whose product with its transpose is `matrix` (n, n), positive but for rounding."""
    length = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    safe = np.where(length > 0, length, 1.0)
    values, vectors = np.linalg.eigh(matrix / np.outer(safe, safe))
    return np.asarray(length[:, None] * vectors * np.sqrt(np.maximum(values, 0.0)))


def covariance(root: FloatArray) -> FloatArray:
    """Return the covariance of a root, symmetric to the last bit."""
    found = root @ root.T
    return np.asarray((found + found.T) / 2)


def spread_along(bent: Curvature, score: FloatArray) -> FloatArray:
    """Return the standard deviation along every direction of the curvature, in its scaled units, 0 along open ones."""
    directions = bent.vectors / np.where(bent.scale > 0, bent.scale, 1.0)[:, None]
    variance = np.maximum(np.einsum("if,ij,jf->f", directions, score, directions), 0.0)
    return np.where(bent.open, 0.0, np.sqrt(variance) / np.where(bent.open, 1.0, bent.values))


def projected_score(score: FloatArray, gauss_newton: FloatArray, n_free: int) -> FloatArray:
    """Return the covariance (n_free, n_free) of the parameters' score when the scaling coefficients follow."""
    cross, rest = gauss_newton[:n_free, n_free:], gauss_newton[n_free:, n_free:]
    onto = np.hstack([np.eye(n_free), -cross @ np.linalg.pinv(rest, rcond=1e-14, hermitian=True)])
    return np.asarray(onto @ score @ onto.T)
