"""The map between an interval and the real line, in which the chains move.

``logit``: u = logit((p - lower) / (upper - lower)); ``log-logit``: the same in ln p. The specification says per
parameter which of the two it is.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class Intervals(NamedTuple):
    """Bounds per parameter, and whether the map is that of the logarithm."""

    lower: Float[Array, " n_free"]
    upper: Float[Array, " n_free"]
    log: Bool[Array, " n_free"]


def _ends(intervals: Intervals) -> tuple[Array, Array]:
    """Return the bounds on the scale on which the map is a logit: that of p or of ln p."""
    # The inner where keeps the logarithm away from bounds that are not positive, and its gradient finite.
    lower = jnp.where(intervals.log, intervals.lower, 1.0)
    upper = jnp.where(intervals.log, intervals.upper, 2.0)
    return (
        jnp.where(intervals.log, jnp.log(lower), intervals.lower),
        jnp.where(intervals.log, jnp.log(upper), intervals.upper),
    )


def constrain(u: Float[Array, " n_free"], intervals: Intervals) -> Float[Array, " n_free"]:
    """Return the parameters of unconstrained coordinates, never outside their bounds."""
    low, high = _ends(intervals)
    inner = low + (high - low) * jax.nn.sigmoid(u)
    outer = jnp.where(intervals.log, jnp.exp(jnp.where(intervals.log, inner, 0.0)), inner)
    # exp(ln p) can be off by a rounding, outside the interval too.
    return jnp.clip(outer, intervals.lower, intervals.upper)


def unconstrain(p: Float[Array, " n_free"], intervals: Intervals) -> Float[Array, " n_free"]:
    """Return the unconstrained coordinates of parameters; infinite on a bound."""
    low, high = _ends(intervals)
    inner = jnp.where(intervals.log, jnp.log(jnp.where(intervals.log, p, 1.0)), p)
    return jnp.log(inner - low) - jnp.log(high - inner)


def log_jacobian(u: Float[Array, " n_free"], intervals: Intervals) -> Float[Array, " n_free"]:
    """Return ln |dp/du| per parameter, finite however far out `u` is."""
    low, high = _ends(intervals)
    slope = jax.nn.log_sigmoid(u) + jax.nn.log_sigmoid(-u) + jnp.log(high - low)
    return slope + jnp.where(intervals.log, low + (high - low) * jax.nn.sigmoid(u), 0.0)
