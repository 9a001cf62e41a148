"""Pareto-smoothed importance sampling: from draws of an approximation to draws of the target density.

Vehtari, Simpson, Gelman, Yao & Gabry, Journal of Machine Learning Research 25 (2024), 72; the fit of the tail is that
of Zhang & Stephens, Technometrics 51, 316 (2009). Equations in the comments.

Why not arviz-stats 1.3, with which a test compares: its weights and k-hat are the same, but equal weights and few
draws are an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]
type LogDensity = Callable[[FloatArray], FloatArray]
"""ln of a density, up to a constant, of points (n, n_dim): (n,)."""

K_MOST = 0.7
"""Shape of the tail of the weights from which their mean is unreliable (section 3.2.4)."""
_FEWEST = 5
"""Smallest number of largest weights to which a tail is fitted."""


def smoothed_weights(log_ratio: FloatArray) -> tuple[FloatArray, float]:
    """Return the normalised weights (n,) of draws and the shape k-hat of their tail.

    Parameters
    ----------
    log_ratio : (n,), ln of the target density over that of the draws, up to a constant. The weight is 0 if it is -inf.

    Returns
    -------
    The weights, and k-hat: good below 0.5; from `K_MOST` on the weights must not be used; infinite if there are too few
    draws.
    """
    if np.isnan(log_ratio).any() or not np.isfinite(log_ratio.max(initial=-np.inf)):
        return np.full(log_ratio.shape, 1.0 / max(log_ratio.size, 1)), np.inf
    ratio = np.exp(log_ratio - log_ratio.max())
    # Section 3.2.2: the largest min(n/5, 3 √n).
    n_tail = int(np.ceil(min(0.2 * ratio.size, 3.0 * np.sqrt(ratio.size))))
    order = np.argsort(ratio, kind="stable")
    tail, threshold = order[-n_tail:], ratio[order[-n_tail - 1]] if ratio.size > n_tail else 0.0
    excess = ratio[tail] - threshold
    if n_tail < _FEWEST:
        return ratio / ratio.sum(), np.inf
    if excess[-1] <= np.finfo(float).eps * ratio[order[-1]] * 1e3:
        return ratio / ratio.sum(), -np.inf  # all weights are the same
    k, scale = _pareto(np.maximum(excess, np.finfo(float).tiny))
    if np.isfinite(k):
        # Equation 11: expected order statistics in place of the largest weights, none above the largest.
        p = (np.arange(1, n_tail + 1) - 0.5) / n_tail
        ratio[tail] = np.minimum(threshold + _quantile(p, k, scale), 1.0)
    return ratio / ratio.sum(), k


def _pareto(excess: FloatArray) -> tuple[float, float]:
    """Return shape and scale of the generalised Pareto distribution of ascending values (n,).

    Zhang & Stephens: the posterior mean of θ = -k/σ on a grid, the likelihood profiled over k; k is then regularised
    towards 1/2 with the weight of ten values (Vehtari et al., appendix G).
    """
    n = excess.size
    n_grid = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    theta = 1.0 / excess[-1] + (1.0 - np.sqrt(n_grid / (np.arange(1, n_grid + 1) - 0.5))) / (3.0 * quartile)
    shape = np.mean(np.log1p(-theta[:, None] * excess), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        profile = n * (np.log(-theta / shape) - shape - 1.0)
    profile = np.where(np.isfinite(profile), profile, -np.inf)
    weights = np.exp(profile - profile.max())
    best = float(weights @ theta / weights.sum())
    k = float(np.mean(np.log1p(-best * excess)))
    scale = -k / best
    return (n * k + 5.0) / (n + 10.0), scale


def _quantile(p: FloatArray, k: float, scale: float) -> FloatArray:
    """Return quantiles of the generalised Pareto distribution."""
    if k == 0:
        return -scale * np.log1p(-p)
    with np.errstate(over="ignore"):  # only for a k that is rejected anyway
        return scale * np.expm1(-k * np.log1p(-p)) / k


class Corrected(NamedTuple):
    """Draws (n_chain, n_draw, n_joint) of the target density, the k-hat of their weights, and the fraction of effective
    draws. With a k-hat of `K_MOST` or more the draws are those of the approximation, and the fraction is 1."""

    draws: FloatArray
    k_hat: float
    share: float

    @property
    def succeeded(self) -> bool:
        """Whether the draws are those of the target density."""
        return self.k_hat < K_MOST


def corrected(draws: FloatArray, log_ratio: FloatArray, seed: int) -> Corrected:
    """Return draws (n_chain, n_draw, n_joint) of an approximation converted to draws of the target density.

    `log_ratio`, (n_chain * n_draw,): ln of the target density over that of the approximation, up to a constant.
    """
    weights, k_hat = smoothed_weights(log_ratio)
    if not k_hat < K_MOST:
        return Corrected(draws, k_hat, 1.0)
    chosen = resample(draws.reshape(-1, draws.shape[-1]), weights, seed).reshape(draws.shape)
    return Corrected(chosen, k_hat, float(1.0 / (weights.size * np.sum(weights**2))))


class Chosen(NamedTuple):
    """Indices of the kept draws, (n_chain, n_draw), and their effective number."""

    rows: npt.NDArray[np.int_]
    effective: float


def resampled_chains(weights: FloatArray, effective: float, chains: int, samples: int, seed: int) -> Chosen:
    """Return draws resampled by their weights (n,), which sum to 1 and have an effective number `effective`, as chains.

    Every chain is resampled from its own draws, so that chains differ if a few draws dominate.
    """
    variance, rows = 1.0 / effective, []
    for chain in range(chains):
        own = np.arange(chain, weights.size, chains)
        share = weights[own] / weights[own].sum()
        rows.append(own[resample(np.arange(own.size), share, seed + chain, samples)])
        # The random part of systematic resampling: whether a draw is repeated once more.
        more = np.modf(samples * share)[0]
        variance += float(np.sum(more * (1.0 - more))) / (chains * samples) ** 2
    return Chosen(np.stack(rows), 1.0 / variance)


def resample[T: np.generic](
    draws: npt.NDArray[T], weights: FloatArray, seed: int, count: int | None = None
) -> npt.NDArray[T]:
    """Return `count` draws (by default as many as given), resampled by their weights with repeats.

    Systematic resampling: every draw occurs floor or ceil of n times its weight, with the least variance; in random
    order.
    """
    rng = np.random.default_rng([seed, 3])  # 3: a stream of its own beside those of partition, chains and consensus
    n = len(draws) if count is None else count
    places = (np.arange(n) + rng.uniform()) / n
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), places), len(draws) - 1)
    return draws[rng.permutation(chosen)]
