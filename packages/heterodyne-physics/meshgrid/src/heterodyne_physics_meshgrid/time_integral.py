"""Integrals over age between all pairs of frames, by the cumulative trapezoid on the frame grid."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def cumulative_trapezoid(f: Float[Array, " n_t"], dt: Float[Array, "..."] | float) -> Float[Array, " n_t"]:
    """Return C with C[0] = 0 and C[k] = C[k-1] + dt (f[k-1] + f[k]) / 2.

    `dt` in s is one step or the (n_t - 1,) steps between frames; C has the unit of `f` times s.
    """
    increments = dt * (f[:-1] + f[1:]) / 2
    return jnp.concatenate([jnp.zeros_like(f[:1]), jnp.cumsum(increments)])


def create_time_integral_matrix(f: Float[Array, " n_t"], dt: Float[Array, "..."] | float) -> Float[Array, "n_t n_t"]:
    """Return the matrix of the integrals of `f` from frame i (row) to frame j (column).

    Parameters
    ----------
    f : values at the frames.
    dt : spacing of the frames in s, one number or the (n_t - 1,) steps.

    Returns
    -------
    (n_t, n_t), antisymmetric, in the unit of `f` times s.
    """
    cumulative = cumulative_trapezoid(f, dt)
    return jax.vmap(lambda start: cumulative - start)(cumulative)
