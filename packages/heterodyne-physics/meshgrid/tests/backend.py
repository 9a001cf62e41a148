"""This backend under the names that the tests common to both backends use (see tests/integration/test_parity.py)."""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid, create_time_integral_matrix

__all__ = ["HeterodyneModel", "all_pairs", "at_pairs", "integral_from_first"]


def all_pairs(
    model: HeterodyneModel, t: ArrayLike, q: ArrayLike, phi: ArrayLike, contrast: ArrayLike, offset: ArrayLike
) -> Float[Array, "n_t n_t"]:
    """Return c2 of every pair of frames at one azimuth."""
    return c2_meshgrid(model, t, q, phi, contrast, offset)


def at_pairs(
    model: HeterodyneModel,
    t: ArrayLike,
    q: float,
    phi: float,
    contrast: float,
    offset: float,
    pairs: Int[np.ndarray, "n_pair 2"],
) -> Float[Array, " n_pair"]:
    """Return c2 of some pairs of frames at one azimuth."""
    return c2_meshgrid(model, t, q, phi, contrast, offset)[pairs[:, 0], pairs[:, 1]]


def integral_from_first(f: Float[Array, " n_t"], t: ArrayLike) -> Float[Array, " n_t"]:
    """Return the integral of `f` from the first frame to each frame."""
    return create_time_integral_matrix(f, jnp.diff(jnp.asarray(t)))[0]
