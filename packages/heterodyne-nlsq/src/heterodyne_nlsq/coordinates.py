"""The coordinates in which the solver moves: chosen so that the cost's valleys are straight.

In ``A t^b + C`` with a small b, A and C grow against each other over decades while the function, close to
(C + A) + A b ln t, hardly changes. A solver that steps in A, b, C creeps along that bent valley (measured on the
example measurement: still descending after 200 evaluations). With t in units of an age T inside the measurement
and a = A T^b, it moves instead in

    ln a,    s = a b (the slope in ln t at T),    f = a + C (the value at T),

in which the valley is the line ln a. Fits and results speak of the model's own parameters throughout; this map stands
between them and the solver only.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from heterodyne_nlsq.free import FreeParameters
from heterodyne_spec import ModelSpec
from heterodyne_spec.expression import Binary, Call, Expression, Name

type FloatArray = npt.NDArray[np.float64]


class Coordinates(NamedTuple):
    """The map from solver coordinates z (n_free,) to free parameters.

    `laws` (n_law, 3) holds the positions of A, b, C among the free parameters; those of a law that is `straight`
    take the coordinates above, all other parameters are their own. `age` is T in s; `lower` and `upper` bound the
    parameters. Those that are `held` stay at `at`, whatever z is.
    """

    laws: Int[Array, "n_law 3"]
    straight: Bool[Array, " n_law"]
    age: Float[Array, ""]
    lower: Float[Array, " n_free"]
    upper: Float[Array, " n_free"]
    held: Bool[Array, " n_free"]
    at: Float[Array, " n_free"]


def power_laws(spec: ModelSpec) -> list[tuple[str, str, str]]:
    """Return the names (A, b, C) of every ``A * t^b + C`` in the model's functions."""

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
    """Return the coordinates for the free parameters of a measurement with ages `t` in s.

    A power law of which some parameter is held or tied, or whose amplitude may vanish, keeps its own parameters.
    """
    names = free.free_names
    positions = list(free.free)
    lower, upper = free.lower[positions], free.upper[positions]
    laws = [[names.index(name) for name in law] for law in power_laws(spec) if all(name in names for name in law)]
    laws = [law for law in laws if lower[law[0]] > 0]
    return Coordinates(
        laws=jnp.array(laws, int).reshape(-1, 3),
        straight=jnp.ones(len(laws), bool),
        age=jnp.asarray(float(np.mean(t))),
        lower=jnp.asarray(lower),
        upper=jnp.asarray(upper),
        held=jnp.zeros(len(positions), bool),
        at=jnp.asarray(lower),
    )


def plain(c: Coordinates) -> Coordinates:
    """Return the coordinates that are the parameters themselves."""
    return c._replace(straight=jnp.zeros_like(c.straight))


def to_parameters(z: Float[Array, " n_free"], c: Coordinates) -> Float[Array, " n_free"]:
    """Return the free parameters at z, each kept at its bound where z leads beyond: their box is none in z."""
    log_a, slope, value = z[c.laws].T
    a = jnp.exp(jnp.where(c.straight, log_a, 0.0))
    b = jnp.clip(slope / a, c.lower[c.laws[:, 1]], c.upper[c.laws[:, 1]])
    law = jnp.stack([a * c.age**-b, b, value - a], axis=1)
    moved = z.at[c.laws].set(jnp.where(c.straight[:, None], law, z[c.laws]))
    return jnp.where(c.held, c.at, jnp.clip(moved, c.lower, c.upper))


def from_parameters(free: ArrayLike, c: Coordinates) -> Float[Array, " n_free"]:
    """Return z of the free parameters: the inverse of `to_parameters` inside the bounds."""
    free = jnp.asarray(free, float)
    amplitude, b, offset = free[c.laws].T
    a = amplitude * c.age**b
    law = jnp.stack([jnp.log(a), a * b, a + offset], axis=1)
    return free.at[c.laws].set(jnp.where(c.straight[:, None], law, free[c.laws]))


def at_edge(free: FloatArray, c: Coordinates) -> npt.NDArray[np.bool_]:
    """Return which parameters of straight laws stand at a bound or a thousandth before it.

    Past the bound z has lost its hold on the parameter, so the solver stops just before it.
    """
    inside = np.zeros(free.shape, bool)
    inside[np.asarray(c.laws)[np.asarray(c.straight)].ravel()] = True
    lower, upper = np.asarray(c.lower), np.asarray(c.upper)
    near = (free - lower <= 1e-3 * np.abs(lower)) | (upper - free <= 1e-3 * np.abs(upper))
    return inside & ~np.asarray(c.held) & near


def hold(c: Coordinates, held: npt.NDArray[np.bool_], free: FloatArray) -> Coordinates:
    """Return the coordinates with `held` kept at the bound next to their values in `free`, their laws not straight."""
    lower, upper = np.asarray(c.lower), np.asarray(c.upper)
    touched = (held | np.asarray(c.held))[np.asarray(c.laws)].any(axis=1)
    return c._replace(
        straight=jnp.asarray(np.asarray(c.straight) & ~touched),
        held=jnp.asarray(held),
        at=jnp.asarray(np.where(free - lower < upper - free, lower, upper)),
    )


def box(c: Coordinates) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper limits of z: the bounds, and for straight laws what their bounds let z reach."""
    low, high = np.array(c.lower), np.array(c.upper)
    for amplitude, exponent, offset in np.asarray(c.laws)[np.asarray(c.straight)]:
        reach = max(abs(low[exponent]), abs(high[exponent]))
        stretch = reach * abs(np.log(float(c.age)))
        low[amplitude], high[amplitude] = np.log(low[amplitude]) - stretch, np.log(high[amplitude]) + stretch
        largest = np.exp(high[amplitude])
        low[exponent], high[exponent] = -reach * largest, reach * largest
        high[offset] += largest
    return low, high
