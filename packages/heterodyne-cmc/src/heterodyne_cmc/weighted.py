"""The draws of a shard by importance sampling: values of its density, no chain."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.density import ShardProblem
from heterodyne_cmc.importance import resample
from heterodyne_cmc.joint import joint_draws, shard_key
from heterodyne_cmc.population import K_MOST, Population, sample_population, shape_of
from heterodyne_cmc.sub_posterior import Settings, SubPosterior, Tell, Weighted
from heterodyne_cmc.values import values_at
from heterodyne_cmc.whitening import Whitening

type FloatArray = npt.NDArray[np.float64]

_WANTED = 0.3
"""Effective draws at which the rounds end, per draw that is kept."""


def weighted_shard(
    shard: int,
    problem: ShardProblem,
    whitening: Whitening,
    settings: Settings,
    tell: Tell = lambda share, divergences: None,
) -> tuple[SubPosterior, Population]:
    """Return the draws of shard number `shard` (from 0), resampled by their weights, and all of them with these.

    Every chain is resampled from draws of its own: where the weights of a few draws decide, the chains differ.
    Look at `trusted` before these draws are used.
    """
    begin = time.perf_counter()
    wanted = _WANTED * settings.chains * settings.samples
    with ThreadPoolExecutor(settings.threads) as pool:
        population = sample_population(
            lambda points: values_at(points, problem, whitening.centre, whitening.spread, pool.map),
            whitening.centre.size,
            wanted,
            (
                settings.seed,
                shard,
                4,
            ),  # 4: a stream of its own beside those of partition, chains, consensus and weights
            lambda rounds, found: tell(min(found.effective / wanted, 0.99), 0),
        )
    chosen, effective = _resampled(population, settings)
    k_hat = population.k_hat if population.own else math.inf
    made = Weighted(population.log_density[chosen], k_hat, effective, population.weights.size)
    z, key = population.points[chosen], shard_key(settings.seed, shard)
    draws = joint_draws(key, z, problem, whitening.centre, whitening.spread)
    sub = SubPosterior(shard, problem.pairs.n_counting, draws, made, 1, (0,), time.perf_counter() - begin)
    return sub, population


def trusted(sub: SubPosterior, settings: Settings) -> bool:
    """Return whether weighted draws are those of the posterior, and enough."""
    made, wanted = sub.made, _WANTED * settings.chains * settings.samples
    return isinstance(made, Weighted) and made.k_hat < K_MOST and made.effective >= 0.8 * wanted


def learned(whitening: Whitening, population: Population, chains: int, seed: int) -> tuple[Whitening, FloatArray]:
    """Return coordinates in which chains move easily where weights did not do, and where they begin, (n_chain, n_dim).

    The draws know the shape of the density better than the curvature at one point does.
    """
    shape = shape_of(population, (seed, 7), chains)
    centre, spread = whitening.centre + whitening.spread @ shape.mean, whitening.spread @ shape.root
    starts = np.linalg.solve(shape.root, (shape.places - shape.mean).T).T
    return replace(whitening, centre=centre, spread=spread), starts


def _resampled(population: Population, settings: Settings) -> tuple[npt.NDArray[np.int_], float]:
    """Return which points are kept, (n_chain, n_draw), and how many independent draws these are worth."""
    chains, samples = settings.chains, settings.samples
    variance, rows = float(np.sum(population.weights**2)), []
    for chain in range(chains):
        own = np.arange(chain, population.weights.size, chains)
        weights = population.weights[own] / population.weights[own].sum()
        rows.append(own[resample(np.arange(own.size), weights, settings.seed + chain, samples)])
        # What systematic resampling leaves to chance: whether a draw comes once more.
        more = np.modf(samples * weights)[0]
        variance += float(np.sum(more * (1.0 - more))) / (chains * samples) ** 2
    return np.stack(rows), 1.0 / variance
