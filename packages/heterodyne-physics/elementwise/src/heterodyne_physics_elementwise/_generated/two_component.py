# Generated from the specification by `nox -s codegen`; do not edit.
# model: two-component, version 1.1.0
# sha256 of its canonical JSON: 74e992832f6b2e997e4b485fa35a9540a8bc613ab11f3c84e6612ceffce02ecd
"""The model ``two-component``: its parameters and pointwise functions of age."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

MODEL_ID = "two-component"
MODEL_VERSION = "1.1.0"
MODEL_SHA256 = "74e992832f6b2e997e4b485fa35a9540a8bc613ab11f3c84e6612ceffce02ecd"


def _number(value: ArrayLike) -> Array:
    return jnp.asarray(value, dtype=float)


def _power(base: Array, exponent: Array) -> Array:
    # 0^a is 0 for every a; the inner where keeps the gradient finite there.
    positive = base > 0
    return jnp.where(positive, jnp.where(positive, base, 1.0) ** exponent, 0.0)


def _exp(argument: Array) -> Array:
    return jnp.exp(jnp.clip(argument, -150.0, 150.0))


class HeterodyneModel(eqx.Module):
    """Two-component heterodyne XPCS in a flowing sample.

    X-rays scattered by a moving sample beat against those of a static or slowly moving reference. Two transport
    coefficients, one velocity, one mixing fraction, each a function of the sample's age, and the flow angle give
    the two-time correlation of every azimuth.

    name            unit        meaning
    D0_ref          Å²/s^(α+1)  amplitude of the reference's transport coefficient J_r
    alpha_ref       1           exponent of age in J_r; 0 is ordinary diffusion, for which J = 2 D
    D_offset_ref    Å²/s        age-independent part of J_r
    D0_sample       Å²/s^(α+1)  amplitude of the sample's transport coefficient J_s
    alpha_sample    1           exponent of age in J_s; 0 is ordinary diffusion, for which J = 2 D
    D_offset_sample Å²/s        age-independent part of J_s
    v0              Å/s^(β+1)   amplitude of the velocity of the sample against the reference
    beta            1           exponent of age in v; 0 is a constant velocity
    v_offset        Å/s         age-independent part of v
    f0              1           amplitude of the age-dependent part of the sample's field fraction x
    f1              1/s         rate of the exponential in x
    f2              s           age at which the exponential in x is one; held, because only f0 exp(-f1 f2) enters
    f3              1           age-independent part of x
    phi0            degree      added to the azimuth, so that phi + phi0 is the angle between q and the flow

    He2025: He et al., Proceedings of the National Academy of Sciences (2025), doi:10.1073/pnas.2514216122
    He2024: He et al., Proceedings of the National Academy of Sciences (2024), doi:10.1073/pnas.2401162121
    """

    D0_ref: Float[Array, ""] = eqx.field(converter=_number, default=10000.0)
    """Amplitude of the reference's transport coefficient J_r. Unit: Å²/s^(α+1). Bounds: 100 .. 1e+06. Prior:
    lognormal(9.21034, 1.5), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98; He2024."""

    alpha_ref: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Exponent of age in J_r; 0 is ordinary diffusion, for which J = 2 D. Unit: 1. Bounds: -2 .. 2. Prior:
    normal(0, 1), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98; He2024."""

    D_offset_ref: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Age-independent part of J_r. Unit: Å²/s. Bounds: -100000 .. 100000. Prior: normal(0, 1000), truncated to
    the bounds. Source: He2025, SI Eqs. S-77 to S-98; He2024."""

    D0_sample: Float[Array, ""] = eqx.field(converter=_number, default=10000.0)
    """Amplitude of the sample's transport coefficient J_s. Unit: Å²/s^(α+1). Bounds: 100 .. 1e+06. Prior:
    lognormal(9.21034, 1.5), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98; He2024."""

    alpha_sample: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Exponent of age in J_s; 0 is ordinary diffusion, for which J = 2 D. Unit: 1. Bounds: -2 .. 2. Prior:
    normal(0, 1), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98; He2024."""

    D_offset_sample: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Age-independent part of J_s. Unit: Å²/s. Bounds: -100000 .. 100000. Prior: normal(0, 1000), truncated to
    the bounds. Source: He2025, SI Eqs. S-77 to S-98; He2024."""

    v0: Float[Array, ""] = eqx.field(converter=_number, default=1000.0)
    """Amplitude of the velocity of the sample against the reference. Unit: Å/s^(β+1). Bounds: 1e-06 .. 10000.
    Prior: lognormal(6.90776, 1.5), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98."""

    beta: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Exponent of age in v; 0 is a constant velocity. Unit: 1. Bounds: -2 .. 2. Prior: normal(0, 1), truncated to
    the bounds. Source: He2025, SI Eqs. S-77 to S-98."""

    v_offset: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Age-independent part of v. Unit: Å/s. Bounds: -100 .. 100. Prior: normal(0, 25), truncated to the bounds.
    Source: He2025, SI Eqs. S-77 to S-98."""

    f0: Float[Array, ""] = eqx.field(converter=_number, default=0.5)
    """Amplitude of the age-dependent part of the sample's field fraction x. Unit: 1. Bounds: 0 .. 1. Prior:
    normal(0.5, 0.25), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98."""

    f1: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Rate of the exponential in x. Unit: 1/s. Bounds: -10 .. 10. Prior: normal(0, 5), truncated to the bounds.
    Source: He2025, SI Eqs. S-77 to S-98."""

    f2: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Age at which the exponential in x is one; held, because only f0 exp(-f1 f2) enters. Unit: s. Bounds: -10000
    .. 10000. Prior: normal(0, 1000), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98."""

    f3: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Age-independent part of x. Unit: 1. Bounds: 0 .. 1. Prior: normal(0, 0.5), truncated to the bounds. Source:
    He2025, SI Eqs. S-77 to S-98."""

    phi0: Float[Array, ""] = eqx.field(converter=_number, default=0.0)
    """Added to the azimuth, so that phi + phi0 is the angle between q and the flow. Unit: degree. Bounds: -10 ..
    10. Prior: normal(0, 5), truncated to the bounds. Source: He2025, SI Eqs. S-77 to S-98."""

    model_id: ClassVar[str] = "two-component"
    """Identifier of the model."""

    names: ClassVar[tuple[str, ...]] = (
        "D0_ref",
        "alpha_ref",
        "D_offset_ref",
        "D0_sample",
        "alpha_sample",
        "D_offset_sample",
        "v0",
        "beta",
        "v_offset",
        "f0",
        "f1",
        "f2",
        "f3",
        "phi0",
    )
    """Names in canonical order."""

    units: ClassVar[tuple[str, ...]] = (
        "Å²/s^(α+1)",
        "1",
        "Å²/s",
        "Å²/s^(α+1)",
        "1",
        "Å²/s",
        "Å/s^(β+1)",
        "1",
        "Å/s",
        "1",
        "1/s",
        "s",
        "1",
        "degree",
    )
    """Units in canonical order."""

    bounds: ClassVar[tuple[tuple[float, float], ...]] = (
        (100.0, 1000000.0),
        (-2.0, 2.0),
        (-100000.0, 100000.0),
        (100.0, 1000000.0),
        (-2.0, 2.0),
        (-100000.0, 100000.0),
        (1e-06, 10000.0),
        (-2.0, 2.0),
        (-100.0, 100.0),
        (0.0, 1.0),
        (-10.0, 10.0),
        (-10000.0, 10000.0),
        (0.0, 1.0),
        (-10.0, 10.0),
    )
    """(lower, upper) in canonical order."""

    defaults: ClassVar[tuple[float, ...]] = (
        10000.0,
        0.0,
        0.0,
        10000.0,
        0.0,
        0.0,
        1000.0,
        0.0,
        0.0,
        0.5,
        0.0,
        0.0,
        0.0,
        0.0,
    )
    """Registry defaults in canonical order."""

    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "J_r": ("D0_ref", "alpha_ref", "D_offset_ref"),
            "J_s": ("D0_sample", "alpha_sample", "D_offset_sample"),
            "v": ("v0", "beta", "v_offset"),
            "x": ("f0", "f1", "f2", "f3"),
        }
    )
    """The parameters that each pointwise function depends on, in canonical order."""

    @classmethod
    def from_vector(cls, vector: ArrayLike) -> "HeterodyneModel":
        """Return the model of a parameter vector, (14,) in canonical order.

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

    def J_r(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Transport coefficient of the reference, in Å²/s, at ages `t` in s.

        ``max(D0_ref * t^alpha_ref + D_offset_ref, 0)``. Source: He2025, SI Eqs. S-77 to S-98; He2024.
        """
        return jnp.maximum(self.D0_ref * _power(t, self.alpha_ref) + self.D_offset_ref, 0.0)

    def J_s(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Transport coefficient of the sample, in Å²/s, at ages `t` in s.

        ``max(D0_sample * t^alpha_sample + D_offset_sample, 0)``. Source: He2025, SI Eqs. S-77 to S-98; He2024.
        """
        return jnp.maximum(self.D0_sample * _power(t, self.alpha_sample) + self.D_offset_sample, 0.0)

    def v(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Velocity of the sample against the reference, signed, in Å/s, at ages `t` in s.

        ``v0 * t^beta + v_offset``. Source: He2025, SI Eqs. S-77 to S-98.
        """
        return self.v0 * _power(t, self.beta) + self.v_offset

    def x(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Field fraction of the sample; 1 - x is the reference's, in 1, at ages `t` in s.

        ``clip(f0 * exp(f1 * (t - f2)) + f3, 0, 1)``. Source: He2025, SI Eqs. S-77 to S-98.
        """
        return jnp.minimum(jnp.maximum(self.f0 * _exp(self.f1 * (t - self.f2)) + self.f3, 0.0), 1.0)
