"""J_r, J_s, v and x at single ages, for comparison with the fitted laws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from heterodyne_data import AgeResolved, TwoTimeData
from heterodyne_nlsq.age_resolved import FEWEST_FRAMES, Curves, age_curves
from heterodyne_nlsq.two_component.equilibrium import Solutions, refine, solve_ages, standard_deviations
from heterodyne_nlsq.two_component.viterbi import exchanged, histories
from heterodyne_spec import ModelSpec

type FloatArray = npt.NDArray[np.float64]

REACH = 0.7
"""Longest lags relative to the age: changes within them cancel to first order."""

_BEND = 0.01
"""Relative contribution to the error bar from second-order changes within the lags: b(b - 1)/24 times the square of
lag over age for a power b, 1.5 % for b = -1/2 at the longest lags, less on average."""

_VAGUE = 1.0
"""Standard deviation of a logarithm (of a rate, of a share) from which it counts as undetermined at an age."""

_STATEMENT = (
    "the equilibrium form (constant coefficients) fitted to c2 averaged around every age, lags up to 0.7 of the age; "
    "phi0 and the labels of the components are those of the fit; error bars are standard deviations from the residuals "
    "of the averages, scaled up if the values scatter more around a smooth curve, plus 1 % for changes within the lags"
)


_solved: WeakKeyDictionary[TwoTimeData, tuple[Curves, Solutions]] = WeakKeyDictionary()


def slices(data: TwoTimeData) -> tuple[Curves, Solutions]:
    """Return the curves of lags up to `REACH` times the age, and the best solutions at every age.

    Both the search for starting values and the report need them, so they are kept as long as the measurement.
    """
    if data not in _solved:
        _solved[data] = solved(age_curves(data, REACH))
    return _solved[data]


def solved(curves: Curves) -> tuple[Curves, Solutions]:
    """Return curves and the best solutions at every age."""
    return curves, solve_ages(curves)


def age_resolved(data: TwoTimeData, spec: ModelSpec, parameters: Mapping[str, float]) -> AgeResolved | None:
    """Return the age slices, fitted independently; None if there are too few frames to resolve ages.

    `parameters` of the fit determine the labels of the components, and are additional starting values at every age.
    """
    if data.n_t < FEWEST_FRAMES:
        return None
    curves, solutions = slices(data)
    curves = replace(curves, phi=curves.phi + parameters["phi0"])
    fitted = history(spec, parameters, curves, data.q)
    found = histories(solutions, 1)[0].theta
    starts = np.stack([found, exchanged(found), fitted], axis=1)
    theta, cost, matrix = refine(starts, curves)
    freedom = np.maximum(np.count_nonzero(curves.weight, axis=(1, 2)) - 2 * len(curves.phi) - 4, 1)
    # The labels of the components do not affect the cost at one age: of equally good solutions, take the one closest to
    # the fit.
    variance = cost.min(axis=1) / freedom
    worse = (cost - cost.min(axis=1, keepdims=True)) / np.maximum(variance[:, None], 1e-300)
    distance = np.abs(np.clip(theta, -8, 8) - np.clip(fitted, -8, 8)[:, None]).sum(-1)
    best = np.argmin(np.where(worse < 1.0, distance, np.inf), axis=1)
    rows = np.arange(len(best))
    return _functions(theta[rows, best], standard_deviations(matrix[rows, best], variance), curves, data.q)


def history(spec: ModelSpec, parameters: Mapping[str, float], curves: Curves, q: float) -> FloatArray:
    """Return ln a, ln b, ω and ln(B/A) per frame, (n_age, 4), of the model's functions at the ages of the curves."""
    functions = {name: spec.evaluate(name, parameters, curves.age) for name in ("J_r", "J_s", "v", "x")}
    a, b = (np.maximum(q**2 / 2 * curves.dt * functions[name], 1e-12) for name in ("J_r", "J_s"))
    x = np.clip(functions["x"], 1e-3, 1 - 1e-3)
    omega = np.abs(q * curves.dt * functions["v"])
    return np.stack([np.log(a), np.log(b), omega, 2 * np.log(x / (1 - x))], axis=-1)


def _functions(theta: FloatArray, sd: FloatArray, curves: Curves, q: float) -> AgeResolved:
    a, b = (2 / (q**2 * curves.dt) * np.exp(theta[:, k]) for k in (0, 1))
    x = 1 / (1 + np.exp(-theta[:, 3] / 2))
    per_frame = q * curves.dt
    values = {"J_r": a, "J_s": b, "v": theta[:, 2] / per_frame, "x": x}
    bars = {"J_r": a * sd[:, 0], "J_s": b * sd[:, 1], "v": sd[:, 2] / per_frame, "x": x * (1 - x) / 2 * sd[:, 3]}
    # A velocity is undetermined if its error bar exceeds it, the others if their logarithms are uncertain.
    relative = {"J_r": sd[:, 0], "J_s": sd[:, 1], "v": sd[:, 2] / np.maximum(theta[:, 2], 1e-12), "x": sd[:, 3] / 2}
    known = {name: part < _VAGUE for name, part in relative.items()}
    resolved, wide = {}, {}
    for name, there in known.items():
        resolved[name] = np.where(there, values[name], np.nan)
        scattered = bars[name] * _scatter(curves.age, values[name], bars[name], there)
        wide[name] = np.where(there, np.hypot(scattered, _BEND * values[name]), np.nan)
    return AgeResolved(curves.age, resolved, wide, _STATEMENT)


def _scatter(age: FloatArray, value: FloatArray, sd: FloatArray, there: npt.NDArray[np.bool_]) -> float:
    """Return the scatter around a parabola in log age relative to the error bars, at least 1.

    Noise is shared between lags, so that the residuals at one age underestimate it (Birge's ratio, Birge 1932).
    """
    degrees = np.count_nonzero(there) - 3
    if degrees < 2:
        return 1.0
    x, weight = np.log(age[there]), 1 / np.maximum(sd[there], 1e-12 * np.abs(value[there]).max() + 1e-300)
    course = np.polynomial.Polynomial.fit(x, value[there], 2, w=weight)
    return max(1.0, float(np.sqrt(np.sum((weight * (value[there] - course(x))) ** 2) / degrees)))
