"""The two-component model on the full grid of frames: correlation, fields of the components, and exact sums."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid._generated.two_component import MODEL_VERSION, HeterodyneModel
from heterodyne_physics_meshgrid.angles import cosine_of_degrees
from heterodyne_physics_meshgrid.factored import inner_products, model_sums
from heterodyne_physics_meshgrid.histories import along_flow, histories
from heterodyne_physics_meshgrid.inverse_products import inverse_products
from heterodyne_physics_meshgrid.model_maps import model_maps
from heterodyne_physics_meshgrid.pair_products import pair_products
from heterodyne_physics_meshgrid.quadratic_forms import quadratic_forms
from heterodyne_physics_meshgrid.speckle import FieldLaws
from heterodyne_physics_meshgrid.time_integral import create_time_integral_matrix

type FloatArray = npt.NDArray[np.float64]

__all__ = [
    "MODEL_VERSION",
    "HeterodyneModel",
    "bracket",
    "fields",
    "inner_products",
    "inverse_products",
    "model_maps",
    "model_sums",
    "pair_products",
    "quadratic_forms",
]


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


def fields(model: HeterodyneModel, t: Float[Array, " n_t"], q: float, phi: float) -> FieldLaws:
    """Return the laws of the fields of one azimuth: E(t) = (1 - x) ξ_r(t) + x ξ_s(t) e^{iΦ(t)}, of unit mean square.

    Φ = q cos(phi + phi0) ∫v, and |g1(t1, t2)| = exp(-q²/2 ∫J) of each component.
    """
    values = {name: float(getattr(model, name)) for name in model.names}
    found, along = histories(values, np.asarray(t, float)), along_flow(values, float(phi))

    def kept(integral: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-(q**2) / 2 * np.diff(integral)))

    turned = found.sample * np.exp(1j * q * along * found.way)
    return FieldLaws((kept(found.decay_r), kept(found.decay_s)), (found.reference, turned))
