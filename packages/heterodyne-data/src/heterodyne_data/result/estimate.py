"""A least-squares estimate with all that is needed to judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from heterodyne_data.presentation import short_text
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
    Weighting,
)
from heterodyne_spec import count_noun


@dataclass(frozen=True, repr=False)
class PointEstimate:
    """The content of a point estimate; `NLSQResult` describes its attributes."""

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
    weighting: Weighting | None = None
    maps: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None

    @property
    def parameters(self) -> dict[str, float]:
        """Value of every parameter by name."""
        return {row.name: row.value for row in self.table}

    @property
    def sd(self) -> dict[str, float]:
        """Standard deviation of every parameter by name; NaN if held or not determined."""
        return {row.name: row.sd for row in self.table}

    @property
    def contrast(self) -> FloatArray:
        """Contrast per angle, (n_phi,)."""
        return self.scaling.contrast

    @property
    def offset(self) -> FloatArray:
        """Offset per angle, (n_phi,)."""
        return self.scaling.offset

    def __repr__(self) -> str:
        open_ = len(self.identifiability.not_determined)
        counts = [
            f"{len(self.varying)} of {len(self.table)} parameters free",
            *([f"{open_} not determined"] if open_ else []),
            count_noun(len(self.warnings), "warning"),
        ]
        state = self.verdict or ("converged" if self.success else "not converged")
        words = [self.sentence or self.message, self.data.in_words, ", ".join(counts)]
        return short_text(f"{type(self).__name__}: {state}", words)
