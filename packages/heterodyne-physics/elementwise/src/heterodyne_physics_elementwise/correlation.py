"""The two-component two-time correlation at given pairs of frames."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from heterodyne_physics_elementwise._generated.model import HeterodyneModel
from heterodyne_physics_elementwise.grid import ShardGrid, trapezoid_cumsum
from heterodyne_physics_elementwise.precision import require_float64


def cosine_of_degrees(angle: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the cosine of `angle` in degrees, exactly 0 at ±90°, exactly even and of period 360°."""
    # jnp.cos(jnp.deg2rad(90)) is 6e-17, which a fast flow (q∫v up to 1e14) turns into a phase.
    folded = jnp.abs(angle - 360.0 * jnp.round(angle / 360.0))
    return jnp.sin(jnp.deg2rad(90.0 - folded))


@jax.jit
def _c2(
    model: HeterodyneModel,
    grid: ShardGrid,
    i: Int[Array, "*pairs"],
    j: Int[Array, "*pairs"],
    phi: Array,
    contrast: Array,
    offset: Array,
) -> Float[Array, "*pairs"]:
    first, last = jnp.minimum(i, j), jnp.maximum(i, j)

    def at(values: Float[Array, " n_t"], index: Int[Array, "*pairs"]) -> Float[Array, "*pairs"]:
        # A frame outside the grid gives NaN; the default of JAX would silently use the last frame, and negative indices
        # count from the end even with mode="fill".
        return jnp.where(index < 0, jnp.nan, values.at[index].get(mode="fill", fill_value=jnp.nan))

    def integral(f: Float[Array, " n_t"]) -> Float[Array, "*pairs"]:
        cumulative = trapezoid_cumsum(f, grid.dt)
        return at(cumulative, last) - at(cumulative, first)

    # Without barriers XLA recomputes all of this for each of the eight sums of a gradient, which takes four times as
    # long (3 x 20000 pairs: 160 instead of 41 ns per pair).
    x = model.x(grid.t)
    x1, x2, decay_r, decay_s, path = jax.lax.optimization_barrier(
        (
            at(x, first),
            at(x, last),
            grid.q**2 * integral(model.J_r(grid.t)),
            grid.q**2 * integral(model.J_s(grid.t)),
            grid.q * integral(model.v(grid.t)),
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


def _check_frames(name: str, index: ArrayLike, n_t: int) -> Array:
    if not isinstance(index, jax.core.Tracer) and np.size(index):
        lowest, highest = np.min(index), np.max(index)
        if lowest < 0 or highest >= n_t:
            raise ValueError(f"{name} holds frame {lowest if lowest < 0 else highest}; the grid has 0 .. {n_t - 1}")
    index = jnp.asarray(index)
    if not jnp.issubdtype(index.dtype, jnp.integer):
        raise ValueError(f"{name} holds frame indices, whole numbers; found {index.dtype}")
    # Types too narrow for the number of frames could not be compared with it.
    return index.astype(jnp.promote_types(index.dtype, jnp.int32))


def _check_broadcast(**arrays: Array) -> None:
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{', '.join(arrays)} must broadcast to one shape, (n_pair,); found {found}") from None


def c2_pairs(
    model: HeterodyneModel,
    grid: ShardGrid,
    i: ArrayLike,
    j: ArrayLike,
    phi: ArrayLike,
    contrast: ArrayLike,
    offset: ArrayLike,
) -> Float[Array, "*pairs"]:
    """Return the two-time correlation at the pairs of frames (i, j).

    Parameters
    ----------
    model : the parameters.
    grid : from `precompute_shard_grid`.
    i, j : frame indices from 0, in either order.
    phi : azimuth in degrees.
    contrast, offset : the scaling of each pair's azimuth.

    `i`, `j`, `phi`, `contrast` and `offset` broadcast against each other: (n_pair,) arrays for pairs that each
    have their own azimuth, or ``phi[:, None]`` for the same pairs at several.

    Returns
    -------
    c2, of the broadcast shape. Memory: a few arrays of that shape and of (n_t,).

    Raises
    ------
    RuntimeError : if JAX does not run in float64.
    ValueError : if a frame index is not an integer or outside the grid, or shapes do not broadcast.
        (Under `jax.jit`, where values are not known, a frame outside the grid gives NaN.)

    Notes
    -----
    Source: He et al. 2025, SI Eqs. S-77 to S-98.
    """
    i, j = (_check_frames(name, index, grid.t.size) for name, index in (("i", i), ("j", j)))
    phi, contrast, offset = (jnp.asarray(a, dtype=float) for a in (phi, contrast, offset))
    require_float64(model, grid, phi, contrast, offset)
    _check_broadcast(i=i, j=j, phi=phi, contrast=contrast, offset=offset)
    return _c2(model, grid, i, j, phi, contrast, offset)
