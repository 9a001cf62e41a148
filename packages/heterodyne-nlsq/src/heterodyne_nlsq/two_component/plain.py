"""The model with simple laws, fitted to the curves of all ages simultaneously.

J_r, J_s and v are powers of age and x is an exponential plus a constant, so that every integral over age has a closed
form and many descents run at once. theta contains

    ln a, α, ln b, β_s, ln ω, β, g, κ, f3, phi0

with a = q²J_r/2, b = q²J_s/2 and ω = q v (1/s) at the middle age t_m, their exponents, x(t) = g e^{κ(t - t_p)/T} + f3
where t_p is the end of the measurement, T, for κ > 0 and 0 for κ < 0, and phi0 in rad.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.age_resolved import Curves, fit, residuals

type FloatArray = npt.NDArray[np.float64]

_EVERY_LAG = 2
"""Step between the lags that are used; more add little to starting values."""


class Cells(NamedTuple):
    """Averages over a few pairs each.

    Ages `t1`, `t2` of the frames (n_cell,) and half the range `spread` of the age of the pairs, in s; `value` and
    `weight` (n_phi, n_cell); `phi` (n_phi,) in rad; `scale` t_m, `first` age of the curves and `last` T in s; `noise`
    (n_phi,), the variance of a pair.
    """

    t1: FloatArray
    t2: FloatArray
    spread: FloatArray
    value: FloatArray
    weight: FloatArray
    phi: FloatArray
    scale: float
    first: float
    last: float
    noise: FloatArray


def make_cells(curves: Curves, last: float) -> Cells:
    """Return the non-empty averages; `last` is the age of the last frame."""
    chosen = np.zeros_like(curves.middle, bool)
    chosen[:, ::_EVERY_LAG] = True
    chosen &= curves.weight.sum(axis=1) > 0
    half_lag = np.broadcast_to(curves.lag * curves.dt / 2, chosen.shape)[chosen]
    value, weight = (np.moveaxis(part, 1, 0)[:, chosen] for part in (curves.value, curves.weight))
    middle = curves.middle[chosen]
    return Cells(
        np.maximum(middle - half_lag, 1e-3 * curves.dt),
        middle + half_lag,
        curves.spread[chosen],
        value,
        weight,
        np.deg2rad(curves.phi),
        float(np.sqrt(curves.age[0] * curves.age[-1])),
        float(curves.age[0]),
        last,
        curves.noise,
    )


def _power_integral(b: FloatArray, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Return the integral of (t/t_m)^b from t1 to t2, (..., n_cell), and its derivative by b."""
    c = b + 1
    c = np.where(np.abs(c) < 1e-4, 1e-4, c)[..., None]
    y1, y2 = np.log(cells.t1 / cells.scale), np.log(cells.t2 / cells.scale)
    e1, e2 = np.exp(c * y1), np.exp(c * y2)
    value = (e2 - e1) / c
    return cells.scale * value, cells.scale * ((y2 * e2 - y1 * e1) - value) / c


def _fraction(theta: FloatArray, t: FloatArray, last: float) -> tuple[FloatArray, FloatArray]:
    """Return x (..., n_cell) and its derivatives by g, κ, f3, (3, ..., n_cell)."""
    g, growth, f3 = (theta[..., k, None] for k in (6, 7, 8))
    since = (t - np.where(growth > 0, last, 0.0)) / last
    shape = np.exp(growth * since)
    x = g * shape + f3
    inside = (x > 1e-3) & (x < 1 - 1e-3)
    derivatives = np.stack([shape, g * since * shape, np.ones_like(x)])
    return np.clip(x, 1e-3, 1 - 1e-3), np.where(inside, derivatives, 0.0)


