"""The two-time correlation of a model on the full time grid."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid.models import physics_of
from heterodyne_physics_meshgrid.precision import require_float64


def bracket(
    model: Any, t: Float[Array, " n_t"], q: Float[Array, ""], phi: Float[Array, "*angles"]
) -> Float[Array, "*angles n_t n_t"]:
    """Return (c2 - offset) / contrast of a model for all pairs of frames: 1 on the diagonal, symmetric.

    Arguments are those of `c2_meshgrid`; the computation is in the module of the model, see
    `heterodyne_physics_meshgrid.models`.
    """
    return physics_of(model.model_id).bracket(model, t, q, phi)


@jax.jit
def _c2(model: Any, t: Array, q: Array, phi: Array, contrast: Array, offset: Array) -> Float[Array, "*angles n_t n_t"]:
    return offset[..., None, None] + contrast[..., None, None] * bracket(model, t, q, phi)


def c2_meshgrid(
    model: Any, t: ArrayLike, q: ArrayLike, phi: ArrayLike, contrast: ArrayLike, offset: ArrayLike
) -> Float[Array, "*angles n_t n_t"]:
    """Return the two-time correlation of every pair of frames.

    Parameters
    ----------
    model : the parameters.
    t : (n_t,) ages of the frames in s; the first frame of a file is at dt.
    q : wavevector in 1/Å.
    phi : azimuth in degrees, one number or (n_phi,).
    contrast, offset : one number or one per azimuth.

    Returns
    -------
    (n_t, n_t), or (n_phi, n_t, n_t) when `phi`, `contrast` or `offset` has one entry per azimuth; rows are t1.

    Raises
    ------
    RuntimeError : if JAX does not run in float64.
    ValueError : if `t` is not a vector of at least two frames, `q` not a number, or the shapes of `phi`, `contrast`
        and `offset` do not match.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from heterodyne_physics_meshgrid import HeterodyneModel
    >>> jax.config.update("jax_enable_x64", True)
    >>> t = 0.1 * jnp.arange(1, 101)
    >>> c2_meshgrid(HeterodyneModel(), t, 0.0054, jnp.array([0.0, 90.0]), 0.2, 1.0).shape
    (2, 100, 100)

    Notes
    -----
    Source: He et al. 2025, SI Eqs. S-77 to S-98.
    """
    arrays = [jnp.asarray(a, dtype=float) for a in (t, q, phi, contrast, offset)]
    require_float64(model, arrays)
    if arrays[0].ndim != 1 or arrays[0].size < 2:
        raise ValueError(f"t holds the ages of at least two frames, shape (n_t,); found shape {arrays[0].shape}")
    if arrays[1].ndim != 0:
        raise ValueError(f"q is one number in 1/Å; found shape {arrays[1].shape}")
    shapes = [a.shape for a in arrays[2:]]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        found = ", ".join(map(str, shapes))
        raise ValueError(f"phi, contrast and offset hold one number or one per azimuth; found shapes {found}") from None
    return _c2(model, *arrays)
