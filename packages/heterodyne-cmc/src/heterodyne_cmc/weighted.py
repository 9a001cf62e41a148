"""Importance sampling of a shard, without chains."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.density import Density
from heterodyne_cmc.importance import resampled_chains
from heterodyne_cmc.joint_vectors import Complete, joint_draws, shard_key
from heterodyne_cmc.population import WANTED, Population, sample_population, shape_of, trusted
from heterodyne_cmc.sub_posterior import Settings, SubPosterior, Tell, Weighted
from heterodyne_cmc.values import values_at
from heterodyne_cmc.whitening import Whitening

type FloatArray = npt.NDArray[np.float64]


def weighted_shard(
    shard: int,
    problem: Density,
    whitening: Whitening,
    settings: Settings,
    tell: Tell = lambda share, divergences: None,
    complete: Complete = joint_draws,
) -> tuple[SubPosterior, Population]:
    """Return the draws of shard number `shard` (from 0), resampled by their weights, and all weighted draws.

    Check `holds` before using these draws.
    """
    begin = time.perf_counter()
    wanted = WANTED * settings.chains * settings.samples
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
            lambda rounds, found: tell(part_done(rounds, found, wanted, settings.rounds), 0),
            most=settings.rounds,
        )
        kept = settings.chains, settings.samples
        chosen = resampled_chains(population.weights, population.effective, *kept, settings.seed)
        z, key = population.points[chosen.rows], shard_key(settings.seed, shard)
        draws = complete(key, z, problem, whitening.centre, whitening.spread, pool.map)
    k_hat = population.k_hat if population.own else math.inf
    made = Weighted(population.log_density[chosen.rows], k_hat, chosen.effective)
    sub = SubPosterior(shard, problem.n_counting, draws, made, 1, (0,), time.perf_counter() - begin)
    return sub, population


def part_done(rounds: int, found: Population, wanted: float, most: int) -> float:
    """Return the finished fraction of the work: half of it is the search for a proposal, the other half its draws.

    A search stops at the latest in round `most`, which bounds the remaining time.
    """
    part = min(found.effective / wanted, 0.99) / 2
    return max(part + (0.5 if found.own else 0.0), rounds / (most + 1))


def holds(sub: SubPosterior, settings: Settings) -> bool:
    """Return whether weighted draws are reliable and sufficient."""
    made = sub.made
    return isinstance(made, Weighted) and trusted(made.k_hat, made.effective, settings.chains * settings.samples)


def learned(whitening: Whitening, population: Population, chains: int, seed: int) -> tuple[Whitening, FloatArray]:
    """Return coordinates and starts (n_chain, n_dim) of chains after an importance sampling that was not reliable.

    The draws describe the shape of the density better than the curvature at one point.
    """
    shape = shape_of(population, (seed, 7), chains)
    centre, spread = whitening.centre + whitening.spread @ shape.mean, whitening.spread @ shape.root
    starts = np.linalg.solve(shape.root, (shape.places - shape.mean).T).T
    return replace(whitening, centre=centre, spread=spread), starts
