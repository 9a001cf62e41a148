"""One component at pairs of frames."""

import jax.numpy as jnp

from heterodyne_physics_elementwise import integral_between
from one_component._generated.one_component import MODEL_VERSION, HeterodyneModel

__all__ = ["MODEL_VERSION", "HeterodyneModel", "correlation"]


def correlation(model, grid, first, last, phi, contrast, offset):
    """Return c2 at the pairs of frames (first, last), the same at every azimuth."""
    value = offset + contrast * jnp.exp(-(grid.q**2) * integral_between(model.J(grid.t), grid, first, last))
    return jnp.broadcast_to(value, jnp.broadcast_shapes(value.shape, jnp.shape(phi)))
