"""The consensus by its configured name: which method combines the shards, and what it found."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from heterodyne_cmc import diagnostics as measure
from heterodyne_cmc.consensus import (
    Disagreement,
    disagreement,
    gaussian_draws,
    gaussian_product,
    moments,
    weighted_average,
)
from heterodyne_cmc.departure import Departure, departure
from heterodyne_cmc.importance import K_MOST, smoothed_weights
from heterodyne_cmc.linalg import inverse
from heterodyne_spec import HeterodyneError

if TYPE_CHECKING:
    from heterodyne_cmc.flow import FlowConsensus

type FloatArray = npt.NDArray[np.float64]
type LogDensity = Callable[[FloatArray], FloatArray]
"""ln of a density, up to a constant, of vectors (n, n_joint) of unconstrained joint coordinates: (n,)."""

FLOW_REQUIREMENT = 'pip install "heterodyne-cmc[flow]"'


class SamplingError(HeterodyneError):
    """The chains of a shard did not move."""


@dataclass(frozen=True)
class Combined:
    """The posterior in unconstrained coordinates.

    `draws` (n_chain, n_draw, n_joint) are those of `method`: draws (one shard), gaussian, average or flow.
    `convergence` holds split R-hat, bulk and tail effective sample size, (3, n_joint). `departure` and `flow` are None
    where there was nothing to combine, or no flow. `k_hat` is the shape of the tail of the weights of the posterior
    itself over the Gaussian consensus, NaN where the posterior was not given.
    """

    draws: FloatArray
    method: str
    convergence: FloatArray
    apart: Disagreement
    departure: Departure | None
    flow: FlowConsensus | None
    k_hat: float = math.nan

    @property
    def bent(self) -> bool:
        """Whether the Gaussian consensus cannot be trusted."""
        return (self.departure is not None and self.departure.bent) or self.k_hat >= K_MOST


_LOOKED_AT = 500
"""Draws of the Gaussian consensus at which it is compared with the posterior."""


def flow_available() -> bool:
    """Return whether what the extra `flow` installs is there."""
    return all(importlib.util.find_spec(name) is not None for name in ("flax", "optax"))


def combine(draws: FloatArray, method: str, seed: int, log_density: LogDensity | None = None) -> Combined:
    """Return the consensus of joint sub-posterior draws (n_shard, n_chain, n_draw, n_joint).

    Parameters
    ----------
    draws : unconstrained joint coordinates.
    method : draws, gaussian, average, flow, or auto: gaussian, and flow where the departure of the sub-posteriors from
        Gaussian ones shows that this cannot be trusted and the extra `flow` is installed.
    seed : of what is random in the method.
    log_density : ln of the true density of the product, (n,) of vectors (n, n_joint), by which the flow consensus is
        corrected; see `heterodyne_cmc.flow.flow_consensus`.

    Convergence is that of the weighted average: independent normal draws would look converged whatever the chains did
    that gave their mean and covariance. For the flow it is the worse of this and that of its own chains.

    Raises
    ------
    SamplingError : when a sub-posterior has no width.
    ImportError : for flow without its extra.
    """
    _check_width(draws)
    if len(draws) == 1 and method != "gaussian":
        return Combined(draws[0], "draws", convergence(draws[0]), Disagreement(0.0, 0, 1.0, (0.0,)), None, None)
    means, covariances = moments(draws)
    away = departure(draws)
    product = gaussian_product(means, covariances)
    k_hat = math.nan if log_density is None else _distance(*product, log_density, seed)
    if method == "auto":
        method = "flow" if (away.bent or k_hat >= K_MOST) and flow_available() else "gaussian"
    averaged = weighted_average(draws, covariances)
    found, flow = convergence(averaged), None
    if method == "flow":
        from heterodyne_cmc.flow import flow_consensus

        flow = flow_consensus(draws, seed, log_density)
        combined = flow.draws
        if flow.chains is not None:
            found = _worse(found, convergence(flow.chains))
    elif method == "gaussian":
        combined = gaussian_draws(*product, draws.shape[1:3], seed)
    else:
        combined = averaged
    return Combined(combined, method, found, disagreement(means, covariances), away, flow, k_hat)


def _distance(mean: FloatArray, covariance: FloatArray, log_density: LogDensity, seed: int) -> float:
    """Return k-hat of draws of the Gaussian product weighted by the posterior itself."""
    draws = gaussian_draws(mean, covariance, (1, _LOOKED_AT), seed)[0]
    away = draws - mean
    log_ratio = np.asarray(log_density(draws), float) + 0.5 * np.sum(away @ inverse(covariance) * away, axis=1)
    return smoothed_weights(log_ratio)[1]


def _check_width(draws: FloatArray) -> None:
    stuck = [s for s, shard in enumerate(draws) if not np.all(shard.reshape(-1, draws.shape[-1]).std(axis=0) > 0)]
    if stuck:
        raise SamplingError(
            f"the chains of shard {', '.join(str(s + 1) for s in stuck)} did not move; start from an NLSQ result, "
            "raise cmc.warmup, or use fewer shards"
        )


def convergence(draws: FloatArray) -> FloatArray:
    """Return split R-hat, bulk and tail effective sample size, (3, n_joint), of draws (n_chain, n_draw, n_joint)."""
    return np.stack([measure.split_r_hat(draws), measure.ess_bulk(draws), measure.ess_tail(draws)])


def _worse(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.stack([np.maximum(one[0], other[0]), *np.minimum(one[1:], other[1:])])
