"""Which component is called the sample, where the data do not tell.

Where the fraction hardly changes with age, exchanging the components gives the same maps: the posterior has two halves
that say the same. One of them is sampled, that of the point estimate: the slope of a wall keeps the coefficients at the
mean age in their order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_physics_elementwise import HeterodyneModel
from heterodyne_spec import ModelSpec, NLSQResult

type FloatArray = npt.NDArray[np.float64]

_UNTOLD = 4.0
"""Calibrated chi-square below which the data do not tell which of two components is the sample, as in the fit."""
_SAME = 0.5
"""Largest difference of ln J at the mean age of two fits with the components exchanged."""
_SOFT = 0.02
"""Width in ln J of the wall: sharp against what is known of a coefficient, smooth for a chain."""


class Naming(NamedTuple):
    """`sign` is 1 where the sample is the component with the larger J at `age` (s), -1 where it is the other one, and 0
    where the data tell. Arrays of JAX or NumPy."""

    age: Any
    sign: Any


def untold(nlsq: NLSQResult | None, spec: ModelSpec, t: FloatArray) -> Naming:
    """Return how components are named that the point estimate lists as exchangeable; t (n_t,) are the ages in s."""
    age = float(np.mean(t))
    if nlsq is not None:
        best = _coefficients(dict(nlsq.parameters), spec, age)
        for other in nlsq.alternatives:
            exchanged = _coefficients(dict(other.parameters), spec, age)[::-1]
            if other.delta_chi2 < _UNTOLD and np.max(np.abs(np.log(best) - np.log(exchanged))) < _SAME:
                return Naming(np.array(age), np.array(1.0 if best[1] >= best[0] else -1.0))
    return Naming(np.array(age), np.array(0.0))


def _coefficients(parameters: dict[str, float], spec: ModelSpec, age: float) -> FloatArray:
    """Return J_r and J_s at an age."""
    at = np.array([age])
    return np.maximum([float(spec.evaluate(name, parameters, at)[0]) for name in ("J_r", "J_s")], 1e-9)


def wall(full: Float[Array, " n_par"], naming: Naming) -> Float[Array, ""]:
    """Return ln of the factor that keeps the order of the coefficients at the parameters of the model."""
    model, age = HeterodyneModel.from_vector(full), jnp.asarray(naming.age)[None]
    larger = jnp.log(jnp.maximum(model.J_s(age)[0], 1e-9)) - jnp.log(jnp.maximum(model.J_r(age)[0], 1e-9))
    beyond = jnp.maximum(-naming.sign * larger, 0.0)
    return -0.5 * (beyond / _SOFT) ** 2


def words(naming: Naming) -> str:
    """Return the convention in a sentence, "" where there is none."""
    if naming.sign == 0:
        return ""
    which = "larger" if naming.sign > 0 else "smaller"
    return (
        "the data do not tell which component is the sample: sampled is where it has the "
        f"{which} transport coefficient at {float(naming.age):.3g} s; exchanged names say the same"
    )
