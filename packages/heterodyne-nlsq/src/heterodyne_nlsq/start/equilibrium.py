"""The equilibrium form at one age: which decays, fringes and fractions describe the curves of all angles.

At an age around which nothing changes, c2 against lag τ is offset + contrast·M with

    M = (A e^{-aτ})² + (B e^{-bτ})² + 2 A B e^{-(a+b)τ} cos(ω cos(phi) τ),    A + B = 1,

a = q²J_r/2, b = q²J_s/2, ω = q v per frame and B/A = (x/(1-x))². Contrast and offset of every angle are linear and
never searched for. Frequencies are found by a matched filter, the rest on a grid; the best are refined together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.start.ages import Curves

type FloatArray = npt.NDArray[np.float64]

_RATES = 8
_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
_FREQUENCIES = 4
_KEPT = 3
_STEPS = 15
_FASTEST = 1.6
"""Highest frequency that is looked for, in rad per frame."""


@dataclass(frozen=True)
class Solutions:
    """The best descriptions at every age, best first: `theta` (n_age, n_kept, 4) holds ln a, ln b, ω and ln(B/A), rates
    per frame; `cost` (n_age, n_kept) the sum of weighted squares, infinite where there is no description; `noise`
    (n_age,) the variance of a value of weight 1.
    """

    theta: FloatArray
    cost: FloatArray
    noise: FloatArray


def model(theta: FloatArray, lag: FloatArray, phi: FloatArray) -> FloatArray:
    """Return M (..., n_phi, n_lag) of theta (..., 4)."""
    share = 1 / (1 + np.exp(-theta[..., 3, None, None]))
    u = (1 - share) * np.exp(-np.exp(theta[..., 0, None, None]) * lag)
    w = share * np.exp(-np.exp(theta[..., 1, None, None]) * lag)
    cosine = np.cos(theta[..., 2, None, None] * (np.cos(np.deg2rad(phi))[:, None] * lag))
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


def _centred(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Return values without their weighted mean over lag."""
    total = np.maximum(weight.sum(-1, keepdims=True), 1e-300)
    return np.asarray(values - np.sum(weight * values, -1, keepdims=True) / total)


