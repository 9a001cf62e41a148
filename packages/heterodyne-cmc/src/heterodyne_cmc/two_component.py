"""What the sampling knows of the two-component model: which component is called the sample.

Where the fraction hardly changes with age, exchanging the components gives the same maps: the posterior has two halves
that say the same. One of them is sampled, that of the point estimate. A wall keeps the halves apart where they are
furthest apart: by the order of the coefficients at the mean age, or, where these are alike or one is not known, by
whether the fraction is above one half.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_data import NLSQResult
from heterodyne_data.setup.ages import reference_age
from heterodyne_physics_elementwise import HeterodyneModel
from heterodyne_spec import ModelSpec

type FloatArray = npt.NDArray[np.float64]

TURNED = "v", "phi0"
"""The function of which azimuths see a projection, and the parameter that turns it."""

_UNTOLD = 4.0
"""Calibrated chi-square below which the data do not tell which of two components is the sample, as in the fit."""
_SAME, _SAME_X, _KNOWN = 0.5, 0.15, 2.0
"""Largest differences, at the mean age, of ln J or in standard deviations of J, and of x, of two fits with the
components exchanged."""
_SOFT, _SOFT_X = 0.02, 0.005
"""Widths of the wall in ln J and in x: sharp against what is known of them, smooth for a chain."""


class Naming(NamedTuple):
    """`by_fraction` is 0 where J_s is compared with J_r at `age` (s), 1 where x is compared with one half; `sign` is 1
    where the sample has the larger one, -1 where it has the smaller one, 0 where the data tell. Arrays of JAX or NumPy.
    """

    age: Any
    by_fraction: Any
    sign: Any


class _State(NamedTuple):
    """J_r and J_s (2,) and x at one age; or their standard deviations."""

    coefficients: FloatArray
    x: float


def untold(nlsq: NLSQResult | None, spec: ModelSpec, t: FloatArray) -> Naming:
    """Return how components are named that the point estimate lists as exchangeable; t (n_t,) are the ages in s."""
    age = reference_age(t)
    if nlsq is not None:
        best, sd = _state(dict(nlsq.parameters), spec, age), _uncertainty(nlsq, age)
        for other in nlsq.alternatives:
            if other.delta_chi2 < _UNTOLD and _exchanged(best, _state(dict(other.parameters), spec, age), sd):
                return _named(best, sd, age)
    return Naming(np.array(age), np.array(0.0), np.array(0.0))


def _state(parameters: dict[str, float], spec: ModelSpec, age: float) -> _State:
    j_r, j_s, x = (float(spec.evaluate(name, parameters, np.array([age]))[0]) for name in ("J_r", "J_s", "x"))
    return _State(np.maximum([j_r, j_s], 1e-9), x)


def _uncertainty(nlsq: NLSQResult, age: float) -> _State:
    """Return standard deviations at an age; infinite where the fit knows none."""
    if nlsq.bands is None:
        return _State(np.full(2, np.inf), np.inf)
    k, sd = int(np.argmin(np.abs(nlsq.bands.t - age))), nlsq.bands.sd
    j_r, j_s, x = (float(sd[name][k]) if np.isfinite(sd[name][k]) else np.inf for name in ("J_r", "J_s", "x"))
    return _State(np.array([j_r, j_s]), x)


def _exchanged(best: _State, other: _State, sd: _State) -> bool:
    there = other.coefficients[::-1]
    alike = np.abs(np.log(best.coefficients / there)) < _SAME
    # Of a coefficient that is hardly known, or nearly none, the logarithm says nothing.
    unknown = np.isfinite(sd.coefficients) & (np.abs(best.coefficients - there) < _KNOWN * sd.coefficients)
    return bool(np.all(alike | unknown)) and abs(1.0 - other.x - best.x) < _SAME_X


def _named(best: _State, sd: _State, age: float) -> Naming:
    relative = float(np.hypot(*np.minimum(sd.coefficients / best.coefficients, 1e6)))
    larger, beyond_half = float(np.log(best.coefficients[1] / best.coefficients[0])), best.x - 0.5
    by_fraction = np.isfinite(sd.x) and abs(beyond_half) / sd.x > abs(larger) / relative
    sign = 1.0 if (beyond_half if by_fraction else larger) >= 0 else -1.0
    return Naming(np.array(age), np.array(float(by_fraction)), np.array(sign))


def wall(full: Float[Array, " n_par"], naming: Naming) -> Float[Array, ""]:
    """Return ln of the factor that keeps components apart at the parameters of the model."""
    model, age = HeterodyneModel.from_vector(full), jnp.asarray(naming.age)[None]
    larger = jnp.log(jnp.maximum(model.J_s(age)[0], 1e-9)) - jnp.log(jnp.maximum(model.J_r(age)[0], 1e-9))
    above = jnp.where(naming.by_fraction > 0, (model.x(age)[0] - 0.5) / _SOFT_X, larger / _SOFT)
    return -0.5 * jnp.maximum(-naming.sign * above, 0.0) ** 2


def words(naming: Naming) -> str:
    """Return the convention in a sentence, "" where there is none."""
    if naming.sign == 0:
        return ""
    which = "larger" if naming.sign > 0 else "smaller"
    what = "field fraction" if naming.by_fraction > 0 else "transport coefficient"
    return (
        "the data do not tell which component is the sample: sampled is where it has the "
        f"{which} {what} at {float(naming.age):.3g} s; exchanged names say the same"
    )
