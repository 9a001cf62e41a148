"""The coordinates in which the solver moves: chosen so that the cost's valleys are nearly straight.

In ``A t^b + C`` a change of C is undone by one of A and b: along that valley A and C run over decades while the
function hardly changes, and a solver that steps in A, b, C creeps (measured on the example measurement: still
descending after 200 evaluations). It moves in ln A, b and the function's value at one age inside the measurement
instead; ln A makes the decades short, and the value at that age is what the data fix best. Fits and results speak
of the model's own parameters throughout; this map stands between them and the solver only.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Bool, Float, Int

from heterodyne_nlsq.free import FreeParameters
from heterodyne_spec import ModelSpec
from heterodyne_spec.expression import Binary, Call, Expression, Name

type FloatArray = npt.NDArray[np.float64]


class Coordinates(NamedTuple):
    """The map from solver coordinates z (n_free,) to free parameters.

    `logarithmic` marks the amplitudes, for which z = ln A. For the power laws whose offset is free, `amplitude`,
    `exponent` are positions in the full vector and `offset` in the free one, and z = A t^b + C at ``t = age``.
    """

    logarithmic: Bool[Array, " n_free"]
    amplitude: Int[Array, " n_law"]
    exponent: Int[Array, " n_law"]
    offset: Int[Array, " n_law"]
    age: Float[Array, ""]
    base: Float[Array, " n_par"]
    expand: Float[Array, "n_par n_free"]
    lower: Float[Array, " n_free"]
    upper: Float[Array, " n_free"]


def power_laws(spec: ModelSpec) -> list[tuple[str, str, str]]:
    """Return (amplitude, exponent, offset) of every ``A * t^b + C`` in the model's functions."""

    def find(tree: Expression) -> list[tuple[str, str, str]]:
        match tree:
            case Binary("+", Binary("*", Name(a), Binary("^", Name("t"), Name(b))), Name(c)):
                return [(a, b, c)]
            case Binary(_, left, right):
                return find(left) + find(right)
            case Call(_, arguments):
                return [law for argument in arguments for law in find(argument)]
            case _:
                return []

    return [law for function in spec.functions for law in find(function.tree)]


def make_coordinates(spec: ModelSpec, free: FreeParameters, t: FloatArray) -> Coordinates:
    """Return the coordinates for the free parameters of a measurement with ages `t` in s."""
    positions = list(free.free)
    laws = [law for law in power_laws(spec) if free.names.index(law[2]) in positions]
    lower, upper = free.lower[positions], free.upper[positions]
    amplitudes = {law[0] for law in power_laws(spec)}
    return Coordinates(
        logarithmic=jnp.array([free.names[k] in amplitudes and free.lower[k] > 0 for k in positions], bool),
        amplitude=jnp.array([free.names.index(law[0]) for law in laws], int),
        exponent=jnp.array([free.names.index(law[1]) for law in laws], int),
        offset=jnp.array([positions.index(free.names.index(law[2])) for law in laws], int),
        age=jnp.asarray(float(np.mean(t))),
        base=jnp.asarray(free.base),
        expand=jnp.asarray(free.expand),
        lower=jnp.asarray(lower),
        upper=jnp.asarray(upper),
    )


def _law_at_age(free: Float[Array, " n_free"], c: Coordinates) -> Float[Array, " n_law"]:
    """Return A t^b of every power law at the coordinates' age."""
    full = c.base + c.expand @ free
    return full[c.amplitude] * c.age ** full[c.exponent]


def to_parameters(z: Float[Array, " n_free"], c: Coordinates) -> Float[Array, " n_free"]:
    """Return the free parameters at z. An offset beyond its bound is held there: the bounds of A, b and C are
    no box in z.
    """
    raw = jnp.where(c.logarithmic, jnp.exp(jnp.where(c.logarithmic, z, 0.0)), z)
    offset = jnp.clip(raw[c.offset] - _law_at_age(raw, c), c.lower[c.offset], c.upper[c.offset])
    return raw.at[c.offset].set(offset)


def from_parameters(free: Float[Array, " n_free"], c: Coordinates) -> Float[Array, " n_free"]:
    """Return z of the free parameters: the inverse of `to_parameters` inside the bounds."""
    free = jnp.asarray(free)
    shifted = free.at[c.offset].add(_law_at_age(free, c))
    return jnp.where(c.logarithmic, jnp.log(jnp.where(c.logarithmic, free, 1.0)), shifted)


def box(c: Coordinates) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper limits of z; for an offset, those of the function's value."""
    lower, upper = np.asarray(c.lower), np.asarray(c.upper)
    logarithmic = np.asarray(c.logarithmic)
    low = np.where(logarithmic, np.log(np.where(logarithmic, lower, 1.0)), lower)
    high = np.where(logarithmic, np.log(np.where(logarithmic, upper, 1.0)), upper)
    offset = np.asarray(c.offset)
    # The value A t^b + C has no limits of its own: wide enough for every A and b of practical use.
    reach = 10.0 * (high[offset] - low[offset])
    low[offset] -= reach
    high[offset] += reach
    return low, high
