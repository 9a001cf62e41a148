"""Angles in degrees."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def cosine_of_degrees(angle: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the cosine of `angle` in degrees, exactly 0 at ±90°, exactly even and of period 360°."""
    # jnp.cos(jnp.deg2rad(90)) is 6e-17, which a fast flow (q∫v up to 1e14) turns into a phase.
    folded = jnp.abs(angle - 360.0 * jnp.round(angle / 360.0))
    return jnp.sin(jnp.deg2rad(90.0 - folded))
