"""The time grid that all pairs of a shard share, and integrals along it."""

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from heterodyne_physics_elementwise.precision import require_float64


def trapezoid_cumsum(f: Float[Array, " n_t"], dt: Float[Array, "..."] | float) -> Float[Array, " n_t"]:
    """Return the cumulative trapezoid C of `f`: C[0] = 0, C[k] = C[k-1] + dt (f[k-1] + f[k]) / 2.

    `dt` in s is one step or the (n_t - 1,) steps between frames; C has the unit of `f` times s. The integral
    from frame i to frame j is C[j] - C[i].
    """
    f = jnp.asarray(f)
    increments = dt * (f[:-1] + f[1:]) / 2
    return jnp.concatenate([jnp.zeros_like(f[:1]), jnp.cumsum(increments)])


def at_frames(values: Float[Array, " n_t"], index: Int[Array, "*pairs"]) -> Float[Array, "*pairs"]:
    """Return values at frames; a frame outside the grid gives NaN."""
    # JAX's default would take the last frame without a word, and counts negative ones from the end even with
    # mode="fill".
    return jnp.where(index < 0, jnp.nan, values.at[index].get(mode="fill", fill_value=jnp.nan))


class ShardGrid(eqx.Module):
    """What does not depend on the parameters: built once per shard, used in every evaluation."""

    t: Float[Array, " n_t"]
    """Ages of the frames in s."""
    dt: Float[Array, " n_t-1"]
    """Steps between the frames in s."""
    q: Float[Array, ""]
    """Wavevector in 1/Å."""


def integral_between(
    f: Float[Array, " n_t"], grid: ShardGrid, first: Int[Array, "*pairs"], last: Int[Array, "*pairs"]
) -> Float[Array, "*pairs"]:
    """Return the integrals of `f` between frames, in its unit times s."""
    cumulative = trapezoid_cumsum(f, grid.dt)
    return at_frames(cumulative, last) - at_frames(cumulative, first)


def precompute_shard_grid(t: ArrayLike, q: ArrayLike) -> ShardGrid:
    """Return the grid of a shard.

    Parameters
    ----------
    t : (n_t,) ages of all frames of the measurement in s; the first frame of a file is at dt.
    q : wavevector in 1/Å.

    Raises
    ------
    RuntimeError : when JAX does not run in float64.
    ValueError : when `t` is not a vector of at least two frames, or `q` not a number.
    """
    t, q = jnp.asarray(t, dtype=float), jnp.asarray(q, dtype=float)
    require_float64(t, q)
    if t.ndim != 1 or t.size < 2:
        raise ValueError(f"t holds the ages of at least two frames, shape (n_t,); found shape {t.shape}")
    if q.ndim != 0:
        raise ValueError(f"q is one number in 1/Å; found shape {q.shape}")
    return ShardGrid(t, jnp.diff(t), q)
