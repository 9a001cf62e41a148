"""The equilibrium form at one age: decay rates, fringe frequency and fraction that describe the curves of all angles.

If the sample is stationary around an age, c2 as a function of lag τ is offset + contrast·M with

    M = (A e^{-aτ})² + (B e^{-bτ})² + 2 A B e^{-(a+b)τ} cos(ω cos(phi) τ),    A + B = 1,

a = q²J_r/2, b = q²J_s/2, ω = q v per frame and B/A = (x/(1-x))². Contrast and offset of every angle are linear and
eliminated. Candidates for ω come from `fringes`, the others from a grid; the best are refined together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.age_resolved import Curves, fit, residuals
from heterodyne_nlsq.two_component.fringes import frequencies

type FloatArray = npt.NDArray[np.float64]

_RATES = 8
_SHARES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
_KEPT = 5
_STEPS = 15


@dataclass(frozen=True)
class Solutions:
    """The best solutions at every age, best first.

    `theta` (n_age, n_kept, 4) contains ln a, ln b, ω and ln(B/A), rates per frame, and `sd` (n_age, n_kept, 4) their
    standard deviations; `cost` (n_age, n_kept) is the sum of weighted squares; `noise` (n_age,) is the variance of a
    value of weight 1.
    """

    theta: FloatArray
    sd: FloatArray
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


def _grid(
    frequencies: FloatArray, value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray
) -> FloatArray:
    """Return the best points of a grid for one age, (n_kept, 4), starting with the best of each frequency."""
    seen = weight.sum(0) > 0
    value, weight, lag = value[:, seen], weight[:, seen], lag[seen]
    reach = lag.max(initial=4.0)
    log_rates = np.log(np.geomspace(0.05 / reach, 1.0, _RATES))
    log_ratios = np.log(np.array(_SHARES) / (1 - np.array(_SHARES)))
    found = []
    for omega in frequencies:
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
    starts = np.stack(
        [_grid(f, v, w, lag, phi) for f, v, w in zip(frequencies(curves), curves.value, curves.weight, strict=True)]
    )
    theta, cost, matrix = refine(starts, curves)
    order = np.argsort(cost, axis=1)
    ages = np.arange(len(order))[:, None]
    theta, cost, matrix = theta[ages, order], cost[ages, order], matrix[ages, order]
    freedom = np.count_nonzero(curves.weight, axis=(1, 2)) - 2 * len(phi) - 4
    noise = cost[:, 0] / np.maximum(freedom, 1)
    return Solutions(theta, standard_deviations(matrix, noise[:, None]), cost, noise)


def standard_deviations(matrix: FloatArray, variance: FloatArray) -> FloatArray:
    """Return those (..., 4) of theta, for curvatures (..., 4, 4); infinite if the curves do not determine one."""
    scale = np.sqrt(np.maximum(np.einsum("...kk->...k", matrix), 1e-300))
    values, vectors = np.linalg.eigh(matrix / (scale[..., None] * scale[..., None, :]))
    inverse = np.where(values > 1e-10, 1 / np.maximum(values, 1e-10), np.inf)
    with np.errstate(invalid="ignore"):
        diagonal = np.nansum(np.where(vectors**2 > 1e-12, vectors**2 * inverse[..., None, :], 0.0), axis=-1)
    # Curves without noise have zero variance; undetermined components have to remain infinite.
    return np.asarray(np.sqrt(diagonal * np.maximum(variance, 1e-300)[..., None]) / scale)
