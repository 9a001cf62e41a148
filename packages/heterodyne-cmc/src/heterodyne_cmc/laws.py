"""The laws among the free parameters, and the scales of the coordinates that straighten them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.chart import Laws
from heterodyne_cmc.models import knowledge_of
from heterodyne_data import NLSQResult
from heterodyne_data.setup import reference_age
from heterodyne_spec import Law, ModelSpec, Prior, find_laws, laws_of

type FloatArray = npt.NDArray[np.float64]
type _Row = tuple[list[int], float, float, bool, float, float, float, bool, int, float]

_SCALE, _LEAST = 0.1, 1e-9
"""Scale at which a function passes from linear to logarithmic, in units of its value, and the smallest scale, in units
of the first term of a law."""

_TURN_MOST = float(np.deg2rad(87.0))
"""Largest angle between flow and direction, within the bounds, for which the projection is used as a coordinate,
because it is not invertible at 90 degrees."""


def make_laws(
    spec: ModelSpec,
    status: Sequence[str],
    free: Sequence[int],
    bounds: FloatArray,
    priors: Sequence[Prior],
    values: FloatArray,
    nlsq: NLSQResult | None,
    t: FloatArray,
    phi: FloatArray,
) -> Laws:
    """Return the laws with free A, b and C and, if there is one, fixed t0; as arrays of NumPy.

    Parameters
    ----------
    status, priors, values : of all parameters of the model; `free` are the positions of the free ones among these, with
        bounds (n_free, 2).
    nlsq : the point estimate, which provides the uncertainty of a law; None: the range of the priors.
    t, phi : the ages (n_t,) in s and the azimuths (n_phi,) in degree of the measurement.
    """
    names = list(spec.names)
    free_names = [names[k] for k in free]
    of = dict(zip(names, values.tolist(), strict=True))
    rows: list[_Row] = []
    velocity, turning = knowledge_of(spec.id).turned or ("", "")
    angle = free_names.index(turning) if turning in free_names else None
    for law in find_laws(spec):
        held = law.origin is None or status[names.index(law.origin)] == "fixed"
        if not held or not all(name in free_names for name in law[:3]):
            continue
        clock, reach = float(law.clock(reference_age(t), of)), law.reach(t)
        positions = law.positions(free_names)
        turn, cosine = _STRAIGHT, 1.0
        if angle is not None and law in laws_of(spec, velocity):
            turn, cosine = _turn(angle, bounds[angle], of[turning], phi)
        amplitude, b, offset = (of[name] for name in law[:3])
        amplitude, offset = amplitude * cosine, offset * cosine
        a = max(amplitude * float(np.exp(b * clock)), 1e-9)
        value = max(_SCALE * abs(a + offset), _LEAST)
        prior = priors[names.index(law.rate)]
        widest = float(np.sinh(min(prior.scale * reach, 300.0)))
        # Without a fit, the whole range of the priors is possible.
        sd = cosine * _sd_of_change(law, amplitude / cosine, b, clock, reach, nlsq)
        open_ = float(np.clip(sd, _LEAST * a, 2 * a * widest))
        log = bool(bounds[positions[0], 0] > 0)
        rows.append((positions, clock, reach, log, value, open_ / (2 * widest), open_, *turn))
    return _arrays(rows)


def no_laws() -> Laws:
    """Return an empty set of laws."""
    return _arrays([])


def _arrays(rows: list[_Row]) -> Laws:
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[]] * 10
    kinds = (int, float, float, bool, float, float, float, bool, int, float)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return Laws(arrays[0].reshape(-1, 3), *arrays[1:])


_STRAIGHT = (False, 0, 0.0)
"""A law that is no projection: `turned`, `angle` and `direction` of `Laws`."""


def _turn(angle: int, bounds: FloatArray, at: float, phi: FloatArray) -> tuple[tuple[bool, int, float], float]:
    """Return the projection of a velocity, and its cosine at phi0 = `at` (degree)."""
    direction = _direction(np.deg2rad(phi + at)) - float(np.deg2rad(at))
    if np.max(np.abs(np.deg2rad(bounds) + direction)) >= _TURN_MOST:
        return _STRAIGHT, 1.0
    return (True, angle, direction), float(np.cos(np.deg2rad(at) + direction))


def _direction(angles: FloatArray) -> float:
    """Return the angle between flow and the direction in which v is uncorrelated with phi0; angles (n_phi,) in rad.

    All azimuths determine their v cos(angle) equally well. With the sums c of cos² and d of cos sin over them, the
    information on v and phi0 is ((c, -v d), (-v d, ...)), and v cos(angle of the direction) is uncorrelated with phi0
    if its tangent is d / c.
    """
    return float(np.arctan2(np.sum(np.cos(angles) * np.sin(angles)), np.sum(np.cos(angles) ** 2)))


def _sd_of_change(law: Law, amplitude: float, b: float, clock: float, reach: float, nlsq: NLSQResult | None) -> float:
    """Return the standard deviation of D = 2 a sinh(b w) that the point estimate has; infinite without one."""
    if nlsq is None or law.amplitude not in nlsq.varying or law.rate not in nlsq.varying:
        return float("inf")
    at = [nlsq.varying.index(name) for name in (law.amplitude, law.rate)]
    growth, sinh, cosh = np.exp(b * clock), np.sinh(b * reach), np.cosh(b * reach)
    along = 2.0 * growth * np.array([sinh, amplitude * (clock * sinh + reach * cosh)])
    return float(np.sqrt(max(along @ nlsq.covariance[np.ix_(at, at)] @ along, 0.0)))
