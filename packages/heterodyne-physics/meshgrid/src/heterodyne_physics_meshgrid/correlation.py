"""The two-component two-time correlation on the full time grid."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid._generated.model import HeterodyneModel
from heterodyne_physics_meshgrid.precision import require_float64
from heterodyne_physics_meshgrid.time_integral import create_time_integral_matrix


def cosine_of_degrees(angle: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the cosine of `angle` in degrees, exactly 0 at ±90°, exactly even and of period 360°."""
    # jnp.cos(jnp.deg2rad(90)) is 6e-17, which a fast flow (q∫v up to 1e14) turns into a phase.
    folded = jnp.abs(angle - 360.0 * jnp.round(angle / 360.0))
    return jnp.sin(jnp.deg2rad(90.0 - folded))


def bracket(
    model: HeterodyneModel, t: Float[Array, " n_t"], q: Float[Array, ""], phi: Float[Array, "*angles"]
) -> Float[Array, "*angles n_t n_t"]:
    """Return (c2 - offset) / contrast for all pairs of frames: 1 on the diagonal, symmetric.

    It is the squared modulus of the sum of the fields of both components,
    |ρ₁ρ₂ e^{-q²/2 ∫J_r} + σ₁σ₂ e^{-q²/2 ∫J_s} e^{i q cos(phi+phi0) ∫v}|² with ρ² = (1-x)²/n, σ² = x²/n.

    Source: He et al. 2025, SI Eqs. S-77 to S-98.
    """
    dt = jnp.diff(t)
    x = model.x(t)
    norm = jnp.sqrt(x**2 + (1.0 - x) ** 2)
    later = jnp.sign(jnp.arange(t.size) - jnp.arange(t.size)[:, None])

    def field(share: Float[Array, " n_t"], transport: Float[Array, " n_t"]) -> Float[Array, "n_t n_t"]:
        # J >= 0, so that the sign of its integral follows from the order of the frames.
        decay = later * create_time_integral_matrix(transport, dt)
        return share[:, None] * share * jnp.exp(-0.5 * q**2 * decay)

    reference = field((1.0 - x) / norm, model.J_r(t))
    sample = field(x / norm, model.J_s(t))
    displacement = create_time_integral_matrix(model.v(t), dt)
    along_flow = q * cosine_of_degrees(phi + model.phi0)
    beat = jnp.cos(along_flow[..., None, None] * displacement)
    return reference**2 + sample**2 + 2.0 * reference * sample * beat


@jax.jit
def _c2(
    model: HeterodyneModel, t: Array, q: Array, phi: Array, contrast: Array, offset: Array
) -> Float[Array, "*angles n_t n_t"]:
    return offset[..., None, None] + contrast[..., None, None] * bracket(model, t, q, phi)


def c2_meshgrid(
    model: HeterodyneModel, t: ArrayLike, q: ArrayLike, phi: ArrayLike, contrast: ArrayLike, offset: ArrayLike
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
