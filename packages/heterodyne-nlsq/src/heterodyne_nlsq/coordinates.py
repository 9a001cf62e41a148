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

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from heterodyne_data.setup import FreeParameters, reference_age
from heterodyne_spec import ModelSpec, find_laws

type FloatArray = npt.NDArray[np.float64]


class Coordinates(NamedTuple):
    """The map from solver coordinates z (n_free,) to free parameters.

    `laws` (n_law, 3) holds the positions of A, b, C among the free parameters; those of a law that is `straight`
    take the coordinates above, with a `share` if it has one; of one that is `anchored` the first is a itself, and the
    others are its parameters; all other parameters are coordinates themselves. `most` is
    the largest f of a law with a share, `clock` is ln T or T, and `ends` what it would be at the first and the last
    age; `origin` is the position of t0 (0, and `has_origin` 0, where none is free). `lower` and `upper` bound the
    parameters. Those that are `held` stay at `at`, whatever z is.
    """

    laws: Int[np.ndarray, "n_law 3"]
    straight: Bool[np.ndarray, " n_law"]
    anchored: Bool[np.ndarray, " n_law"]
    share: Bool[np.ndarray, " n_law"]
    most: Float[np.ndarray, " n_law"]
    clock: Float[np.ndarray, " n_law"]
    ends: Float[np.ndarray, "n_law 2"]
    origin: Int[np.ndarray, " n_law"]
    has_origin: Float[np.ndarray, " n_law"]
    lower: Float[np.ndarray, " n_free"]
    upper: Float[np.ndarray, " n_free"]
    held: Bool[np.ndarray, " n_free"]
    at: Float[np.ndarray, " n_free"]


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
    clocks = [law.clock([age, t[0], t[-1]], None if law.origin in names else value) for law in laws]
    clock, *ends = np.array(clocks, float).reshape(-1, 3).T
    held = np.isin(names, [law.origin for law in laws if law.origin])
    at = {law: law.positions(names) for law in laws}
    return Coordinates(
        laws=np.array([at[law] for law in laws], int).reshape(-1, 3),
        straight=np.ones(len(laws), bool),
        anchored=np.zeros(len(laws), bool),
        share=np.array([lower[at[law][0]] == lower[at[law][2]] == 0 for law in laws], bool),
        most=np.array([float(upper[at[law][2]]) for law in laws], float),
        clock=clock,
        ends=np.stack(ends, axis=1),
        origin=np.array([names.index(law.origin) if law.origin in names else 0 for law in laws], int),
        has_origin=np.array([float(law.origin in names) for law in laws], float),
        lower=lower,
        upper=upper,
        held=held,
        at=free.start[positions],
    )


def plain(c: Coordinates) -> Coordinates:
    """Return coordinates that are identical to the parameters."""
    return c._replace(straight=np.zeros_like(c.straight))


_FADED = 3.0
"""Change of the logarithm of a first term between its larger end and T above which T is moved towards that end."""


def around(c: Coordinates, free: ArrayLike) -> Coordinates:
    """Return the coordinates for a descent from free parameters (n_free,).

    A share that has faded, or has yet to grow, in the middle of the measurement has its T where it counts: at the
    mean age of 800 s, what decays within 20 s is below any share that can be told from none. A first term that grows by
    more than that from t0 on has an A that is too close to its bound for steps; where the parameters are the
    coordinates, its value at T takes its place.
    """
    found = np.array(free, float)
    b = found[c.laws[:, 1]]
    with np.errstate(divide="ignore"):
        reach = _FADED / np.abs(b)
    first, last = c.ends.T
    moved = np.where(b < 0, np.minimum(c.clock, first + reach), np.maximum(c.clock, last - reach))
    c = c._replace(clock=np.where(c.share, moved, c.clock))
    grown = (_exponent(b, found, c) > _FADED) & ~c.held[c.laws].any(axis=1)
    return c._replace(anchored=c.share & ~c.straight & grown)


def without_bounds(c: Coordinates) -> Coordinates:
    """Return the coordinates without bounds except those of exponents and shares, so that the map is one-to-one."""
    own = np.zeros(c.lower.shape, bool)
    own[c.laws[:, 1]] = True
    low, high = (np.where(own, bound, end) for bound, end in ((c.lower, -np.inf), (c.upper, np.inf)))
    return c._replace(lower=low, upper=high)


NEAREST = 1e-4
"""Minimum distance of a share from the ends of its range at the start of a descent; closer, it has no effect."""

_NEAR = 0.999
"""Largest distance from the middle of the range of an exponent, relative to its half width, in the conversion to
coordinates."""


