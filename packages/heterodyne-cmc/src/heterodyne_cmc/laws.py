"""The laws among the free parameters, and the scales of the coordinates in which they are straight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.chart import Laws
from heterodyne_spec import ModelSpec, NLSQResult
from heterodyne_spec.laws import Law, find_laws
from heterodyne_spec.model import Prior

type FloatArray = npt.NDArray[np.float64]
type _Row = tuple[list[int], float, float, bool, float, float, float]

_SCALE, _LEAST = 0.1, 1e-9
"""Where a function passes from linear to logarithmic, in units of its value, and the least of all scales, in units of
the first term of a law."""

_DECADE = 1.0
"""Reach of a power law in ln t: early ages, far away in ln t, are few frames."""


def make_laws(
    spec: ModelSpec,
    status: Sequence[str],
    free: Sequence[int],
    bounds: FloatArray,
    priors: Sequence[Prior],
    values: FloatArray,
    nlsq: NLSQResult | None,
    t: FloatArray,
) -> Laws:
    """Return the laws of which A, b and C are free, and t0, where there is one, is held; as arrays of NumPy.

    Parameters
    ----------
    status, priors, values : of all parameters of the model; `free` are the positions of the free ones among these, with
        bounds (n_free, 2).
    nlsq : the point estimate, which knows how open a law is; None: all that the priors allow.
    t : the ages (n_t,) in s of the measurement.
    """
    names = list(spec.names)
    free_names = [names[k] for k in free]
    rows: list[_Row] = []
    for law in find_laws(spec):
        held = law.origin is None or status[names.index(law.origin)] == "fixed"
        if not held or not all(name in free_names for name in law[:3]):
            continue
        age = float(np.mean(t))
        clock = float(np.log(age)) if law.origin is None else age - float(values[names.index(law.origin)])
        reach = _DECADE if law.origin is None else float(np.ptp(t)) / 2
        positions = [free_names.index(name) for name in law[:3]]
        amplitude, b, offset = (float(values[names.index(name)]) for name in law[:3])
        a = max(amplitude * float(np.exp(b * clock)), 1e-9)
        value = max(_SCALE * abs(a + offset), _LEAST)
        prior = priors[names.index(law.rate)]
        widest = float(np.sinh(min(prior.scale * reach, 300.0)))
        # Without a fit all that the priors allow is open.
        open_ = float(np.clip(_sd_of_change(law, amplitude, b, clock, reach, nlsq), _LEAST * a, 2 * a * widest))
        rows.append((positions, clock, reach, bool(bounds[positions[0], 0] > 0), value, open_ / (2 * widest), open_))
    return _arrays(rows)


def no_laws() -> Laws:
    """Return that no law is straightened."""
    return _arrays([])


def _arrays(rows: list[_Row]) -> Laws:
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[]] * 7
    kinds = (int, float, float, bool, float, float, float)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return Laws(arrays[0].reshape(-1, 3), *arrays[1:])


def _sd_of_change(law: Law, amplitude: float, b: float, clock: float, reach: float, nlsq: NLSQResult | None) -> float:
    """Return the standard deviation of D = 2 a sinh(b w) that the point estimate has; infinite without one."""
    if nlsq is None or law.amplitude not in nlsq.varying or law.rate not in nlsq.varying:
        return float("inf")
    at = [nlsq.varying.index(name) for name in (law.amplitude, law.rate)]
    growth, sinh, cosh = np.exp(b * clock), np.sinh(b * reach), np.cosh(b * reach)
    along = 2.0 * growth * np.array([sinh, amplitude * (clock * sinh + reach * cosh)])
    return float(np.sqrt(max(along @ nlsq.covariance[np.ix_(at, at)] @ along, 0.0)))
