"""What a map depends on at every frame: four profiles, and their derivatives by the parameters behind each.

With tan χ = x/(1-x) the fields' shares are ρ = cos χ and σ = sin χ, and c2's bracket of two frames i < j is

    M_ij = u² + w² + 2 u w cos θ,    u = ρ_i ρ_j e^{-r},    w = σ_i σ_j e^{-s},

with r, s, θ the integrals of q² J_r/2, q² J_s/2 and q cos(phi+phi0) v from i to j. Everything else, in
`near` and `far`, is the chain rule through χ, r, s and θ.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid._generated.two_component import HeterodyneModel
from heterodyne_physics_meshgrid.angles import cosine_of_degrees

PROFILES = ("mixing", "reference", "sample", "phase")
"""χ, r, s and θ, in the order of `GROUPS`."""

_BEHIND = (
    HeterodyneModel.inputs["x"],
    HeterodyneModel.inputs["J_r"],
    HeterodyneModel.inputs["J_s"],
    (*HeterodyneModel.inputs["v"], "phi0"),
)

PARTS = tuple((name, profile) for profile, names in enumerate(_BEHIND) for name in names)
"""(parameter, number of the profile): one part for every way in which a parameter takes effect."""

GROUPS = tuple(
    slice(sum(map(len, _BEHIND[:profile])), sum(map(len, _BEHIND[: profile + 1]))) for profile in range(len(_BEHIND))
)
"""The parts of each profile."""

TO_PARAMETERS = np.array([[float(name == part) for name in HeterodyneModel.names] for part, _ in PARTS])
"""(n_part, n_par): which parameter a part belongs to."""


class Mixing(NamedTuple):
    """cos χ, sin χ and the derivatives of χ."""

    cosine: Float[Array, " ..."]
    sine: Float[Array, " ..."]
    derivatives: Float[Array, "k_x ..."]


class Areas(NamedTuple):
    """Integrals between frames; of each the value, then its derivatives. `displacement` is that of v, without q cos."""

    reference: Float[Array, "1+k_r ..."]
    sample: Float[Array, "1+k_s ..."]
    displacement: Float[Array, "1+k_v ..."]


class AlongFlow(NamedTuple):
    """q cos(phi+phi0) of one azimuth and its derivative by phi0."""

    value: Float[Array, ""]
    by_phi0: Float[Array, ""]

    def phase(self, displacement: Float[Array, "1+k_v ..."]) -> Float[Array, "2+k_v ..."]:
        """Return θ and its derivatives."""
        return jnp.concatenate([self.value * displacement, self.by_phi0 * displacement[:1]])


def profiles(
    vector: Float[Array, " n_par"],
    t: Float[Array, " n_pad"],
    steps: Float[Array, " n_pad"],
    q: Float[Array, ""],
    *,
    derivatives: bool = True,
) -> tuple[Mixing, Areas]:
    """Return the mixing at the frames and the integrals from every frame to the next, by trapezoids.

    Without `derivatives` none are listed behind the values.
    """

    def jet(function: str) -> Float[Array, "1+k n_pad"]:
        own = np.array([HeterodyneModel.names.index(name) for name in HeterodyneModel.inputs[function]])

        def at(values: Array) -> Array:
            found: Array = getattr(HeterodyneModel.from_vector(vector.at[own].set(values)), function)(t)
            return found

        value = at(vector[own])[None]
        return jnp.concatenate([value, jax.jacfwd(at)(vector[own]).T]) if derivatives else value

    def areas(f: Float[Array, "1+k n_pad"]) -> Float[Array, "1+k n_pad"]:
        return steps * (f + jnp.concatenate([f[:, 1:], f[:, -1:]], axis=1)) / 2

    x = jet("x")
    norm = x[0] ** 2 + (1.0 - x[0]) ** 2
    mixing = Mixing((1.0 - x[0]) / jnp.sqrt(norm), x[0] / jnp.sqrt(norm), x[1:] / norm)
    half = q**2 / 2
    return mixing, Areas(areas(half * jet("J_r")), areas(half * jet("J_s")), areas(jet("v")))


def decay(area: Float[Array, " ..."]) -> Float[Array, " ..."]:
    """Return e^{-area}; an area is below zero by the rounding of far larger ones only."""
    return jnp.exp(-jnp.maximum(area, 0.0))


def along_flow(vector: Float[Array, " n_par"], q: Float[Array, ""], phi: Float[Array, ""]) -> AlongFlow:
    """Return q cos(phi+phi0)."""
    phi0 = vector[HeterodyneModel.names.index("phi0")]
    return AlongFlow(*jax.value_and_grad(lambda angle: q * cosine_of_degrees(phi + angle))(phi0))
