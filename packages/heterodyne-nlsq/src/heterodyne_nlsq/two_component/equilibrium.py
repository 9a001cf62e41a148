"""The equilibrium form at one age: decay rates, fringe frequency and fraction that describe the curves of all angles.

If the sample is stationary around an age, c2 as a function of lag τ is offset + contrast·M with

    M = (A e^{-aτ})² + (B e^{-bτ})² + 2 A B e^{-(a+b)τ} cos(ω cos(phi) τ),    A + B = 1,

a = q²J_r/2, b = q²J_s/2, ω = q v per frame and B/A = (x/(1-x))². Contrast and offset of every angle are linear and
eliminated. Candidates for ω are found with a matched filter, the others on a grid; the best are refined together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.age_resolved import Curves, fit, residuals

type FloatArray = npt.NDArray[np.float64]

_RATES = 8
_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
_FREQUENCIES = 4
_KEPT = 3
_STEPS = 15
_FASTEST = 1.6
"""Highest frequency of the search, in rad per frame."""


@dataclass(frozen=True)
class Solutions:
    """The best solutions at every age, best first.

    `theta` (n_age, n_kept, 4) contains ln a, ln b, ω and ln(B/A), rates per frame; `cost` (n_age, n_kept) is the sum of
    weighted squares, infinite if there is no solution; `noise` (n_age,) is the variance of a value of weight 1.
    """

    theta: FloatArray
    cost: FloatArray
    noise: FloatArray


def _model(theta: FloatArray, lag: FloatArray, cosine: FloatArray) -> FloatArray:
    """Return M (..., n_phi, n_lag) of theta (..., 4) that share a frequency, with the `cosine` of their fringes."""
    share = 1 / (1 + np.exp(-theta[..., 3, None, None]))
    u = (1 - share) * np.exp(-np.exp(theta[..., 0, None, None]) * lag)
    w = share * np.exp(-np.exp(theta[..., 1, None, None]) * lag)
    return np.asarray(u**2 + w**2 + 2 * u * w * cosine)


def _model_and_derivatives(theta: FloatArray, lag: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return M (..., n_phi, n_lag) and its derivatives (..., 4, n_phi, n_lag) by theta (..., 4)."""
    a, b = np.exp(theta[..., 0, None, None]), np.exp(theta[..., 1, None, None])
    share = 1 / (1 + np.exp(-theta[..., 3, None, None]))
    u, w = (1 - share) * np.exp(-a * lag), share * np.exp(-b * lag)
    along = np.cos(np.deg2rad(phi))[:, None] * lag
    phase = theta[..., 2, None, None] * along
    cosine, sine = np.cos(phase), np.sin(phase)
    by_u, by_w = 2 * (u + w * cosine), 2 * (w + u * cosine)
    spread = share * (1 - share)
    derivatives = np.stack(
        [
            -by_u * u * a * lag,
            -by_w * w * b * lag,
            -2 * u * w * sine * along,
            spread * (by_w * w / share - by_u * u / (1 - share)),
        ],
        axis=-3,
    )
    return u**2 + w**2 + 2 * u * w * cosine, derivatives


