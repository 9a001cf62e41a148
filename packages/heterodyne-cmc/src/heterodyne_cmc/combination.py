"""Combination of the shards by the configured consensus method."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_cmc import diagnostics as measure
from heterodyne_cmc.consensus import (
    Anchors,
    Disagreement,
    disagreement,
    gaussian_draws,
    gaussian_product,
    moments,
    share_left,
    weighted_average,
)
from heterodyne_cmc.importance import K_MOST, Corrected, LogDensity, corrected, resampled_chains
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.methods import METHODS
from heterodyne_cmc.non_gaussianity import NonGaussianity, measured, non_gaussianity
from heterodyne_cmc.population import K_GOOD, ROUNDS, WANTED, Population, sample_population, trusted
from heterodyne_spec import HeterodyneError

if TYPE_CHECKING:
    from heterodyne_cmc.flow import FlowConsensus

type FloatArray = npt.NDArray[np.float64]


_SAID = 10
"""Rounds of weighted draws between two lines on them."""


class SamplingError(HeterodyneError):
    """The sampling of a shard failed, for example because its chains did not move."""


@dataclass(frozen=True)
class Combined:
    """The posterior in unconstrained coordinates.

    `draws` (n_chain, n_draw, n_joint) are those of `method`: draws (one shard), gaussian, average or flow.
    `convergence` holds split R-hat, bulk and tail effective sample size, (3, n_joint). `non_gaussianity` and `flow` are
    None if there was nothing to combine, or no flow. `k_hat` is the shape of the tail of the weights of the posterior
    itself over the Gaussian consensus, NaN where the posterior was not given; `corrected`: whether the draws were
    resampled by it, `exact`: by weights of a density that covers it, so that they are its own whatever the shards are.
    """

    draws: FloatArray
    method: str
    convergence: FloatArray
    apart: Disagreement
    non_gaussianity: NonGaussianity | None = None
    flow: FlowConsensus | None = None
    k_hat: float = math.nan
    corrected: bool = False
    exact: bool = False

    @property
    def bent(self) -> bool:
        """Whether the Gaussian consensus is unreliable. Weights alone do not show this: they contain no information on
        tails not reached by the Gaussian draws, whereas the wider sub-posteriors do, as a deviation from Gaussian."""
        return (self.non_gaussianity is not None and self.non_gaussianity.bent) or self.k_hat >= K_MOST


class Shards(NamedTuple):
    """What a consensus method is made of: joint `draws` of the sub-posteriors (n_shard, n_chain, n_draw, n_joint), the
    seed of what is random, ln of the posterior and anchors, where there are any; `averaged` is the draw-wise weighted
    average with its convergence, `normal` the draws of the Gaussian product, and `exact` tells whether these are
    weighted by a density that covers the posterior.
    """

    draws: FloatArray
    seed: int
    log_density: LogDensity | None
    anchors: Anchors | None
    averaged: Combined
    normal: Corrected
    exact: bool


def combine(
    draws: FloatArray,
    method: str,
    seed: int,
    log_density: LogDensity | None = None,
    anchors: Anchors | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Combined:
    """Return the consensus of joint sub-posterior draws (n_shard, n_chain, n_draw, n_joint).

    Parameters
    ----------
    draws : unconstrained joint coordinates.
    method : draws, one of `heterodyne_cmc.methods.METHODS`, or auto: gaussian, and flow where this cannot be trusted
        and the extra `flow` is installed.
    seed : of what is random in the method.
    log_density : ln of the posterior, (n,) of vectors (n, n_joint), by which the Gaussian and the flow consensus are
        corrected, unless the weights show that they are too far away; a draw-wise average has no density.
    anchors : the product of the anchors of all shards.
    say : called with a line of text before lengthy steps.

    Convergence is that of the weighted average, because independent normal draws would look converged even if the
    chains that gave their mean and covariance were not. For the flow it is the worse of this and that of its own
    chains. Effective sizes of corrected draws are those of their weights.

    Raises
    ------
    SamplingError : if a sub-posterior has zero width.
    ImportError : for flow without its extra.
    """
    _check_width(draws)
    if len(draws) == 1 and method != "gaussian":
        return Combined(draws[0], "draws", convergence(draws[0]), Disagreement(0.0, 0, 1.0, (0.0,)))
    means, covariances = moments(draws)
    away = non_gaussianity(draws, anchors)
    product = gaussian_product(means, covariances, anchors)
    shape = draws.shape[1:3]
    normal = normal_draws(*product, shape, seed, log_density)
    exact = normal if normal.k_hat < K_GOOD and not away.bent else None
    if exact is None and log_density is not None and method in ("auto", "gaussian"):
        # If sub-posteriors are not Gaussian, normal draws may miss parts of the posterior without an effect on their
        # weights.
        say("the Gaussian consensus is inaccurate: starting importance sampling of the full posterior from it")
        exact = adapted_draws(*product, shape, seed, log_density, say)
    if exact is not None and method in ("auto", "gaussian"):
        normal, away = exact, measured(product, exact.draws, exact.share * shape[0] * shape[1])
    averaged = weighted_average(draws, covariances, anchors)
    found = convergence(averaged)
    if anchors is not None:
        found[1:] *= share_left(product[1], anchors)
    common = Combined(averaged, "average", found, disagreement(means, covariances, anchors), away, None, normal.k_hat)
    shards = Shards(draws, seed, log_density, anchors, common, normal, exact is not None)
    if method == "auto":
        method = "flow" if common.bent and exact is None and not METHODS["flow"].missing() else "gaussian"
    found_by: Combined = METHODS[method].combine(shards)
    return found_by


def adapted_draws(
    mean: FloatArray,
    covariance: FloatArray,
    shape: tuple[int, int],
    seed: int,
    log_density: LogDensity,
    say: Callable[[str], None],
) -> Corrected | None:
    """Return draws of the posterior by importance sampling that starts from the Gaussian product, if reliable."""
    spread, kept = root(covariance), shape[0] * shape[1]
    stream = seed, 5  # of its own beside those of partition, chains, consensus, weights and shards

    def tell(rounds: int, found: Population) -> None:
        if rounds % _SAID == 0:
            say(f"round {rounds} of at most {ROUNDS}: {found.effective:.0f} of {WANTED * kept:.0f} effective draws")

    found = sample_population(lambda z: log_density(mean + z @ spread.T), mean.size, WANTED * kept, stream, tell)
    chosen = resampled_chains(found.weights, found.effective, *shape, seed)
    if not (found.own and trusted(found.k_hat, chosen.effective, kept)):
        return None
    return Corrected(mean + found.points[chosen.rows] @ spread.T, found.k_hat, chosen.effective / kept)


def normal_draws(
    mean: FloatArray, covariance: FloatArray, shape: tuple[int, int], seed: int, log_density: LogDensity | None
) -> Corrected:
    """Return draws of the Gaussian product, corrected to the posterior if given and near (else k-hat is NaN)."""
    draws = gaussian_draws(mean, covariance, shape, seed)
    if log_density is None:
        return Corrected(draws, math.nan, 1.0)
    flat = draws.reshape(-1, mean.size)
    away = flat - mean
    log_ratio = np.asarray(log_density(flat), float) + 0.5 * np.sum(away @ inverse(covariance) * away, axis=1)
    return corrected(draws, log_ratio, seed)


def with_draws(combined: Combined, draws: Corrected) -> Combined:
    """Return the consensus with its draws, and how many of them are effective."""
    found = combined.convergence.copy()
    if draws.succeeded:
        found[1:] = draws.share * draws.draws.shape[0] * draws.draws.shape[1]
    return replace(combined, draws=draws.draws, convergence=found, corrected=draws.succeeded)


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


def worst(found: Sequence[FloatArray]) -> FloatArray:
    """Return the largest R-hat and the smallest effective sizes, (3,), of convergences (3, n) each."""
    every = np.concatenate(found, axis=1)
    return np.array([every[0].max(), *every[1:].min(axis=1)])


def worse(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.stack([np.maximum(one[0], other[0]), *np.minimum(one[1:], other[1:])])
