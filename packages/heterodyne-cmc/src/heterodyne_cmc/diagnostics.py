"""Whether chains have converged: split R-hat, bulk and tail effective sample size, BFMI, contraction.

Vehtari, Gelman, Simpson, Carpenter & Bürkner, Bayesian Analysis 16, 667 (2021), equations in the comments.

Why not arviz-stats 1.3, with which a test compares: its R-hat is the same and its effective sample sizes agree to 1
%, but they are too large for a few or constant draws, there is no R-hat for a single chain, and the import takes 0.75
s and 38 MB in every worker.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

type FloatArray = npt.NDArray[np.float64]

FEWEST_DRAWS = 8
"""Draws per chain below which the diagnostics are NaN, because half a chain must have a variance and a correlation."""


def _split(x: FloatArray) -> FloatArray:
    """Return chains (n_chain, n_draw, ...) split in halves, without the middle draw of an odd number."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]], axis=0)


def _normal_scores(x: FloatArray) -> FloatArray:
    """Return the normal quantiles of the ranks over all chains, per coordinate (eq. 14)."""
    flat = x.reshape(-1, *x.shape[2:])
    # Ties share their mean rank: the first and the last place of a value in the sorted order, averaged.
    ordered = np.sort(flat, axis=0)
    rank = np.empty(flat.shape)
    for k in np.ndindex(*flat.shape[1:]):
        column, values = ordered[(slice(None), *k)], flat[(slice(None), *k)]
        left, right = np.searchsorted(column, values, "left"), np.searchsorted(column, values, "right")
        rank[(slice(None), *k)] = (left + right + 1) / 2
    return np.asarray(ndtri((rank - 0.375) / (len(flat) + 0.25))).reshape(x.shape)


def _variances(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean variance within chains and the estimate of the posterior's variance (eqs. 1-3)."""
    n = x.shape[1]
    within = x.var(axis=1, ddof=1).mean(axis=0)
    return within, within * (n - 1) / n + x.mean(axis=1).var(axis=0, ddof=1)


def _r_hat(x: FloatArray) -> FloatArray:
    """Return R-hat of split chains (eq. 4); NaN for constant values."""
    within, total = _variances(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(within > 0, np.sqrt(total / within), np.nan)


def _autocovariance(x: FloatArray) -> FloatArray:
    """Return the biased autocovariance of each chain over its lags, the shape of `x`."""
    n = x.shape[1]
    away = x - x.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(away, n=2 * n, axis=1)
    return np.fft.irfft(np.abs(spectrum) ** 2, n=2 * n, axis=1)[:, :n] / n


def _ess(x: FloatArray) -> FloatArray:
    """Return the effective sample size of split chains (eqs. 9-13), by Geyer's initial monotone sequence."""
    n_chain, n = x.shape[:2]
    within, total = _variances(x)
    covariance = _autocovariance(x).mean(axis=0) * n / (n - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = 1.0 - (within - covariance) / total
    rho[0] = 1.0
    pairs = rho[0 : 2 * (n // 2) : 2] + rho[1 : 2 * (n // 2) : 2]
    # Sums of adjacent lags are positive and decrease; from the first negative one onwards they are noise.
    kept = np.logical_and.accumulate(pairs > 0, axis=0)
    monotone = np.minimum.accumulate(np.where(kept, pairs, 0.0), axis=0)
    tau = np.maximum(2.0 * monotone.sum(axis=0) - 1.0, 1.0 / np.log10(n_chain * n))
    return np.where(total > 0, n_chain * n / tau, np.nan)


def _undefined(x: FloatArray) -> FloatArray | None:
    """Return NaN per coordinate when there are too few draws, or None."""
    return np.full(x.shape[2:], np.nan) if x.shape[1] < FEWEST_DRAWS else None


def split_r_hat(x: FloatArray) -> FloatArray:
    """Return the rank-normalised split R-hat of draws (n_chain, n_draw, ...): the larger of that of the draws and
    that of their distance from the median (section 4.2)."""
    if (undefined := _undefined(x)) is not None:
        return undefined
    halves = _split(x)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return np.maximum(_r_hat(_normal_scores(halves)), _r_hat(_normal_scores(folded)))


def ess_bulk(x: FloatArray) -> FloatArray:
    """Return the effective sample size of the rank-normalised draws (n_chain, n_draw, ...) (section 4.3)."""
    return undefined if (undefined := _undefined(x)) is not None else _ess(_normal_scores(_split(x)))


def ess_tail(x: FloatArray) -> FloatArray:
    """Return the smaller effective sample size of the 5 % and 95 % quantiles (section 4.3)."""
    if (undefined := _undefined(x)) is not None:
        return undefined
    halves = _split(x)
    ends = np.quantile(halves, (0.05, 0.95), axis=(0, 1))
    return np.minimum(*(_ess((halves <= end).astype(float)) for end in ends))


def bfmi(energy: FloatArray) -> FloatArray:
    """Return the Bayesian fraction of missing information per chain of energies (n_chain, n_draw).

    Betancourt 2016 (arXiv:1604.00695): below 0.3 the energy changes due to the momentum do not cover the posterior.
    """
    if energy.shape[1] < 2:
        return np.full(energy.shape[0], np.nan)
    variance = energy.var(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance > 0, np.mean(np.diff(energy, axis=1) ** 2, axis=1) / variance, np.nan)


def tree_depth(steps: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the depth of the NUTS tree of a number of leapfrog steps."""
    return np.ceil(np.log2(np.asarray(steps, float) + 1.0)).astype(np.int64)


def contraction(posterior_sd: FloatArray, prior_sd: FloatArray) -> FloatArray:
    """Return 1 - (posterior variance)/(prior variance): 1 if determined by the data, 0 if only by the prior."""
    return 1.0 - (posterior_sd / prior_sd) ** 2


def standard_error(x: FloatArray) -> FloatArray:
    """Return the Monte Carlo standard error of the mean of correlated draws (n_chain, n_draw, ...).

    With fewer than `FEWEST_DRAWS` draws per chain, the error of independent draws.
    """
    if x.shape[1] < FEWEST_DRAWS:
        return x.std(axis=(0, 1)) / np.sqrt(x.shape[0] * x.shape[1])
    sd = x.std(axis=(0, 1))
    # Constant values, for which the ESS is undefined, have no error.
    return np.where(sd > 0, sd / np.sqrt(np.nan_to_num(_ess(_split(x)), nan=1.0)), 0.0)
