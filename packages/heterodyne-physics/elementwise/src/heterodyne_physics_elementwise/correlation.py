"""The two-time correlation of a model at given pairs of frames."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from heterodyne_physics_elementwise.grid import ShardGrid
from heterodyne_physics_elementwise.models import physics_of
from heterodyne_physics_elementwise.precision import require_float64


@jax.jit
def _c2(
    model: Any,
    grid: ShardGrid,
    i: Int[Array, "*pairs"],
    j: Int[Array, "*pairs"],
    phi: Array,
    contrast: Array,
    offset: Array,
) -> Float[Array, "*pairs"]:
    first, last = jnp.minimum(i, j), jnp.maximum(i, j)
    return physics_of(model.model_id).correlation(model, grid, first, last, phi, contrast, offset)


def _check_frames(name: str, index: ArrayLike, n_t: int) -> Array:
    if not isinstance(index, jax.core.Tracer) and np.size(index):
        lowest, highest = np.min(index), np.max(index)
        if lowest < 0 or highest >= n_t:
            raise ValueError(f"{name} holds frame {lowest if lowest < 0 else highest}; the grid has 0 .. {n_t - 1}")
    index = jnp.asarray(index)
    if not jnp.issubdtype(index.dtype, jnp.integer):
        raise ValueError(f"{name} holds frame indices, whole numbers; found {index.dtype}")
    # A type too narrow for the number of frames could not be compared with it.
    return index.astype(jnp.promote_types(index.dtype, jnp.int32))


def _check_broadcast(**arrays: Array) -> None:
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{', '.join(arrays)} must broadcast to one shape, (n_pair,); found {found}") from None


def c2_pairs(
    model: Any,
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
    RuntimeError : when JAX does not run in float64.
    ValueError : when a frame index is not a whole number or outside the grid, or shapes do not fit each other.
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