def _frequencies(value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray) -> FloatArray:
    """Return frequencies in rad per frame at which damped fringes explain most of the curves of one age.

    The part that does not oscillate, a constant and a few exponentials fitted to every angle, is subtracted first.
    """
    reach = lag[weight.sum(0) > 0].max(initial=4.0)
    decays = np.geomspace(0.3 / reach, 1.0, 6)
    monotone = np.stack([np.ones_like(lag), *(np.exp(-d * lag) for d in decays)])
    omega = np.arange(1.0 / reach, _FASTEST, 1.0 / reach)
    damping = np.exp(-np.geomspace(0.3 / reach, 0.5, 5)[:, None] * lag)
    gain = np.zeros((omega.size, len(damping)))
    for values, w, angle in zip(value, weight, phi, strict=True):
        root = np.sqrt(w)
        if np.count_nonzero(root) < 12:
            continue
        basis, _ = np.linalg.qr((monotone * root).T)
        rest = root * values - basis @ (basis.T @ (root * values))
        fringe = np.cos(omega[:, None] * np.cos(np.deg2rad(angle)) * lag)
        # Overlap of a damped fringe with every column of the basis and with the residual values.
        with_each = fringe @ (damping[:, None] * root * np.vstack([basis.T, rest])).reshape(-1, lag.size).T
        *on_basis, on_rest = np.moveaxis(with_each.reshape(*gain.shape, -1), -1, 0)
        length = fringe**2 @ (damping**2 * w).T - np.sum(np.square(on_basis), axis=0)
        along = np.maximum(on_rest, 0.0)
        # A fringe with hardly any part orthogonal to the basis is indistinguishable from the monotone part.
        explained = np.where(length > 1e-3 * np.sum(w), along**2 / np.maximum(length, 1e-300), 0.0)
        gain += explained / np.maximum(np.sum(rest**2), 1e-300)
    best = gain.max(axis=1)
    padded = np.pad(best, 1)
    peaks = np.flatnonzero((best >= padded[:-2]) & (best >= padded[2:]) & (best > 0))
    chosen = peaks[np.argsort(-best[peaks])][: _FREQUENCIES - 1]
    return np.append(omega[chosen], 0.5 / reach)


def _grid(value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray) -> FloatArray:
    """Return the best points of a grid for one age, (n_kept, 4), starting with the best of each frequency."""
    seen = weight.sum(0) > 0
    value, weight, lag = value[:, seen], weight[:, seen], lag[seen]
    reach = lag.max(initial=4.0)
    log_rates = np.log(np.geomspace(0.05 / reach, 1.0, _RATES))
    log_ratios = np.log(np.array(_SHARES) / (1 - np.array(_SHARES)))
    found = []
    for omega in _frequencies(value, weight, lag, phi):
        a, b, ratio = (z.ravel() for z in np.meshgrid(log_rates, log_rates, log_ratios, indexing="ij"))
        # At a single age the components are equivalent; the first is the slower one by convention.
        ordered = a <= b
        theta = np.stack([a, b, np.full_like(a, omega), ratio], axis=-1)[ordered]
        cosine = np.cos(omega * (np.cos(np.deg2rad(phi))[:, None] * lag))
        _, _, residual = residuals(_model(theta, lag, cosine), value, weight)
        cost = np.sum(weight * residual**2, axis=(-1, -2))
        found += [(rank, cost[k], theta[k]) for rank, k in enumerate(np.argsort(cost)[:_KEPT])]
    found.sort(key=lambda entry: entry[:2])
    return np.array([theta for *_, theta in found[:_KEPT]])


def refine(theta: FloatArray, curves: Curves) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return theta (n_age, n, 4), cost (n_age, n) and matrix (n_age, n, 4, 4) of the minima reached from theta."""
    reach = curves.lag.max()
    low = np.array([np.log(1e-3 / reach), np.log(1e-3 / reach), 0.0, -6.0])
    high = np.array([np.log(5.0), np.log(5.0), np.pi, 6.0])
    shape = (*theta.shape[:2], *curves.value.shape[1:])
    value, weight = (np.broadcast_to(part[:, None], shape) for part in (curves.value, curves.weight))
    return fit(lambda z: _model_and_derivatives(z, curves.lag, curves.phi), theta, value, weight, (low, high), _STEPS)


def solve_ages(curves: Curves) -> Solutions:
    """Return the best solutions at every age."""
    lag, phi = curves.lag, curves.phi
    starts = np.stack([_grid(v, w, lag, phi) for v, w in zip(curves.value, curves.weight, strict=True)])
    theta, cost, _ = refine(starts, curves)
    order = np.argsort(cost, axis=1)
    theta, cost = np.take_along_axis(theta, order[..., None], 1), np.take_along_axis(cost, order, 1)
    freedom = np.count_nonzero(curves.weight, axis=(1, 2)) - 2 * len(phi) - 4
    return Solutions(theta, cost, cost[:, 0] / np.maximum(freedom, 1))
