"""Priors as rows of a least-squares problem.

Twice the logarithm of a normal prior is a squared residual, ((T(p) - location) / scale)², with T the logarithm for a
lognormal one. It selects among values that fit equally well; a weak wall at the bounds, -2 ln(4 u (1 - u)) of the
position u between them, keeps parameters away from them unless the data require it. See `descent` and `representative`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float

from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]

WALL = 1e-3
"""Weight of the walls in chi-square: a thousandth before a bound they add 0.01, a millionth before it 0.025."""

_EDGE = 1e-9
"""Smallest distance of a position from the bounds, which limits the walls."""


class Priors(NamedTuple):
    """Priors and bounds of the fitted vector (n_fit,): parameters, then the coefficients of contrast and of offset.

    `baseline` marks the coefficients of the offset, whose prior (near 1 for a map normalised by its mean intensities)
    counts as data.
    """

    location: Float[np.ndarray, " n_fit"]
    scale: Float[np.ndarray, " n_fit"]
    log: Bool[np.ndarray, " n_fit"]
    lower: Float[np.ndarray, " n_fit"]
    upper: Float[np.ndarray, " n_fit"]
    baseline: Bool[np.ndarray, " n_fit"]


def make_priors(setup: Setup) -> Priors:
    """Return the priors of the fitted vector, from the configuration or, by default, from the registry."""
    free, scaling = setup.free, setup.scaling
    own = [setup.config.model.prior(setup.spec.parameters[k]) for k in free.free]
    positions, n_coef = list(free.free), scaling.n_coefficients
    return Priors(
        np.concatenate([[p.location for p in own], scaling.mean]).astype(float),
        np.concatenate([[p.scale for p in own], scaling.scale]).astype(float),
        np.array([p.family == "lognormal" for p in own] + [False] * 2 * n_coef, bool),
        np.concatenate([free.lower[positions], scaling.lower.ravel()]),
        np.concatenate([free.upper[positions], scaling.upper.ravel()]),
        np.arange(len(own) + 2 * n_coef) >= len(own) + n_coef,
    )


class Rows(NamedTuple):
    """Residuals of a fitted vector, and the derivative of each by its own entry of the vector, (n_fit,) each."""

    value: FloatArray
    slope: FloatArray


def prior_rows(vector: FloatArray, p: Priors) -> Rows:
    """Return the residuals (T(p) - location) / scale of a fitted vector."""
    value, slope = _logarithm(vector, p.log)
    return Rows((value - p.location) / p.scale, slope / p.scale)


def _logarithm(value: FloatArray, log: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of values where asked for, and the derivatives."""
    safe = np.maximum(np.where(log, value, 1.0), 1e-300)
    return np.where(log, np.log(safe), value), np.where(log, (value > 1e-300) / safe, 1.0)


def wall_rows(vector: FloatArray, p: Priors) -> Rows:
    """Return the residuals whose squares are -2 ln(4 u (1 - u)), 0 in the middle of the bounds, signed.

    The position u is that of the logarithm where the prior is lognormal.
    """
    log = p.log & (p.lower > 0)
    (low, _), (high, _), (place, by_place) = (_logarithm(end, log) for end in (p.lower, p.upper, vector))
    u = (place - low) / (high - low)
    by_place = np.where((u >= _EDGE) & (u <= 1 - _EDGE), by_place, 0.0) * 2 / (high - low)
    # Near the middle the root has no derivative where its square has one: (2u - 1)² to second order.
    off = 2 * np.clip(u, _EDGE, 1 - _EDGE) - 1
    far = np.abs(off) > 1e-3
    square = np.where(far, off, 1e-3) ** 2
    root = np.sqrt(-2 * np.log1p(-square))
    value = np.where(far, np.sign(off) * root, np.sqrt(2.0) * off)
    return Rows(value, np.where(far, 2 * np.sqrt(square) / ((1 - square) * root), np.sqrt(2.0)) * by_place)


class Weights(NamedTuple):
    """Weights in units of the cost: of the offset's priors, of all others, and of the walls."""

    baseline: float
    choice: float
    wall: float


def rows(vector: FloatArray, p: Priors, weights: Weights) -> Rows:
    """Return all rows (2 n_fit,), the sum of whose squares is minus twice the logarithm of the weighted prior; row k
    and row n_fit + k depend on entry k of the vector."""
    with np.errstate(all="ignore"):
        chosen, walls = prior_rows(vector, p), wall_rows(vector, p)
    own = np.sqrt(np.where(p.baseline, max(weights.choice, weights.baseline), weights.choice))
    wall = np.sqrt(weights.wall)
    return Rows(*(np.concatenate([own * one, wall * other]) for one, other in zip(chosen, walls, strict=True)))


def along(rows: Rows, turn: FloatArray) -> FloatArray:
    """Return the derivatives (2 n_fit, n_z) of the rows by z, from those of the fitted vector (n_fit, n_z)."""
    return rows.slope[:, None] * np.concatenate([turn, turn])
