"""What the result of a least-squares fit consists of."""

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
    of versions that did not say), and `against` says in words what a chosen one was weighed against.
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
    """What was fitted: q in 1/Å, phi (n_phi,) in degrees, dt in s, notes of the reader, provenance."""

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
    """What every age shows by itself, without the laws of the model.

    `t` (n_age,) in s; `values` and `sd` map the name of a function (J_r, J_s, v, x) to (n_age,) in its unit, NaN where
    an age leaves it open; `statement` says how they were found.
    """

    t: FloatArray
    values: Mapping[str, FloatArray]
    sd: Mapping[str, FloatArray]
    statement: str


@dataclass(frozen=True)
class Alternative:
    """Another minimum with nearly the same cost as the best.

    `delta_chi2` is the chi-square above the best one, with the noise of the pairs taken as independent; `parameters`
    are all of the model; `statement` says in words what differs.
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
    """Whether the maps show a feature: the answer to one question of `NLSQResult.signal`.

    `statistic` is a calibrated chi-square, by which the fit is worse without the feature: that of some of the frames, a
    lower limit, where these are beyond doubt in large maps. `p_value` is the probability that a measurement without the
    feature gives as much, the search for the best fit included. `words` say both.
    """

    present: bool
    statistic: float
    p_value: float
    words: str


@dataclass(frozen=True)
class NestedTest:
    """What the data say of a restriction: of a constant that could be 0, or of something that was held.

    `restriction` names the parameters that it fixes; `held` says whether the fit held them (then `delta_chi2` is by how
    much the calibrated chi-square would fall if they were free) or not (by how much it would rise without them);
    `needed` whether the data reject the restriction. `words` say it.
    """

    restriction: tuple[str, ...]
    held: bool
    delta_chi2: float
    freedom: int
    p_value: float
    needed: bool
    words: str


@dataclass(frozen=True)
class MapNoise:
    """What the noise of the maps is, per azimuth (n_phi,), and what it does.

    `effective_pixels` is NaN where no noise is shared between pairs; `own_share` is the part of the variance that every
    pair has for itself (photons, detector); `excess` the ratio of noise at some time scale to what speckle and photons
    explain that stands out most, and `limit` how large it may be by its own scatter (None in results that do not say).
    `statement` says how large the correction was and what it rests on.
    """

    effective_pixels: FloatArray
    own_share: FloatArray
    excess: FloatArray
    statement: str
    limit: FloatArray | None = None
