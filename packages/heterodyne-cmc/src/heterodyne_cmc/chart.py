"""The map between parameters inside their bounds and the unconstrained coordinates u of the chains.

In a law ``A t^b + C`` with a small exponent, A and C can compensate each other over decades with little change of the
function, and if the function hardly changes, b is arbitrary for small A: curved valleys with short steps.
With a = A T^b, the first term at an age T inside the measurement, f = a + C, the value of the function there, and
D = 2 a sinh(b w), the change of the first term over a time w on either side, the valley is straight: the data
determine f and D, and only a is undetermined. ``A exp(b (t - t0)) + C`` has T - t0 in place of ln T. The coordinates
of a law are mapped one after the other, each to the interval allowed by the bounds given the previous ones:

    f between its ends, evenly in asinh(f / value), as ln f where f is large, and through 0, rounded off into the ends;
    ln a, or a where A may be 0, between the ends that the bounds of C and A leave;
    b = asinh(u / (2 sqrt(a² + floor²))) / w between the ends that the bounds of b and A leave, rounded off into them: u
        is D where a is above `floor`, and follows the exponent itself below, where its prior is all that limits it.

The data determine the projection of the velocity on the scattering vector: at a single azimuth v cos(phi + phi0), but
not phi0 itself, so that v and phi0 are correlated along a curve. The law of v is multiplied by that cosine, in the
direction in which v and phi0 are uncorrelated.

Thus every u maps to parameters inside their bounds. The map is triangular, and its Jacobian determinant a product. All
other parameters are mapped separately, by logit or log-logit, according to the specification.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_cmc.transforms import Intervals, constrain, log_jacobian, unconstrain


class Laws(NamedTuple):
    """The laws that are straightened, as arrays of JAX or NumPy.

    `positions` (n_law, 3) of A, b, C among the free parameters. `clock` is ln T, or T - t0, in units of which b is an
    exponent, and `reach` w in the same; `log` whether a is taken in its logarithm; `value` and `floor` are the scales
    named above, and `open` the uncertainty of D. If `turned`, the values of the law are those of a projection, by the
    cosine of `direction` (rad) plus the free parameter (degree) at position `angle`.
    """

    positions: Any
    clock: Any
    reach: Any
    log: Any
    value: Any
    floor: Any
    open: Any
    turned: Any
    angle: Any
    direction: Any

    def cosine(self, p: Float[Array, " n_free"]) -> Array:
        """Return the factor of the values of every law, (n_law,)."""
        return jnp.where(self.turned, jnp.cos(jnp.deg2rad(p[self.angle]) + self.direction), 1.0)


class Chart(NamedTuple):
    """Bounds of all free parameters with the map of those that are no part of a law, and the laws."""

    intervals: Intervals
    laws: Laws


class _Triple(NamedTuple):
    """A, b, C of every law, or three coordinates of each."""

    first: Float[Array, " n_law"]
    second: Float[Array, " n_law"]
    third: Float[Array, " n_law"]


_LEAST = 1e-12
"""Smallest width of an interval, relative to its ends, in case the bounds leave a single point."""

_ROUNDED = 0.5
"""Length over which ranges are rounded off: relative to the range that D permits for an exponent, in asinh(f / value)
for f."""

_STEEPEST = 300.0
"""Largest exponent, over the time w and at the age T, that the coordinates resolve."""

_EDGE = 1e-9
"""Smallest distance of a value from the ends of its interval when converting to coordinates."""


def _between(u: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the value between two ends, and ln of its derivative by u."""
    width = jnp.maximum(high - low, _LEAST * (1.0 + jnp.abs(low)))
    return low + width * jax.nn.sigmoid(u), jax.nn.log_sigmoid(u) + jax.nn.log_sigmoid(-u) + jnp.log(width)


def _place(value: Array, low: Array, high: Array) -> Array:
    """Return the coordinate of a value between two ends: the inverse of `_between`."""
    width = jnp.maximum(high - low, _LEAST * (1.0 + jnp.abs(low)))
    part = jnp.clip((value - low) / width, _EDGE, 1.0 - _EDGE)
    return jnp.log(part) - jnp.log1p(-part)


