"""A least-squares estimate with all that is needed to judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from heterodyne_data.result.parts import (
    AgeResolved,
    Alternative,
    Bands,
    Derived,
    FittedData,
    FittedParameter,
    FittedScaling,
    FloatArray,
    Identifiability,
    MapNoise,
    NestedTest,
    Signal,
)


@dataclass(frozen=True)
class PointEstimate:
    """A point estimate with all that is needed to judge it.

    `table` holds all parameters of the model in canonical order; `varying` names the rows of `covariance` and
    `covariance_iid`, contrast and offset projected out. In a direction that the data leave open the covariance
    carries the prior's variance, so that it stays a covariance; the parameters concerned have ``determined``
    false and no standard deviation. `start` says where the descent began, `conventions` which of several equivalent
    descriptions is reported. `maps` is data and model, each (n_phi, N, N), or None when not kept.

    `signal` answers, under ``contrast``, ``dynamics``, ``two_components``, ``flow`` and ``ageing``, whether the maps
    show each; `nested` are the tests of single restrictions. `verdict` is ``usable``, ``caution`` or ``no-signal``,
    `sentence` the same in words, with the numbers that can be quoted; `headline` these numbers: J_r, J_s, v and x at a
    reference age inside the measurement and their local exponents. All empty in results that do not say.
    """

    table: tuple[FittedParameter, ...]
    varying: tuple[str, ...]
    covariance: FloatArray
    covariance_iid: FloatArray
    covariance_kind: str
    scaling: FittedScaling
    data: FittedData
    cost: float
    reduced_chi2: float
    noise_sd: FloatArray
    n_pairs: int
    n_evaluations: int
    method: str
    start: str
    success: bool
    message: str
    warnings: tuple[str, ...]
    identifiability: Identifiability
    model: Mapping[str, str]
    timings: Mapping[str, float]
    versions: Mapping[str, str]
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    age_resolved: AgeResolved | None = None
    alternatives: tuple[Alternative, ...] = ()
    conventions: tuple[str, ...] = ()
    bands: Bands | None = None
    derived: tuple[Derived, ...] = ()
    noise: MapNoise | None = None
    signal: Mapping[str, Signal] = field(default_factory=dict)
    verdict: str = ""
    sentence: str = ""
    headline: tuple[Derived, ...] = ()
    nested: tuple[NestedTest, ...] = ()
    maps: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None

    @property
    def parameters(self) -> dict[str, float]:
        """Value of every parameter by name."""
        return {row.name: row.value for row in self.table}

    @property
    def sd(self) -> dict[str, float]:
        """Standard deviation of every parameter by name; NaN when held or not determined."""
        return {row.name: row.sd for row in self.table}

    @property
    def contrast(self) -> FloatArray:
        """Contrast per angle, (n_phi,)."""
        return self.scaling.contrast

    @property
    def offset(self) -> FloatArray:
        """Offset per angle, (n_phi,)."""
        return self.scaling.offset
