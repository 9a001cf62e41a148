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
)
from heterodyne_spec import count_noun


@dataclass(frozen=True, repr=False)
class PointEstimate:
    """A point estimate with all that is needed to judge it: ``verdict`` and ``warnings`` first, then the values.

    Attributes
    ----------
    verdict : ``usable``, ``caution`` or ``no-signal``; empty in results of versions without it, as are the next three.
    sentence : the verdict in words, with the numbers that can be quoted.
    headline : these numbers: J_r, J_s, v and x at a reference age within the measurement, and their local exponents.
    signal : whether the maps show ``contrast``, ``dynamics``, ``two_components``, ``flow`` and ``ageing``.
    nested : tests of single restrictions.
    warnings : what limits the use of the values.
    parameters, sd : value and standard deviation of every parameter by name, in the units of `table`.
    table : all parameters of the model in canonical order, with units, bounds and status.
    varying : names of the free parameters, which are the rows of both covariances.
    covariance, covariance_iid : (n_free, n_free), with calibrated noise and with independent pairs; contrast and offset
        are projected out. In an undetermined direction they contain the variance of the prior; the parameters concerned
        have ``determined`` false and no standard deviation.
    bands : the fitted functions and their standard deviations at (n_age,) ages in s.
    age_resolved : age slices, fitted independently.
    scaling : contrast and offset per azimuth, (n_phi,).
    data : q in 1/Å, phi (n_phi,) in degrees, frames, ages ``data.t`` (n_frames,) in s, provenance.
    maps : c2 and its model, (n_phi, N, N) each; None if not kept.
    noise_sd : standard deviation of one entry of c2 per azimuth, (n_phi,).
    identifiability : which parameters the data determine, and along which combinations they do not.
    alternatives : other minima with nearly the same cost.
    conventions : which of several equivalent sets of parameters is reported.
    derived : quantities that follow from the fitted functions.
    start : where the descent began.
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
