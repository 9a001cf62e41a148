"""What the sampling of a shard leaves: its draws, and how they were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.population import ROUNDS

type FloatArray = npt.NDArray[np.float64]

type Tell = Callable[[float, int], None]
"""Called while a shard is sampled: the share of its steps that are made, and divergences so far."""


class Settings(NamedTuple):
    """How a shard is sampled: so many chains of so many draws each, from a seed, `threads` of them at once; weighted
    draws in at most so many `rounds`."""

    chains: int
    samples: int
    seed: int
    threads: int = 1
    rounds: int = ROUNDS


class Chains(NamedTuple):
    """What chains leave, (n_chain, n_draw) each; `z` (n_chain, n_draw, n_dim),
    `step_size` (n_chain,)."""

    z: Any
    diverging: Any
    energy: Any
    log_density: Any
    acceptance: Any
    steps: Any
    step_size: Any


class Weighted(NamedTuple):
    """What weighted draws leave: `log_density` of those kept, (n_chain, n_draw); the shape `k_hat` of the tail of the
    weights, and the number of `effective` draws."""

    log_density: Any
    k_hat: float
    effective: float


@dataclass(frozen=True)
class SubPosterior:
    """The draws of one shard in unconstrained coordinates, and how they were made.

    `draws` (n_chain, n_draw, n_joint): unconstrained parameters, ln σ, coefficients of contrast and of offset. `made`
    says how. `divergences` counts those of every attempt of chains; the draws are of the last.
    """

    shard: int
    n_pairs: int
    draws: FloatArray
    made: Chains | Weighted
    attempts: int
    divergences: tuple[int, ...]
    seconds: float