class _Mapped(NamedTuple):
    """Parameters (..., n_free), and of the laws (..., n_law) what their derivatives follow from: value a, rate b and
    1 / growth of the first term, f, the logistic functions of the first and third coordinate, and tanh of the rate."""

    free: FloatArray
    a: FloatArray
    b: FloatArray
    fading: FloatArray
    value: FloatArray
    of_first: FloatArray
    of_third: FloatArray
    bend: FloatArray


def _rate_range(c: Coordinates) -> tuple[FloatArray, FloatArray]:
    """Return middle and half width of the range of every law's exponent."""
    low, high = c.lower[c.laws[:, 1]], c.upper[c.laws[:, 1]]
    return (low + high) / 2, np.maximum((high - low) / 2, 1e-12)


def _own(z: FloatArray, c: Coordinates) -> FloatArray:
    return np.where(c.held, c.at, np.clip(z, c.lower, c.upper))


def _exponent(b: FloatArray, own: FloatArray, c: Coordinates) -> FloatArray:
    """Return the logarithm of the growth of the first term of every law from age 1 s, or t0, to its clock."""
    return b * (c.clock - c.has_origin * own[..., c.origin])


def _mapped(z: FloatArray, c: Coordinates) -> _Mapped:
    own = _own(z, c)
    first, slope, third = (z[..., c.laws[:, k]] for k in range(3))
    of_first, of_third = expit(first), expit(third)
    shared = c.most * of_third
    value = np.where(c.share, shared, third)
    a = np.where(c.share, shared * of_first, np.exp(np.where(c.straight & ~c.share, first, 0.0)))
    middle, half = _rate_range(c)
    bend = np.tanh((slope / np.maximum(a, _NOTHING) - middle) / half)
    b = np.where(c.anchored, own[..., c.laws[:, 1]], middle + half * bend)
    fading = np.exp(-np.clip(_exponent(b, own, c), -_MAX_EXPONENT, _MAX_EXPONENT))
    moved, straight = own.copy(), c.straight
    law = np.stack([a * fading, b, value - a], axis=-1)
    moved[..., c.laws[straight]] = law[..., straight, :]
    firsts = c.laws[c.anchored, 0]
    moved[..., firsts] = own[..., firsts] * fading[..., c.anchored]
    return _Mapped(moved, a, b, fading, value, of_first, of_third, bend)


def to_parameters(z: FloatArray, c: Coordinates) -> FloatArray:
    """Return the free parameters (..., n_free) at z, clipped to their bounds, which are not a box in z."""
    with np.errstate(all="ignore"):
        return np.where(c.held, c.at, np.clip(_mapped(z, c).free, c.lower, c.upper))


def slope_of_parameters(z: FloatArray, c: Coordinates) -> FloatArray:
    """Return the derivatives (n_free, n_free) of the free parameters by z (n_free,)."""
    with np.errstate(all="ignore"):
        m = _mapped(z, c)
        by_own = np.where(c.held | (z < c.lower) | (z > c.upper), 0.0, 1.0)
        # By the first and the third coordinate of a law; the second is its slope at the clock.
        a_first = np.where(c.share, m.a * (1.0 - m.of_first), m.a)
        a_third = np.where(c.share, m.a * (1.0 - m.of_third), 0.0)
        value_third = np.where(c.share, m.value * (1.0 - m.of_third), 1.0)
        safe, flat = np.maximum(m.a, _NOTHING), 1.0 - m.bend**2
        b_slope = flat / safe
        b_a = np.where((flat > 0) & (m.a > _NOTHING), -flat * (z[c.laws[:, 1]] / safe) / safe, 0.0)
        b_first, b_third = b_a * a_first, b_a * a_third
        own = _own(z, c)
        within = np.abs(_exponent(m.b, own, c)) <= _MAX_EXPONENT
        clock = within * (c.clock - c.has_origin * own[c.origin])
        by_law = np.stack(
            [
                np.stack([a_first - m.a * clock * b_first, -m.a * clock * b_slope, a_third - m.a * clock * b_third])
                * m.fading,
                np.stack([b_first, b_slope, b_third]),
                np.stack([-a_first, np.zeros_like(m.a), value_third - a_third]),
            ]
        )
        found = np.diag(by_own)
        straight = c.straight
        laws = c.laws[straight]
        found[laws] = 0.0
        found[laws[:, :, None], laws[:, None, :]] = np.moveaxis(by_law[:, :, straight], 2, 0)
        by_origin = within * m.a * m.fading * m.b * c.has_origin * by_own[c.origin]
        found[laws[:, 0], c.origin[straight]] += by_origin[straight]
        firsts, rates = c.laws[c.anchored, :2].T
        amplitude, moved = m.free[firsts], within[c.anchored] * by_own[firsts]
        found[firsts, firsts] = by_own[firsts] * m.fading[c.anchored]
        found[firsts, rates] = -amplitude * clock[c.anchored] * by_own[rates]
        found[firsts, c.origin[c.anchored]] += (
            amplitude * m.b[c.anchored] * moved * (c.has_origin * by_own[c.origin])[c.anchored]
        )
        found[c.held | (m.free < c.lower) | (m.free > c.upper)] = 0.0
    return found


