"""Coordinates of the solver, chosen such that the valleys of the cost are straight.

In ``A t^b + C`` with a small b, A and C can compensate each other over decades while the function, close to
(C + A) + A b ln t, hardly changes; the same is true of ``A exp(b (t - t0)) + C`` with t in place of ln t. A solver with
the coordinates A, b, C progresses slowly along that curved valley (for the example measurement: still descending after
200 evaluations). With a, the value of the first term at an age T inside the measurement, the coordinates are instead

    ln a,    s = a b (the slope at T, in ln t or t),    f = a + C (the value at T),

in which the valley is the line ln a. If neither A nor C can be negative, as in the fraction x, both f and the share
w = a / f of the first term are between 0 and a bound, and the coordinates are logit f, logit w and s. The exponent
is b = m + h tanh((s / a - m) / h) with m and h the middle and half width of its bounds, so that no step reaches or
exceeds them. A free t0 only multiplies A, so it keeps its value. Fits and results use the model's own parameters
throughout; only the solver uses these coordinates.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from heterodyne_data.setup import FreeParameters, reference_age
from heterodyne_spec import ModelSpec, find_laws

type FloatArray = npt.NDArray[np.float64]


class Coordinates(NamedTuple):
    """The map from solver coordinates z (n_free,) to free parameters.

    `laws` (n_law, 3) holds the positions of A, b, C among the free parameters; those of a law that is `straight`
    take the coordinates above, with a `share` if it has one; all other parameters are coordinates themselves. `most` is
    the largest f of a law with a share, `clock` is ln T or T, and `origin` the position of t0 (0, and `has_origin` 0,
    where none is free). `lower` and `upper` bound the parameters. Those that are `held` stay at `at`, whatever z is.
    """

    laws: Int[Array, "n_law 3"]
    straight: Bool[Array, " n_law"]
    share: Bool[Array, " n_law"]
    most: Float[Array, " n_law"]
    clock: Float[Array, " n_law"]
    origin: Int[Array, " n_law"]
    has_origin: Float[Array, " n_law"]
    lower: Float[Array, " n_free"]
    upper: Float[Array, " n_free"]
    held: Bool[Array, " n_free"]
    at: Float[Array, " n_free"]


def make_coordinates(spec: ModelSpec, free: FreeParameters, t: FloatArray) -> Coordinates:
    """Return the coordinates for the free parameters of a measurement with ages `t` in s.

    A law of which a parameter is tied, or whose A, b or C is held, keeps its own parameters.
    """
    names, positions, age = free.free_names, list(free.free), reference_age(t)
    lower, upper = free.lower[positions], free.upper[positions]
    value = dict(zip(free.names, free.start, strict=True))
    status = dict(zip(free.names, free.status, strict=True))
    laws = [
        law
        for law in find_laws(spec)
        if all(name in names for name in law[:3])
        and value[law.amplitude] > 0
        and (law.origin is None or status[law.origin] != "tied")
    ]
    # A held t0 is part of the clock.
    clocks = [float(law.clock(age, None if law.origin in names else value)) for law in laws]
    held = np.isin(names, [law.origin for law in laws if law.origin])
    at = {law: law.positions(names) for law in laws}
    return Coordinates(
        laws=jnp.array([at[law] for law in laws], int).reshape(-1, 3),
        straight=jnp.ones(len(laws), bool),
        share=jnp.array([lower[at[law][0]] == lower[at[law][2]] == 0 for law in laws], bool),
        most=jnp.array([float(upper[at[law][2]]) for law in laws], float),
        clock=jnp.array(clocks, float),
        origin=jnp.array([names.index(law.origin) if law.origin in names else 0 for law in laws], int),
        has_origin=jnp.array([float(law.origin in names) for law in laws], float),
        lower=jnp.asarray(lower),
        upper=jnp.asarray(upper),
        held=jnp.asarray(held),
        at=jnp.asarray(free.start[positions]),
    )


def plain(c: Coordinates) -> Coordinates:
    """Return coordinates that are identical to the parameters."""
    return c._replace(straight=jnp.zeros_like(c.straight))


def without_bounds(c: Coordinates) -> Coordinates:
    """Return the coordinates without bounds except those of exponents and shares, so that the map is one-to-one."""
    own = np.zeros(np.asarray(c.lower).shape, bool)
    own[np.asarray(c.laws)[:, 1]] = True
    low, high = (jnp.where(jnp.asarray(own), bound, end) for bound, end in ((c.lower, -jnp.inf), (c.upper, jnp.inf)))
    return c._replace(lower=low, upper=high)


NEAREST = 1e-4
"""Minimum distance of a share from the ends of its range at the start of a descent; closer, it has no effect."""

_NEAR = 0.999
"""Largest distance from the middle of the range of an exponent, relative to its half width, in the conversion to
coordinates."""


def _rate_range(c: Coordinates) -> tuple[Array, Array]:
    """Return middle and half width of the range of every law's exponent."""
    low, high = c.lower[c.laws[:, 1]], c.upper[c.laws[:, 1]]
    return (low + high) / 2, jnp.maximum((high - low) / 2, 1e-12)