def _amplitudes(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the normalised amplitudes of reference and sample and their logarithmic derivatives by x."""
    n = x**2 + (1 - x) ** 2
    by_norm = (2 * x - 1) / n
    return (1 - x) / np.sqrt(n), x / np.sqrt(n), -1 / (1 - x) - by_norm, 1 / x - by_norm


def model(theta: FloatArray, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Return M (..., n_phi, n_cell) and its derivatives (..., 10, n_phi, n_cell).

    The phase of the fringes varies over the ages of a cell; to first order, this multiplies their amplitude by
    sin(s)/s, where s is half the range of the phase.
    """
    a, b, omega = (np.exp(theta[..., k, None]) for k in (0, 2, 4))
    (i_r, di_r), (i_s, di_s), (i_v, di_v) = (_power_integral(theta[..., k], cells) for k in (1, 3, 5))
    x1, dx1 = _fraction(theta, cells.t1, cells.last)
    x2, dx2 = _fraction(theta, cells.t2, cells.last)
    r1, s1, lr1, ls1 = _amplitudes(x1)
    r2, s2, lr2, ls2 = _amplitudes(x2)
    u, w = r1 * r2 * np.exp(-a * i_r), s1 * s2 * np.exp(-b * i_s)
    beta = theta[..., 5, None]
    slip = omega * cells.spread * ((cells.t2 / cells.scale) ** beta - (cells.t1 / cells.scale) ** beta)
    phi = cells.phi[:, None] + theta[..., 9, None, None]
    along, across = np.cos(phi), -np.sin(phi)
    phase = (omega * i_v)[..., None, :]
    visible = np.sinc(slip[..., None, :] * along / np.pi)
    cosine, sine = visible * np.cos(phase * along), visible * np.sin(phase * along)
    u_, w_ = u[..., None, :], w[..., None, :]
    by_u, by_w = 2 * u_ * (u_ + w_ * cosine), 2 * w_ * (w_ + u_ * cosine)
    by_phase = -2 * u_ * w_ * sine
    by_x = [
        by_u * (lr1 * d1 + lr2 * d2)[..., None, :] + by_w * (ls1 * d1 + ls2 * d2)[..., None, :]
        for d1, d2 in zip(dx1, dx2, strict=True)
    ]
    derivatives = np.stack(
        [
            -by_u * (a * i_r)[..., None, :],
            -by_u * (a * di_r)[..., None, :],
            -by_w * (b * i_s)[..., None, :],
            -by_w * (b * di_s)[..., None, :],
            by_phase * phase * along,
            by_phase * (omega * di_v)[..., None, :] * along,
            *by_x,
            by_phase * phase * across,
        ],
        axis=-3,
    )
    return u_**2 + w_**2 + 2 * u_ * w_ * cosine, derivatives


def bounds_of(cells: Cells, turns: bool) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of theta; phi0 is fixed unless it `turns`."""
    slow, fast = np.log(1e-4 / cells.last), np.log(1e4 / cells.last)
    turn = np.deg2rad(10.0) if turns else 0.0
    # An exponential that decays within the first age of the curves is as fast as they can tell.
    growth = min(max(12.0, cells.last / cells.first), 300.0)
    low = [slow, -1.9, slow, -1.9, slow, -1.9, 0.0, -growth, 0.0, -turn]
    high = [fast, 1.9, fast, 1.9, fast, 1.9, 1.0, growth, 1.0, turn]
    return np.array(low), np.array(high)


def left_by_noise(cells: Cells) -> float:
    """Return the weighted squares that white noise leaves of the cells: their mean and one standard deviation."""
    counts = np.count_nonzero(cells.weight, axis=1)
    return float(np.sum(counts * cells.noise) + np.sqrt(np.sum(2 * counts * cells.noise**2)))


def cost_of(theta: FloatArray, cells: Cells) -> FloatArray:
    """Return the weighted squares that theta (n, 10) leaves of the cells, (n,)."""
    m, _ = model(theta, cells)
    *_, rest = residuals(m, cells.value, cells.weight)
    return np.asarray(np.sum(cells.weight * rest**2, axis=(-1, -2)))


def descend_each(theta: FloatArray, cells: Cells, n_steps: int) -> tuple[FloatArray, FloatArray]:
    """Return the minima reached from theta (n, 10), and their cost (n,)."""
    bounds = bounds_of(cells, turns=len(cells.phi) > 1)
    shape = (len(theta), *cells.value.shape)
    value, weight = np.broadcast_to(cells.value, shape), np.broadcast_to(cells.weight, shape)
    theta, cost, _ = fit(lambda z: model(z, cells), np.clip(theta, *bounds), value, weight, bounds, n_steps)
    return theta, cost
