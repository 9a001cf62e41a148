"""The parts of the result of a least-squares fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_spec import count_noun

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FittedParameter:
    """One row of the table of a result; `sd` is NaN if the parameter was fixed or is not determined by the data.

    `standing` is ``determined``, ``held``, ``tied`` or ``chosen`` (from values that fit equally well; ``""`` in results
    of older versions), and `against` states what compensates a chosen one, as text.
    """

    name: str
    unit: str
    value: float
    sd: float
    lower: float
    upper: float
    status: str
    tie: str | None = None
    determined: bool = True
    at_bound: str | None = None
    standing: str = ""
    against: str = ""


@dataclass(frozen=True)
class Direction:
    """A combination of parameters along which the cost does not change (singular) or hardly does (weak).

    `weights` are in units of each parameter's scaled column, `eigenvalue` that of the scaled JᵀJ.
    """

    kind: str
    weights: Mapping[str, float]
    eigenvalue: float
    statement: str


@dataclass(frozen=True)
class Identifiability:
    """Identifiability: which combinations of parameters the data determine."""

    determined: tuple[str, ...]
    not_determined: tuple[str, ...]
    directions: tuple[Direction, ...] = ()


@dataclass(frozen=True)
class FittedScaling:
    """Contrast and offset per angle (n_phi,), with standard deviations (NaN when held).

    `joint_covariance` and `joint_covariance_iid` (n, n) are those of the varying parameters, the contrasts and the
    offsets, in this order; None when contrast and offset were held, and in older files.
    """

    mode: str
    contrast: FloatArray
    offset: FloatArray
    contrast_sd: FloatArray
    offset_sd: FloatArray
    joint_covariance: FloatArray | None = None
    joint_covariance_iid: FloatArray | None = None


@dataclass(frozen=True)
class FittedData:
    """The fitted data: q in 1/Å, phi (n_phi,) in degrees, dt in s, notes of the reader, provenance."""

    q: float
    phi: FloatArray
    n_frames: int
    start_frame: int
    dt: float
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def t(self) -> FloatArray:
        """Ages of the frames in s, (n_frames,)."""
        return np.arange(self.start_frame, self.start_frame + self.n_frames, dtype=np.float64) * self.dt

    @property
    def in_words(self) -> str:
        """Size, q and file in one line."""
        size = f"{count_noun(len(self.phi), 'azimuth')} × {self.n_frames} frames at q = {self.q:.5g} 1/Å"
        file = self.provenance.get("file")
        return f"{file}: {size}" if file else size


@dataclass(frozen=True)
class AgeResolved:
    """Age slices, fitted independently, without the laws of the model.

    `t` (n_age,) in s; `values` and `sd` map the name of a function (J_r, J_s, v, x) to (n_age,) in its unit, NaN where
    an age does not determine it; `statement` describes the method.
    """

    t: FloatArray
    values: Mapping[str, FloatArray]
    sd: Mapping[str, FloatArray]
    statement: str


@dataclass(frozen=True)
class Alternative:
    """Another minimum with nearly the same cost as the best.

    `delta_chi2` is the chi-square above the best one, with the noise of the pairs taken as independent; `parameters`
    are all of the model; `statement` describes the difference.
    """

    cost: float
    delta_chi2: float
    parameters: Mapping[str, float]
    statement: str


@dataclass(frozen=True)
class Bands:
    """The fitted functions with their standard deviations, by propagation of the covariance.

    `t` (n_age,) in s; `values` and `sd` map the name of a function to (n_age,) in its unit.
    """

    t: FloatArray
    values: Mapping[str, FloatArray]
    sd: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Derived:
    """A quantity that follows from the fitted functions, with its standard deviation."""

    name: str
    value: float
    sd: float
    unit: str
    meaning: str


@dataclass(frozen=True)
class Signal:
    """Whether the maps show a feature: one entry of `NLSQResult.signal`.

    `statistic` is the increase of the calibrated chi-square without the feature: that of a subset of frames, a
    lower limit, if this is sufficient in large maps. `p_value` is the probability that a measurement without the
    feature gives as much, including the search for the best fit. `words` states both.
    """

    present: bool
    statistic: float
    p_value: float
    words: str


@dataclass(frozen=True)
class NestedTest:
    """Test of a restriction: of a constant that could be 0, or of a parameter that was held.

    `restriction` names the parameters that it fixes; `held` says whether the fit held them (then `delta_chi2` is by how
    much the calibrated chi-square would fall if they were free) or not (by how much it would rise without them);
    `needed` whether the data reject the restriction. `words` states it.
    """

    restriction: tuple[str, ...]
    held: bool
    delta_chi2: float
    freedom: int
    p_value: float
    needed: bool
    words: str


@dataclass(frozen=True)
class Weighting:
    """The weights of the pairs of frames in the estimate, and the estimate with equal weights beside it.

    `kind` is equal, or noise: from the covariance of the noise, with the `ridge` in units of the contrast. `values` and
    `sd` are those of the free parameters with equal weights, to which `contrast` and `offset` (n_phi,) belong;
    `p_value` is the probability that both estimates differ by chance as much as they do, None if they were not
    compared. The others are empty and None if the weights are equal. `statement` gives choice and reason.
    """

    kind: str
    statement: str
    ridge: float | None = None
    p_value: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    sd: Mapping[str, float] = field(default_factory=dict)
    contrast: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()


@dataclass(frozen=True)
class MapNoise:
    """The noise of the maps, per azimuth (n_phi,), and its effect.

    `effective_pixels` is NaN if no noise is shared between pairs; `own_share` is the part of the variance that every
    pair has independently (photons, detector); `excess` the largest ratio of residuals at any time scale to the noise
    expected from speckle and photons or, where they are not such noise, the factor by which they differ from it or
    exceed what two azimuths do not share; `limit` how large it may be by chance (None in older results).
    `statement` describes the correction and its basis.
    """

    effective_pixels: FloatArray
    own_share: FloatArray
    excess: FloatArray
    statement: str
    limit: FloatArray | None = None