def _length(m: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the squared length of centred models; a flat one has none, and no contrast comes of it."""
    return np.asarray(np.sum(weight * m * m, -1) + 1e-9 * np.sum(weight, -1) + 1e-300)


def _scaled(m: FloatArray, data: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the centred model, its contrast (not negative) and the residual, contrast and offset at their best."""
    m, data = _centred(m, weight), _centred(data, weight)
    mm = _length(m, weight)
    contrast = np.maximum(np.sum(weight * m * data, -1) / mm, 0.0)
    return m, contrast, data - contrast[..., None] * m


def _frequencies(value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray) -> FloatArray:
    """Return frequencies in rad per frame with which decaying fringes explain most of the curves of one age.

    What does not oscillate is taken out first: a constant and a few exponentials, fitted to every angle.
    """
    reach = lag[weight.sum(0) > 0].max(initial=4.0)
    decays = np.geomspace(0.3 / reach, 1.0, 6)
    monotone = np.stack([np.ones_like(lag), *(np.exp(-d * lag) for d in decays)])
    omega = np.arange(1.0 / reach, _FASTEST, 1.0 / reach)
    damping = np.exp(-np.geomspace(0.3 / reach, 0.5, 5)[:, None] * lag)
    gain = np.zeros((len(damping), omega.size))
    for values, w, angle in zip(value, weight, phi, strict=True):
        root = np.sqrt(w)
        if np.count_nonzero(root) < 12:
            continue
        basis, _ = np.linalg.qr((monotone * root).T)
        rest = root * values - basis @ (basis.T @ (root * values))
        fringe = np.cos(omega[:, None] * np.cos(np.deg2rad(angle)) * lag)
        waves = (damping[:, None] * fringe * root).reshape(-1, lag.size)
        waves = waves - (waves @ basis) @ basis.T
        length = np.einsum("kl,kl->k", waves, waves)
        along = np.maximum(waves @ rest, 0.0)
        # Where hardly anything of a wave is left, the monotone part can say the same.
        explained = np.where(length > 1e-3 * np.sum(w), along**2 / np.maximum(length, 1e-300), 0.0)
        gain += explained.reshape(gain.shape) / np.maximum(np.sum(rest**2), 1e-300)
    best = gain.max(axis=0)
    padded = np.pad(best, 1)
    peaks = np.flatnonzero((best >= padded[:-2]) & (best >= padded[2:]) & (best > 0))
    chosen = peaks[np.argsort(-best[peaks])][: _FREQUENCIES - 1]
    return np.append(omega[chosen], 0.5 / reach)


def _grid(value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray) -> FloatArray:
    """Return the best points of a grid for one age, (n_kept, 4), different frequencies or orders of the rates first."""
    reach = lag[weight.sum(0) > 0].max(initial=4.0)
    log_rates = np.log(np.geomspace(0.05 / reach, 1.0, _RATES))
    log_ratios = np.log(np.array(_SHARES) / (1 - np.array(_SHARES)))
    found = []
    for omega in _frequencies(value, weight, lag, phi):
        a, b, ratio = (z.ravel() for z in np.meshgrid(log_rates, log_rates, log_ratios, indexing="ij"))
        # The two components look alike at one age: the first is the slower one here.
        ordered = a <= b
        theta = np.stack([a, b, np.full_like(a, omega), ratio], axis=-1)[ordered]
        _, _, residual = _scaled(model(theta, lag, phi), value, weight)
        cost = np.sum(weight * residual**2, axis=(-1, -2))
        found += [(rank, cost[k], theta[k]) for rank, k in enumerate(np.argsort(cost)[:_KEPT])]
    found.sort(key=lambda entry: entry[:2])
    return np.array([theta for *_, theta in found[:_KEPT]])


def _refine(
    theta: FloatArray, value: FloatArray, weight: FloatArray, lag: FloatArray, phi: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return theta (..., 4) and cost (...) after damped Gauss-Newton steps, all problems at once."""

    def evaluate(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        m, derivatives = _model_and_derivatives(z, lag, phi)
        m, contrast, residual = _scaled(m, value, weight)
        w = weight[..., None, :, :]
        d = _centred(derivatives, w)
        mm = _length(m, weight)
        overlap = np.sum(w * d * m[..., None, :, :], -1) / mm[..., None, :]
        j = contrast[..., None, :, None] * (d - overlap[..., None] * m[..., None, :, :])
        gradient = np.einsum("...kpl,...pl->...k", j, weight * residual)
        matrix = np.einsum("...kpl,...mpl->...km", j * w, j)
        return np.sum(weight * residual**2, axis=(-1, -2)), gradient, matrix

    reach = lag.max()
    low = np.array([np.log(1e-3 / reach), np.log(1e-3 / reach), 0.0, -6.0])
    high = np.array([np.log(5.0), np.log(5.0), np.pi, 6.0])
    damping = np.full(theta.shape[:-1], 1e-2)
    cost, gradient, matrix = evaluate(theta)
    for _ in range(_STEPS):
        diagonal = np.einsum("...kk->...k", matrix)
        floor = 1e-12 * np.max(diagonal, -1, keepdims=True) + 1e-300
        ridge = (damping[..., None] * diagonal + floor)[..., None] * np.eye(4)
        step = np.linalg.solve(matrix + ridge, gradient[..., None])[..., 0]
        trial = np.clip(theta + np.clip(step, -1.0, 1.0), low, high)
        cost_there, gradient_there, matrix_there = evaluate(trial)
        better = cost_there < cost
        theta = np.where(better[..., None], trial, theta)
        gradient = np.where(better[..., None], gradient_there, gradient)
        matrix = np.where(better[..., None, None], matrix_there, matrix)
        cost = np.where(better, cost_there, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-6, 1e6)
    return theta, cost


def solve_ages(curves: Curves) -> Solutions:
    """Return the best descriptions at every age."""
    lag, phi = curves.lag, curves.phi
    starts = np.stack([_grid(v, w, lag, phi) for v, w in zip(curves.value, curves.weight, strict=True)])
    shape = (*starts.shape[:2], *curves.value.shape[1:])
    value = np.broadcast_to(curves.value[:, None], shape)
    weight = np.broadcast_to(curves.weight[:, None], shape)
    theta, cost = _refine(starts, value, weight, lag, phi)
    order = np.argsort(cost, axis=1)
    theta, cost = np.take_along_axis(theta, order[..., None], 1), np.take_along_axis(cost, order, 1)
    freedom = np.count_nonzero(curves.weight, axis=(1, 2)) - 2 * len(phi) - 4
    return Solutions(theta, cost, cost[:, 0] / np.maximum(freedom, 1))
