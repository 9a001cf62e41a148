"""The two-component model at pairs of frames."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from heterodyne_physics_elementwise._generated.two_component import MODEL_VERSION, HeterodyneModel
from heterodyne_physics_elementwise.angles import cosine_of_degrees
from heterodyne_physics_elementwise.grid import ShardGrid, at_frames, integral_between

__all__ = ["MODEL_VERSION", "HeterodyneModel", "correlation"]


def correlation(
    model: HeterodyneModel,
    grid: ShardGrid,
    first: Int[Array, "*pairs"],
    last: Int[Array, "*pairs"],
    phi: Array,
    contrast: Array,
    offset: Array,
) -> Float[Array, "*pairs"]:
    """Return c2 at the pairs of frames (first, last). Source: He et al. 2025, SI Eqs. S-77 to S-98."""
    # Barriers: without them XLA computes all of this anew for each of the eight sums that a gradient takes of it, and
    # a gradient takes four times as long (3 x 20000 pairs: 160 against 41 ns per pair).
    x = model.x(grid.t)
    x1, x2, decay_r, decay_s, path = jax.lax.optimization_barrier(
        (
            at_frames(x, first),
            at_frames(x, last),
            grid.q**2 * integral_between(model.J_r(grid.t), grid, first, last),
            grid.q**2 * integral_between(model.J_s(grid.t), grid, first, last),
            grid.q * integral_between(model.v(grid.t), grid, first, last),
        )
    )
    field_r, field_s, beat = jax.lax.optimization_barrier(
        (
            jnp.exp(-0.5 * decay_r),
            jnp.exp(-0.5 * decay_s),
            jnp.cos(cosine_of_degrees(phi + model.phi0) * path),
        )
    )
    reference, sample = (1.0 - x1) * (1.0 - x2) * field_r, x1 * x2 * field_s
    norm = (x1**2 + (1.0 - x1) ** 2) * (x2**2 + (1.0 - x2) ** 2)
    return offset + contrast * (reference**2 + sample**2 + 2.0 * reference * sample * beat) / norm