class _Ends(NamedTuple):
    """Bounds of A, b, C, and the resulting ranges of a and f, (n_law,) each."""

    lower: _Triple
    upper: _Triple
    a_least: Array
    a_most: Array


def _ends(chart: Chart, cosine: Array) -> _Ends:
    laws = chart.laws
    bounds = (_Triple(*bound[laws.positions].T) for bound in chart.intervals[:2])
    lower, upper = (_Triple(end.first * cosine, end.second, end.third * cosine) for end in bounds)
    # At late ages the ends of an exponential's rate lead beyond all numbers.
    growth = jnp.clip(jnp.stack([lower.second * laws.clock, upper.second * laws.clock]), -_STEEPEST, _STEEPEST)
    return _Ends(
        lower, upper, lower.first * jnp.exp(jnp.min(growth, axis=0)), upper.first * jnp.exp(jnp.max(growth, axis=0))
    )


def _range_of_first(f: Array, ends: _Ends, laws: Laws) -> tuple[Array, Array]:
    """Return the ends of ln a, or a, where the function's value is f."""
    low = jnp.maximum(ends.a_least, f - ends.upper.third)
    high = jnp.maximum(jnp.minimum(ends.a_most, f - ends.lower.third), low)
    in_log = [jnp.log(jnp.maximum(jnp.where(laws.log, end, 1.0), 1e-300)) for end in (low, high)]
    return jnp.where(laws.log, in_log[0], low), jnp.where(laws.log, in_log[1], high)


class _Rounded(NamedTuple):
    """The identity between `low` and `high`, saturating smoothly at both ends over a length `over`, (n_law,) each."""

    low: Array
    high: Array
    over: Array

    def at(self, s: Array) -> tuple[Array, Array]:
        """Return the value at s, about s itself between the ends, and ln of its derivative."""
        above, below = (s - self.low) / self.over, (s - self.high) / self.over
        value = self.low + self.over * (jax.nn.softplus(above) - jax.nn.softplus(below))
        # The difference of two sigmoids, finite at any distance.
        width = (self.high - self.low) / self.over
        return value, jax.nn.log_sigmoid(above) + jax.nn.log_sigmoid(-below) + jnp.log(-jnp.expm1(-width))

    def inverse(self, value: Array) -> Array:
        """Return s of a value between the ends."""
        width = (self.high - self.low) / self.over
        part = jnp.clip((value - self.low) / self.over, _EDGE * width, (1.0 - _EDGE) * width)
        # ln of expm1, which itself is too large far from the lower end.
        return self.low + self.over * (part + jnp.log(-jnp.expm1(-part)) - jnp.log(-jnp.expm1(part - width)))


def _range_of_value(ends: _Ends, laws: Laws) -> _Rounded:
    """Return asinh(f / value) between its ends, which turn with the angle of a flow: inside, f does not."""
    low, high = ends.a_least + ends.lower.third, ends.a_most + ends.upper.third
    low, high = jnp.arcsinh(low / laws.value), jnp.arcsinh(high / laws.value)
    high = jnp.maximum(high, low + _LEAST * (1.0 + jnp.abs(low)))
    return _Rounded(low, high, jnp.minimum(_ROUNDED, high - low))


def _range_of_exponent(a: Array, unit: Array, ends: _Ends, laws: Laws) -> _Rounded:
    """Return the exponents at which A = a exp(-b clock) is inside its bounds.

    They are rounded off over a fraction of the range that D permits, or over the change of the exponent that changes a
    by this fraction, if that is smaller.
    """
    log_a = jnp.log(jnp.maximum(a, 1e-300))
    clock = jnp.where(jnp.abs(laws.clock) < 1e-9, 1e-9, laws.clock)
    # A of 0 is any a: its logarithm is far below.
    at_upper, at_lower = ((log_a - jnp.log(jnp.maximum(end, 1e-300))) / clock for end in (ends.upper[0], ends.lower[0]))
    low = jnp.maximum(ends.lower.second, jnp.minimum(at_upper, at_lower))
    high = jnp.maximum(jnp.minimum(ends.upper.second, jnp.maximum(at_upper, at_lower)), low + _LEAST)
    over = _ROUNDED * jnp.minimum(jnp.arcsinh(laws.open / unit), 1.0) / laws.reach
    return _Rounded(low, high, jnp.minimum(over, high - low))


