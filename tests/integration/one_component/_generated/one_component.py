# Generated from the specification by `nox -s codegen`; do not edit.
# model: one-component, version 1.0.0
# sha256 of its canonical JSON: 57cab7f7e49f8c7ca6b3426dae652836d601fe69e141bd1feebcba991e4e49a8
"""The model ``one-component``: its parameters and pointwise functions of age."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

MODEL_ID = "one-component"
MODEL_VERSION = "1.0.0"
MODEL_SHA256 = "57cab7f7e49f8c7ca6b3426dae652836d601fe69e141bd1feebcba991e4e49a8"


def _number(value: ArrayLike) -> Array:
    return jnp.asarray(value, dtype=float)


def _power(base: Array, exponent: Array) -> Array:
    # 0^a is 0 for every a; the inner where keeps the gradient finite there.
    positive = base > 0
    return jnp.where(positive, jnp.where(positive, base, 1.0) ** exponent, 0.0)


def _exp(argument: Array) -> Array:
    return jnp.exp(jnp.clip(argument, -150.0, 150.0))


class HeterodyneModel(eqx.Module):
    """One-component homodyne XPCS.

    X-rays scattered by one kind of particle, without a reference and without a flow: one transport coefficient, a
    function of the sample's age, gives the two-time correlation of every azimuth.

    name            unit        meaning
    D0              Å²/s^(α+1)  amplitude of the transport coefficient J
    alpha           1           exponent of age in J
    D_offset        Å²/s        age-independent part of J

    He2024: He et al., Proceedings of the National Academy of Sciences (2024), doi:10.1073/pnas.2401162121
    """

    D0: Float[Array, ""] = eqx.field(converter=_number, default=10000.0)
    """Amplitude of the transport coefficient J. Unit: Å²/s^(α+1). Bounds: 100 .. 1e+06. Prior: lognormal(9.21034,
    1.5), truncated to the bounds. Source: He2024."""

    alpha: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Exponent of age in J. Unit: 1. Bounds: -2 .. 2. Prior: normal(0, 1), truncated to the bounds. Source:
    He2024."""

    D_offset: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Age-independent part of J. Unit: Å²/s. Bounds: -100000 .. 100000. Prior: normal(0, 1000), truncated to the
    bounds. Source: He2024."""

    model_id: ClassVar[str] = "one-component"
    """Identifier of the model."""

    names: ClassVar[tuple[str, ...]] = (
        "D0",
        "alpha",
        "D_offset",
    )
    """Names in canonical order."""

    units: ClassVar[tuple[str, ...]] = (
        "Å²/s^(α+1)",
        "1",
        "Å²/s",
    )
    """Units in canonical order."""

    bounds: ClassVar[tuple[tuple[float, float], ...]] = (
        (100.0, 1000000.0),
        (-2.0, 2.0),
        (-100000.0, 100000.0),
    )
    """(lower, upper) in canonical order."""

    defaults: ClassVar[tuple[float, ...]] = (
        10000.0,
        0.0,
        0.0,
    )
    """Registry defaults in canonical order."""

    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "J": ("D0", "alpha", "D_offset"),
        }
    )
    """The parameters that each pointwise function depends on, in canonical order."""

    @classmethod
    def from_vector(cls, vector: ArrayLike) -> "HeterodyneModel":
        """Return the model of a parameter vector, (3,) in canonical order.

        Raises
        ------
        ValueError : when the vector has another length.
        """
        vector = _number(vector)
        if vector.shape != (len(cls.names),):
            raise ValueError(f"a parameter vector has shape ({len(cls.names)},), found {vector.shape}")
        return cls(*vector)

    def to_vector(self) -> Float[Array, " n_par"]:
        """Return the parameters as a vector in canonical order."""
        return jnp.stack([getattr(self, name) for name in self.names])

    def J(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Transport coefficient, in Å²/s, at ages `t` in s.

        ``max(D0 * t^alpha + D_offset, 0)``. Source: He2024.
        """
        return jnp.maximum(self.D0 * _power(t, self.alpha) + self.D_offset, 0.0)