@jax.jit
def to_parameters(z: Float[Array, " n_free"], c: Coordinates) -> Float[Array, " n_free"]:
    """Return the free parameters at z, clipped to their bounds, which are not a box in z."""
    own = jnp.where(c.held, c.at, jnp.clip(z, c.lower, c.upper))
    first, slope, third = z[c.laws].T
    shared = c.most * jax.nn.sigmoid(third)
    value = jnp.where(c.share, shared, third)
    a = jnp.where(c.share, shared * jax.nn.sigmoid(first), jnp.exp(jnp.where(c.straight & ~c.share, first, 0.0)))
    middle, half = _rate_range(c)
    # The square of the divisor, which enters the derivative, must remain finite.
    b = middle + half * jnp.tanh((slope / jnp.maximum(a, _NOTHING) - middle) / half)
    growth = jnp.exp(jnp.clip(b * (c.clock - c.has_origin * own[c.origin]), -_MAX_EXPONENT, _MAX_EXPONENT))
    law = jnp.stack([a / growth, b, value - a], axis=1)
    moved = own.at[c.laws].set(jnp.where(c.straight[:, None], law, own[c.laws]))
    return jnp.where(c.held, c.at, jnp.clip(moved, c.lower, c.upper))


@jax.jit
def from_parameters(free: ArrayLike, c: Coordinates, nearest: float = NEAREST) -> Float[Array, " n_free"]:
    """Return z of the free parameters: the inverse of `to_parameters` inside the bounds.

    The distance of f and w of a law with a share from 0 is at least `nearest`, and from their largest values at least
    `NEAREST`.
    """
    free = jnp.asarray(free, float)
    amplitude, b, offset = free[c.laws].T
    a = amplitude * jnp.exp(jnp.clip(b * (c.clock - c.has_origin * free[c.origin]), -_MAX_EXPONENT, _MAX_EXPONENT))
    f = jnp.clip((a + offset) / c.most, nearest, 1 - NEAREST)
    w = jnp.clip(a / (f * c.most), nearest, 1 - NEAREST)
    a = jnp.where(c.share, w * f * c.most, jnp.maximum(a, jnp.exp(-_MAX_EXPONENT)))
    middle, half = _rate_range(c)
    slope = a * (middle + half * jnp.arctanh(jnp.clip((b - middle) / half, -_NEAR, _NEAR)))
    law = jnp.stack(
        [jnp.where(c.share, _logit(w), jnp.log(a)), slope, jnp.where(c.share, _logit(f), a + offset)], axis=1
    )
    return free.at[c.laws].set(jnp.where(c.straight[:, None], law, free[c.laws]))


def _logit(u: Array) -> Array:
    return jnp.log(u) - jnp.log1p(-u)


_NOTHING = 1e-100
"""Smallest first term of a law; smaller ones count as zero."""

_MAX_EXPONENT = 200.0
"""Exponent beyond which a law's first term vanishes or dominates at the reference age."""


def at_edge(free: FloatArray, c: Coordinates) -> npt.NDArray[np.bool_]:
    """Return which parameters of straight laws are at a bound, to a thousandth.

    Beyond the bound, z has no effect on the parameter, so the solver stops just before it. Exponents never reach it.
    """
    inside = np.zeros(free.shape, bool)
    inside[np.asarray(c.laws)[np.asarray(c.straight)][:, [0, 2]].ravel()] = True
    lower, upper = np.asarray(c.lower), np.asarray(c.upper)
    near = (free - lower <= 1e-3 * np.abs(lower)) | (upper - free <= 1e-3 * np.abs(upper))
    return inside & ~np.asarray(c.held) & near


def hold(c: Coordinates, held: npt.NDArray[np.bool_], free: FloatArray) -> Coordinates:
    """Return the coordinates with `held` in place of what was held so far.

    Newly fixed parameters are set to the nearer bound. A law of which a parameter is held is not straight; one with
    fixed A keeps its t0.
    """
    lower, upper = np.asarray(c.lower), np.asarray(c.upper)
    before, laws, origin = np.asarray(c.held), np.asarray(c.laws), np.asarray(c.origin)
    needs_origin = origin[held[laws[:, 0]] & (np.asarray(c.has_origin) > 0)]
    now = held.copy()
    now[needs_origin] = False
    bound = np.where(free - lower < upper - free, lower, upper)
    return c._replace(
        straight=jnp.asarray(~held[laws].any(axis=1)),
        held=jnp.asarray(now),
        at=jnp.asarray(np.where(before, np.asarray(c.at), bound)),
    )


def pinned(c: Coordinates, positions: npt.NDArray[np.int_], values: FloatArray) -> Coordinates:
    """Return the coordinates with the parameters at `positions` held at `values`, inside their bounds or not.

    A law of which a parameter is pinned is not straight.
    """
    held, at, laws = np.array(c.held), np.array(c.at), np.asarray(c.laws)
    held[positions], at[positions] = True, values
    return c._replace(
        straight=c.straight & jnp.asarray(~held[laws].any(axis=1)), held=jnp.asarray(held), at=jnp.asarray(at)
    )


def inside(free: FloatArray, released: npt.NDArray[np.bool_], c: Coordinates) -> FloatArray:
    """Return `free` with `released` parameters moved inside by a hundredth of their bound, where z has an effect."""
    lower, upper = np.asarray(c.lower), np.asarray(c.upper)
    return np.where(released, np.clip(free, lower + 1e-2 * np.abs(lower), upper - 1e-2 * np.abs(upper)), free)


def box(c: Coordinates) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper limits of z: the bounds, and none for the coordinates of straight laws."""
    low, high = np.array(c.lower), np.array(c.upper)
    straight = np.asarray(c.laws)[np.asarray(c.straight)].ravel()
    low[straight], high[straight] = -np.inf, np.inf
    return low, high