def to_parameters(u: Float[Array, " n_free"], chart: Chart) -> tuple[Float[Array, " n_free"], Float[Array, ""]]:
    """Return the parameters at u, never outside their bounds, and ln of the volume |dp/du|."""
    own, volumes = constrain(u, chart.intervals), log_jacobian(u, chart.intervals)
    laws = chart.laws
    if laws.positions.shape[0] == 0:
        return own, jnp.sum(volumes)
    cosine = laws.cosine(own)
    ends = _ends(chart, cosine)
    z = _Triple(*u[laws.positions].T)
    y, by_value = _range_of_value(ends, laws).at(z.third)
    f = laws.value * jnp.sinh(y)
    by_value += jnp.log(laws.value) + jnp.logaddexp(y, -y) - jnp.log(2.0)
    inner, by_first = _between(z.first, *_range_of_first(f, ends, laws))
    a = jnp.where(laws.log, jnp.exp(jnp.where(laws.log, inner, 0.0)), inner)
    log_a = jnp.log(jnp.maximum(a, 1e-300))
    by_first += jnp.where(laws.log, log_a, 0.0)
    unit = 2.0 * jnp.hypot(a, laws.floor)
    b, by_exponent = _range_of_exponent(a, unit, ends, laws).at(jnp.arcsinh(z.second / unit) / laws.reach)
    by_exponent -= jnp.log(laws.reach * jnp.hypot(z.second, unit))
    amplitude = a * jnp.exp(-b * laws.clock)
    law = jnp.clip(jnp.stack([amplitude, b, f - a]), jnp.stack(ends.lower), jnp.stack(ends.upper))
    law = law / jnp.stack([cosine, jnp.ones_like(cosine), cosine])
    # dA/da at a given b is A/a; C = f - a has the volume of a; both are divided by the cosine.
    whole = jnp.sum(by_value + by_first + by_exponent - b * laws.clock - 2.0 * jnp.log(cosine))
    inside = jnp.zeros(u.size, bool).at[laws.positions].set(True)
    return own.at[laws.positions].set(law.T), jnp.sum(jnp.where(inside, 0.0, volumes)) + whole


def from_parameters(p: Float[Array, " n_free"], chart: Chart) -> Float[Array, " n_free"]:
    """Return u of parameters inside their bounds; values on a bound are moved slightly inside."""
    low, high = chart.intervals.lower, chart.intervals.upper
    margin = _EDGE * (high - low)
    u = unconstrain(jnp.clip(p, low + margin, high - margin), chart.intervals)
    laws = chart.laws
    if laws.positions.shape[0] == 0:
        return u
    cosine = laws.cosine(p)
    ends = _ends(chart, cosine)
    amplitude, b, offset = p[laws.positions].T * jnp.stack([cosine, jnp.ones_like(cosine), cosine])
    a = amplitude * jnp.exp(b * laws.clock)
    f = a + offset
    third = _range_of_value(ends, laws).inverse(jnp.arcsinh(f / laws.value))
    inner = jnp.where(laws.log, jnp.log(jnp.maximum(a, 1e-300)), a)
    first = _place(inner, *_range_of_first(f, ends, laws))
    unit = 2.0 * jnp.hypot(a, laws.floor)
    exponent = laws.reach * _range_of_exponent(a, unit, ends, laws).inverse(b)
    second = unit * jnp.sinh(jnp.clip(exponent, -_STEEPEST, _STEEPEST))
    return u.at[laws.positions].set(jnp.stack([first, second, third], axis=1))
