"""One component on the full grid of frames."""

import jax.numpy as jnp
import numpy as np

from heterodyne_physics_meshgrid import FieldLaws, create_time_integral_matrix, cumulative_trapezoid
from one_component._generated.one_component import MODEL_VERSION, HeterodyneModel

__all__ = ["MODEL_VERSION", "HeterodyneModel", "bracket", "fields"]


def bracket(model, t, q, phi):
    """Return exp(-q² |∫J|) for all pairs of frames, the same at every azimuth."""
    later = jnp.sign(jnp.arange(t.size) - jnp.arange(t.size)[:, None])
    decay = later * create_time_integral_matrix(model.J(t), jnp.diff(t))
    return jnp.broadcast_to(jnp.exp(-(q**2) * decay), (*jnp.shape(phi), t.size, t.size))


def fields(model, t, q, phi):
    """Return the laws of the one field: |g1| = exp(-q²/2 ∫J)."""
    way = np.diff(np.asarray(cumulative_trapezoid(model.J(t), t[1] - t[0])))
    return FieldLaws((np.exp(-(q**2) / 2 * way),), (np.ones(t.size),))
