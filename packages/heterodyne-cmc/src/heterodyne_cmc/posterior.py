"""A posterior: draws, table, diagnostics and warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_data import FittedData, short_text
from heterodyne_spec import count_noun

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SummaryRow:
    """One row of the table: a parameter, the noise, or contrast or offset of one angle (`phi` in degrees).

    `lower_68` .. `upper_95` are the ends of the central intervals. `contraction` is 1 - (posterior variance)/(prior
    variance) in the sampled coordinate. `ess_bulk`, `ess_tail` and `r_hat` are those of the draw-wise weighted
    average of the shards, from which the Gaussian consensus has its mean and covariance too.
    """

    name: str
    unit: str
    phi: float | None
    status: str
    mean: float
    sd: float
    lower_68: float
    upper_68: float
    lower_95: float
    upper_95: float
    ess_bulk: float
    ess_tail: float
    r_hat: float
    contraction: float


@dataclass(frozen=True)
class ShardDiagnostics:
    """Diagnostics of one shard: the worst value over all sampled values and chains.

    `k_hat` is the shape of the tail of its weights, NaN where chains made the draws.
    """

    shard: int
    n_pairs: int
    attempts: int
    divergences: tuple[int, ...]
    r_hat: float
    ess_bulk: float
    ess_tail: float
    bfmi: float
    tree_depth: int
    saturated: int
    acceptance: float
    step_size: tuple[float, ...]
    disagreement: float
    seconds: float
    k_hat: float = math.nan


@dataclass(frozen=True)
class Diagnostics:
    """Diagnostics of the consensus.

    `chi2`, `dof` and `p` compare the means of the sub-posteriors with their full covariances. `outside` is the
    fraction of draws with a contrast or offset outside its bounds, which the analytical integration ignores.

    `bent` states that the Gaussian consensus and the average are unreliable: far from the posterior of all pairs
    (`k_hat` of their draws), or, to first order, the third and fourth moments of the sub-posteriors shift a mean by
    `consensus_shift` posterior sd and change an sd by the fraction `consensus_width` (the largest significant ones, 0
    if there are none; see `heterodyne_cmc.non_gaussianity`). `dof` is not an integer for anchored shards, because the
    part due to the anchor does not scatter. `flows` is the number of shards whose flow replaced the Gaussian,
    `flow_divergences` the number of divergent steps on their product, `k_hat` the shape of the tail of the weights of
    the posterior of all pairs over the product of flows, or over the Gaussian product without flows (NaN for one shard
    or equal weights; at most 1000), and `corrected` whether the draws were corrected with these weights; `exact`,
    whether the proposal covers the posterior, so that the draws are exact whatever the sub-posteriors are.
    """

    shards: tuple[ShardDiagnostics, ...]
    divergences: int
    r_hat: float
    ess_bulk: float
    ess_tail: float
    bfmi: float
    chi2: float
    dof: float
    p: float
    outside: float
    bent: bool
    consensus_shift: float
    consensus_width: float
    flows: int
    flow_divergences: int
    k_hat: float
    corrected: bool
    exact: bool = False


BESIDE = ("contrast", "offset", "noise_sd")
"""Quantities drawn in addition to the parameters of the model."""

QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)
"""Levels of the bands: the median between the ends of the central 68 % and 95 % intervals."""


@dataclass(frozen=True)
class PosteriorBands:
    """Quantiles of the functions of age over the draws.

    `t` (n_age,) in s; `quantiles` maps J_r, J_s, v and x to (5, n_age) in its unit, at the levels `QUANTILES`.
    """

    t: FloatArray
    quantiles: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Calibration:
    """Treatment of noise correlated between pairs: `kind` is calibrated or independent, `power` the weight of a pair
    relative to an independent measurement."""

    kind: str
    power: float
    statement: str


@dataclass(frozen=True, repr=False)
class Posterior:
    """The content of a posterior; `CMCResult` describes its attributes."""

    draws: Mapping[str, FloatArray]
    contrast: FloatArray
    offset: FloatArray
    noise_sd: FloatArray
    sub_draws: Mapping[str, FloatArray]
    sample_stats: Mapping[str, npt.NDArray[Any]]
    bands: PosteriorBands
    observed: npt.NDArray[np.floating]
    log_likelihood: FloatArray | None
    summary: tuple[SummaryRow, ...]
    diagnostics: Diagnostics
    method: str
    requested: str
    n_shards: int
    n_pairs: int
    success: bool
    message: str
    calibration: Calibration
    warnings: tuple[str, ...]
    fixed: Mapping[str, float]
    data: FittedData
    model: Mapping[str, str]
    seed: int
    timings: Mapping[str, float]
    versions: Mapping[str, str]
    config: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    sampler: str = "nuts"

    @property
    def mean(self) -> dict[str, float]:
        """Posterior mean of every parameter that is not fixed."""
        return {name: float(values.mean()) for name, values in self.draws.items()}

    @property
    def sd(self) -> dict[str, float]:
        """Posterior standard deviation of every parameter that is not fixed."""
        return {name: float(values.std(ddof=1)) for name, values in self.draws.items()}

    def row(self, name: str, phi: float | None = None) -> SummaryRow:
        """Return the row of the table of a parameter, of noise_sd, or of contrast or offset at an angle.

        Raises
        ------
        KeyError : if there is none.
        """
        for row in self.summary:
            if row.name == name and row.phi == phi:
                return row
        raise KeyError(f"no row for {name}" + ("" if phi is None else f" at phi = {phi:g}"))

    def __repr__(self) -> str:
        found = self.diagnostics
        n_chain, n_draw = self.noise_sd.shape
        drawn = f"{n_chain} × {n_draw} draws of {count_noun(len(self.draws), 'parameter')}"
        ess = f"R-hat {found.r_hat:.3f}, effective sample size {min(found.ess_bulk, found.ess_tail):.0f} or more"
        head = f"{type(self).__name__}: {'usable' if self.success else 'not reliable'}"
        return short_text(
            head, [self.message, drawn + "; " + ess, self.data.in_words, count_noun(len(self.warnings), "warning")]
        )
