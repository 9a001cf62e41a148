"""Laws of age fitted to histories: model parameters that approximate the age slices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.age_resolved import Curves
from heterodyne_nlsq.two_component.plain import Cells
from heterodyne_nlsq.two_component.viterbi import History

type FloatArray = npt.NDArray[np.float64]

_EXPONENT = 1.0
"""Largest exponent of a starting value; the fit does not have this limit."""

_LAW = 0.1
"""How closely a law describes an age: errors of logarithms, and of x, below this do not raise its weight."""

_RATES = np.geomspace(0.1, 8.0, 12)
"""Rates of the exponential in x that are tried, times the length of the measurement; where the first ages resolve
faster ones, the series continues."""


def power_law(age: FloatArray, value: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Return A, b of A t^b fitted to positive values: least squares of the logarithms, with outliers down-weighted."""
    x, y = np.log(age), np.log(np.maximum(value, 1e-300))
    w = weight.copy()
    b, level = 0.0, float(np.median(y))
    for _ in range(20):
        total = np.maximum(w.sum(), 1e-300)
        mx, my = np.sum(w * x) / total, np.sum(w * y) / total
        slope = np.sum(w * (x - mx) * (y - my)) / np.maximum(np.sum(w * (x - mx) ** 2), 1e-300)
        b = float(np.clip(slope, -_EXPONENT, _EXPONENT))
        level = float(my - b * mx)
        w = weight / (1 + ((y - level - b * x) / 0.3) ** 2)
    return float(np.exp(level)), b


def fraction_law(age: FloatArray, x: FloatArray, weight: FloatArray) -> tuple[float, float, float]:
    """Return f0, f1, f3 of f0 e^{f1 t} + f3, with x between 0 and 1: best of a few rates, outliers down-weighted."""
    ratio = _RATES[1] / _RATES[0]
    resolved = age[-1] / (age[1] - age[0])
    faster = _RATES[-1] * ratio ** np.arange(1, 1 + int(np.log(max(resolved / _RATES[-1], 1.0)) / np.log(ratio)))
    rates = np.concatenate([_RATES, faster])
    growth = np.concatenate([-rates[::-1], rates]) / age[-1]
    # 1 at the end where it is largest.
    shape = np.exp(growth[:, None] * (age - np.where(growth > 0, age[-1], age[0])[:, None]))
    w = np.broadcast_to(weight, shape.shape)
    for _ in range(6):
        # Of maps that are constant, no age has any weight.
        total = np.maximum(w.sum(axis=1), 1e-300)
        ms, mx = np.sum(w * shape, axis=1) / total, np.sum(w * x, axis=1) / total
        off = shape - ms[:, None]
        spread = np.maximum(np.sum(w * off**2, axis=1), 1e-300)
        slope = np.maximum(np.sum(w * off * (x - mx[:, None]), axis=1) / spread, 0.0)
        base = np.clip(mx - slope * ms, 0.0, 1.0)
        slope = np.sum(w * shape * (x - base[:, None]), axis=1) / np.maximum(np.sum(w * shape**2, axis=1), 1e-300)
        slope = np.clip(slope, 0.0, 1.0 - base)
        rest = (x - base[:, None] - slope[:, None] * shape) / 0.1
        w = weight / (1 + rest**2)
    best = int(np.argmin(np.sum(weight * np.log1p(rest**2), axis=1)))
    f1 = float(growth[best])
    return float(slope[best] * np.exp(-max(f1 * age[-1], f1 * age[0]))), f1, float(base[best])


def by_errors(history: History) -> FloatArray:
    """Return weights (4, n_age) of the ages for ln a, ln b, ω and x, from how well the curves determine them."""
    theta, sd = history
    x, omega = 1 / (1 + np.exp(-theta[:, 3] / 2)), np.maximum(theta[:, 2], 1e-6)
    errors = np.stack([sd[:, 0], sd[:, 1], sd[:, 2] / omega, x * (1 - x) / 2 * sd[:, 3]])
    return np.asarray(1 / (1 + (errors / _LAW) ** 2))


def by_shares(history: History) -> FloatArray:
    """Return the same from the shares alone: the rate of a weak component is poorly determined.

    Where noise makes single ages arbitrary, so are their errors.
    """
    x = 1 / (1 + np.exp(-history.theta[:, 3] / 2))
    clear = np.clip(x * (1 - x) * 4, 0.05, 1.0)
    return np.stack([np.clip((1 - x) ** 2, 0.01, 1), np.clip(x**2, 0.01, 1), clear, np.ones_like(x)])


def to_plain(history: History, weights: FloatArray, curves: Curves, cells: Cells) -> FloatArray:
    """Return theta (10,) of the plain laws fitted to a history, with weights (4, n_age) of its ages."""
    age, dt, theta = curves.age, curves.dt, history.theta
    x, omega = 1 / (1 + np.exp(-theta[:, 3] / 2)), np.maximum(theta[:, 2], 1e-6)
    values = np.stack([np.exp(theta[:, 0]), np.exp(theta[:, 1]), omega]) / dt
    laws = [power_law(age / cells.scale, *one) for one in zip(values, weights[:3], strict=True)]
    f0, f1, f3 = fraction_law(age, x, weights[3])
    growth = f1 * cells.last
    powers = [part for level, exponent in laws for part in (np.log(level), exponent)]
    return np.array([*powers, f0 * np.exp(max(growth, 0.0)), growth, f3, 0.0])


def parameters(theta: FloatArray, cells: Cells, q: float) -> dict[str, float]:
    """Return the model parameters that correspond to plain laws theta (10,)."""
    found = {"D_offset_ref": 0.0, "D_offset_sample": 0.0, "v_offset": 0.0, "f2": 0.0, "f3": float(theta[8])}
    per_rate = (2 / q**2, 2 / q**2, 1 / q)
    names = (("D0_ref", "alpha_ref"), ("D0_sample", "alpha_sample"), ("v0", "beta"))
    for (amplitude, exponent), unit, (level, power) in zip(names, per_rate, theta[:6].reshape(3, 2), strict=True):
        found[amplitude], found[exponent] = float(unit * np.exp(level) * cells.scale**-power), float(power)
    found["f0"] = float(theta[6] * np.exp(-max(theta[7], 0.0)))
    found["f1"] = float(theta[7] / cells.last)
    found["phi0"] = float(np.rad2deg(theta[9]))
    return found
