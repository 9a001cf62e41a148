"""Priors as rows of a least-squares problem.

Twice the logarithm of a normal prior is a squared residual, ((T(p) - location) / scale)², with T the logarithm for a
lognormal one. It selects among values that fit equally well; a weak wall at the bounds, -2 ln(4 u (1 - u)) of the
position u between them, keeps parameters away from them unless the data require it. See `descent` and `representative`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Bool, Float

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

    location: Float[Array, " n_fit"]
    scale: Float[Array, " n_fit"]
    log: Bool[Array, " n_fit"]
    lower: Float[Array, " n_fit"]
    upper: Float[Array, " n_fit"]
    baseline: Bool[Array, " n_fit"]


def make_priors(setup: Setup) -> Priors:
    """Return the priors of the fitted vector, from the configuration or, by default, from the registry."""
    free, scaling = setup.free, setup.scaling
    own = [setup.config.model.prior(setup.spec.parameters[k]) for k in free.free]
    positions, n_coef = list(free.free), scaling.n_coefficients
    return Priors(
        jnp.asarray(np.concatenate([[p.location for p in own], scaling.mean]), float),
        jnp.asarray(np.concatenate([[p.scale for p in own], scaling.scale]), float),
        jnp.array([p.family == "lognormal" for p in own] + [False] * 2 * n_coef, bool),
        jnp.asarray(np.concatenate([free.lower[positions], scaling.lower.ravel()])),
        jnp.asarray(np.concatenate([free.upper[positions], scaling.upper.ravel()])),
        jnp.asarray(np.arange(len(own) + 2 * n_coef) >= len(own) + n_coef),
    )


def prior_rows(vector: Float[Array, " n_fit"], p: Priors) -> Float[Array, " n_fit"]:
    """Return the residuals (T(p) - location) / scale of a fitted vector."""
    value = jnp.where(p.log, jnp.log(jnp.maximum(jnp.where(p.log, vector, 1.0), 1e-300)), vector)
    return (value - p.location) / p.scale


def wall_rows(vector: Float[Array, " n_fit"], p: Priors) -> Float[Array, " n_fit"]:
    """Return the residuals whose squares are -2 ln(4 u (1 - u)), 0 in the middle of the bounds, signed.

    The position u is that of the logarithm where the prior is lognormal.
    """
    log = p.log & (p.lower > 0)

    def place(value: Array) -> Array:
        return jnp.where(log, jnp.log(jnp.maximum(jnp.where(log, value, 1.0), 1e-300)), value)

    low, high = place(p.lower), place(p.upper)
    u = jnp.clip((place(vector) - low) / (high - low), _EDGE, 1 - _EDGE)
    # Near the middle the root has no derivative where its square has one: (2u - 1)² to second order.
    off = 2 * u - 1
    squared = -2 * jnp.log1p(-(jnp.where(jnp.abs(off) > 1e-3, off, 1e-3) ** 2))
    return jnp.where(jnp.abs(off) > 1e-3, jnp.sign(off) * jnp.sqrt(squared), jnp.sqrt(2.0) * off)


class Weights(NamedTuple):
    """Weights in units of the cost: of the offset's priors, of all others, and of the walls."""

    baseline: Array
    choice: Array
    wall: Array


def rows(vector: Float[Array, " n_fit"], p: Priors, weights: Weights) -> Float[Array, " 2*n_fit"]:
    """Return all rows, so that the sum of their squares is minus twice the logarithm of the weighted prior."""
    own = jnp.where(p.baseline, jnp.maximum(weights.choice, weights.baseline), weights.choice)
    return jnp.concatenate([jnp.sqrt(own) * prior_rows(vector, p), jnp.sqrt(weights.wall) * wall_rows(vector, p)])