def fitted(z: FloatArray, c: Coordinates) -> FloatArray:
    """Return the fitted vector (n_fit,) at z (n_fit,): the parameters, and the scaling coefficients of z."""
    n_free = c.lower.size
    return np.concatenate([to_parameters(z[:n_free], c), z[n_free:]])


def slope_of_fitted(z: FloatArray, c: Coordinates) -> FloatArray:
    """Return the derivatives (n_fit, n_fit) of the fitted vector by z."""
    found, n_free = np.eye(z.size), c.lower.size
    found[:n_free, :n_free] = slope_of_parameters(z[:n_free], c)
    return found


def from_parameters(free: ArrayLike, c: Coordinates, nearest: float = NEAREST) -> FloatArray:
    """Return z of the free parameters: the inverse of `to_parameters` inside the bounds.

    The distance of f and w of a law with a share from 0 is at least `nearest`, and from their largest values at least
    `NEAREST`.
    """
    found = np.array(free, float)
    amplitude, b, offset = found[c.laws].T
    with np.errstate(all="ignore"):
        a = amplitude * np.exp(np.clip(_exponent(b, found, c), -_MAX_EXPONENT, _MAX_EXPONENT))
        f = np.clip((a + offset) / c.most, nearest, 1 - NEAREST)
        w = np.clip(a / (f * c.most), nearest, 1 - NEAREST)
        a = np.where(c.share, w * f * c.most, np.maximum(a, np.exp(-_MAX_EXPONENT)))
        middle, half = _rate_range(c)
        slope = a * (middle + half * np.arctanh(np.clip((b - middle) / half, -_NEAR, _NEAR)))
        law = np.stack([np.where(c.share, logit(w), np.log(a)), slope, np.where(c.share, logit(f), a + offset)], axis=1)
        anchored = amplitude * np.exp(_exponent(b, found, c))
    found[c.laws[c.straight]] = law[c.straight]
    found[c.laws[c.anchored, 0]] = anchored[c.anchored]
    return found


_NOTHING = 1e-100
"""Smallest first term of a law; smaller ones count as zero."""

_MAX_EXPONENT = 200.0
"""Exponent beyond which a law's first term vanishes or dominates at the reference age."""


def at_edge(free: FloatArray, c: Coordinates) -> npt.NDArray[np.bool_]:
    """Return which parameters of straight laws are at a bound, to a thousandth.

    Beyond the bound, z has no effect on the parameter, so the solver stops just before it. Exponents never reach it.
    """
    inside = np.zeros(free.shape, bool)
    inside[c.laws[c.straight][:, [0, 2]].ravel()] = True
    near = (free - c.lower <= 1e-3 * np.abs(c.lower)) | (c.upper - free <= 1e-3 * np.abs(c.upper))
    return inside & ~c.held & near


def hold(c: Coordinates, held: npt.NDArray[np.bool_], free: FloatArray) -> Coordinates:
    """Return the coordinates with `held` in place of what was held so far.

    Newly fixed parameters are set to the nearer bound. A law of which a parameter is held is not straight; one with
    fixed A keeps its t0.
    """
    needs_origin = c.origin[held[c.laws[:, 0]] & (c.has_origin > 0)]
    now = held.copy()
    now[needs_origin] = False
    bound = np.where(free - c.lower < c.upper - free, c.lower, c.upper)
    return c._replace(straight=~held[c.laws].any(axis=1), held=now, at=np.where(c.held, c.at, bound))


def pinned(c: Coordinates, positions: npt.NDArray[np.int_], values: FloatArray) -> Coordinates:
    """Return the coordinates with the parameters at `positions` held at `values`, inside their bounds or not.

    A law of which a parameter is pinned is not straight.
    """
    held, at = c.held.copy(), c.at.copy()
    held[positions], at[positions] = True, values
    return c._replace(straight=c.straight & ~held[c.laws].any(axis=1), held=held, at=at)


def inside(free: FloatArray, released: npt.NDArray[np.bool_], c: Coordinates) -> FloatArray:
    """Return `free` with `released` parameters moved inside by a hundredth of their bound, where z has an effect."""
    low, high = c.lower + 1e-2 * np.abs(c.lower), c.upper - 1e-2 * np.abs(c.upper)
    return np.where(released, np.clip(free, low, high), free)


def box(c: Coordinates) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper limits of z: the bounds, and none for the coordinates of straight laws."""
    low, high = c.lower.copy(), c.upper.copy()
    straight = c.laws[c.straight].ravel()
    low[straight], high[straight] = -np.inf, np.inf
    return low, high
