"""Weights of the pairs of one azimuth that follow from the covariance of its noise.

Under Gaussian statistics, residuals R of a map averaged over P pixels have the covariance
Cov(R_ij, R_kl) = (Γ_ik Γ_jl + Γ_il Γ_jk) / P, with Γ the correlation of the relative intensities of two frames, on its
diagonal the noise of a frame included. The efficient estimating equations are Σ_{i<j} W_ij R_ij = 0 with
W = Γ⁻¹ X Γ⁻¹ for every derivative X of the map. Speckle is not Gaussian, and Γ⁻¹ amplifies what is known worst: with a
ridge, W = B X B with B = (Γ + ridge · contrast · 1)⁻¹, from the Gaussian optimum (0) to equal weights (infinity). The
equations are unbiased whatever B is, because the mean of R is 0 at the truth.

W is known at some columns, all if there are few frames. Between them, sums over a column and the diagonal are smooth
functions of its age. Everything else is applied to vectors over frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.uncertainty.pixels import SLICE, quadratic_forms
from heterodyne_nlsq.weighted.azimuths import (
    Azimuth,
    both_sides,
    counted,
    is_one,
    slope_columns,
    smoothed,
    unit_columns,
)

type FloatArray = npt.NDArray[np.float64]

COLUMNS = 128
"""Columns at which the weights are known, if there are more frames."""

_AT_ENDS = 1.0
"""How many of them are close to the ends, over those that are evenly spaced."""

_LIT, _LIT_LEAST = 250_000, 128
"""Frames times pixels for the photon noise that is seen through another frame, and pixels at least: with 128, standard
deviations of 3 × 1000 frames change by 0.5 %."""


class Columns(NamedTuple):
    """Some `frames` (m,) of a map, and how a smooth function of age follows from its values there: frame i has
    (1 - share_i) of the value at number before_i, and share_i of the next. `number` (m,) is for how many frames each
    counts.
    """

    frames: npt.NDArray[np.int_]
    before: npt.NDArray[np.int_]
    share: FloatArray
    number: FloatArray

    def between(self, values: FloatArray) -> FloatArray:
        """Return values (..., m) at the frames as those of all frames, (..., n_t)."""
        after = np.minimum(self.before + 1, self.frames.size - 1)
        return np.asarray((1 - self.share) * values[..., self.before] + self.share * values[..., after])


def columns(root: FloatArray, most: int = COLUMNS) -> Columns:
    """Return at most so many of the frames with data, the closer to each other the closer they are to the ends, to gaps
    and to changes of the weight; `root` (n_t,) as in `Azimuth`.
    """
    used, n_t = np.flatnonzero(root > 0), root.size
    if used.size > most:
        # Functions of age change fastest within a correlation time of an end.
        ends = np.flatnonzero(np.diff(np.pad(root, 1)))
        after = np.searchsorted(ends, used, side="right")
        distance = np.minimum(used - ends[after - 1], ends[after] - 1 - used)
        near = 1.0 / (8.0 + distance)
        dense = np.cumsum(1 / used.size + _AT_ENDS * near / near.sum())
        wanted = np.linspace(dense[0], dense[-1], most)
        frames = used[np.unique(np.searchsorted(dense, wanted - 1e-9))]
    else:
        frames = used
    at = np.interp(np.arange(n_t), frames, np.arange(frames.size))
    before = np.floor(at).astype(int)
    share = at - before
    number = np.zeros(frames.size + 1)
    np.add.at(number, before[used], 1 - share[used])
    np.add.at(number, before[used] + 1, share[used])
    return Columns(frames, before, share, number[:-1])


class Weighted(NamedTuple):
    """The weights of an azimuth: `known` (n_local, n_t, m) at the columns, 0 where a pair does not count, times the
    root of the number of frames that a column counts for.

    The weights are `unit` · B X B. `matrix` (n_local, n_local) is -∂g/∂θ. `linear` (n_local, n_t) is Σ_j W_ij Γ_ij, and
    `bands` (n_near, n_local, n_t) are W_i,i+l of the pairs nearer than `n_near` frames, which B X B has and which do
    not count.
    """

    part: Azimuth
    ridge: float
    unit: float
    columns: Columns
    known: npt.NDArray[np.float32]
    matrix: FloatArray
    linear: FloatArray
    bands: FloatArray


def weights(part: Azimuth, ridge: float, some: Columns) -> Weighted:
    """Return the weights of an azimuth.

    Their unit is one over the variance of a pair. An infinite `ridge` means equal weights, the same for all azimuths.
    """
    noise, n_t, m = part.noise, part.root.size, some.frames.size
    unit = 1.0 if np.isinf(ridge) else 1.0 / (noise.speckle if noise.speckle > 0 else noise.photons + noise.white)
    n_local, n_near = part.request.expand.shape[1] + 2, part.request.n_near
    known = np.empty((n_local, n_t, m), np.float32)
    matrix = np.zeros((n_local, n_local))
    linear, bands, weight = np.empty((n_local, m)), np.zeros((n_near, n_local, m)), part.root**2
    for k in range(0, m, SLICE):
        frames = some.frames[k : k + SLICE]
        here = slice(k, k + frames.size)
        slopes = slope_columns(part, frames)
        if is_one(part, ridge):
            found = unit * weight[:, None] * slopes * weight[frames]
        else:
            found = unit * both_sides(part, ridge, unit_columns(n_t, frames))
            for lag in range(n_near):
                inside = np.flatnonzero(frames + lag < n_t)
                bands[lag][:, k + inside] = found[:, frames[inside] + lag, inside]
        found *= counted(part, frames)
        linear[:, here] = part.contrast * np.einsum("kij,ij->kj", found, slopes[-2])
        root = np.sqrt(some.number[here])
        found *= root
        known[:, :, here] = found
        matrix += found.reshape(n_local, -1) @ (root * slopes).reshape(n_local, -1).T / 2
    used = part.root > 0
    return Weighted(
        part,
        ridge,
        unit,
        some,
        known,
        (matrix + matrix.T) / 2,
        used * some.between(linear),
        used * some.between(bands),
    )


def shared_scores(weighted: Weighted, n_pixel: int | None = None) -> FloatArray:
    """Return what the speckle of every simulated pixel adds to the weighted sum of residuals, (n_local, n_pixel).

    With W the weights of the residuals, that is Σ_{i<j} W_ij (δ_i δ_j - Γ_ij (1 + δ_i + δ_j)).
    """
    part, delta = weighted.part, weighted.part.fluctuations[:, :n_pixel].astype(np.float64)
    form = weighted.unit * quadratic_forms(part.request, part.a, smoothed(part, weighted.ridge, delta))
    for lag, band in enumerate(weighted.bands):
        n = len(delta) - lag
        form -= band[:, :n] @ (delta[:n] * delta[lag:]) / (2 if lag == 0 else 1)
    return np.asarray(form - weighted.linear @ delta)


def score_covariance(weighted: Sequence[Weighted], shared: FloatArray, n_pixel: int | None = None) -> FloatArray:
    """Return the covariance of the weighted sums of residuals of an azimuth, (n_local · number)².

    Parameters
    ----------
    weighted : one or more weights of the same azimuth and columns.
    shared : (n_local · number, n_pixel), their `shared_scores`.
    n_pixel : pixels for the photon noise of a frame, which is seen through the product with the other frames.
    """
    noise, flat = weighted[0].part.noise, [one.known.reshape(len(one.known), -1) for one in weighted]
    across = np.block([[one @ other.T for other in flat] for one in flat])
    own = (noise.photons + noise.white) * np.asarray(across, np.float64) / 2
    if noise.speckle <= 0:
        return own
    return noise.speckle * np.cov(shared) + noise.mixed * _lit(weighted, n_pixel) + own


def _lit(weighted: Sequence[Weighted], n_pixel: int | None) -> FloatArray:
    """Return the covariance due to speckle times photon noise of unit variance."""
    given = weighted[0].part.fluctuations
    every = given[:, : n_pixel or max(_LIT // len(given), _LIT_LEAST)].astype(np.float64)
    found: FloatArray | float = 0.0
    for k in range(0, every.shape[1], SLICE):
        delta = every[:, k : k + SLICE]
        bright = np.sqrt(np.maximum(1.0 + delta, 0.0))
        seen = np.concatenate([(bright * _response(one, delta)).astype(np.float32) for one in weighted])
        flat = seen.reshape(len(seen), -1)
        found = found + np.asarray(flat @ flat.T, np.float64)
    return np.asarray(found / every.shape[1])


def _response(weighted: Weighted, delta: FloatArray) -> FloatArray:
    """Return Σ_j W_ij (δ_j - Γ_ij) of every frame and pixel, (n_local, n_t, n_pixel)."""
    found = weighted.unit * both_sides(weighted.part, weighted.ridge, delta)
    found -= weighted.linear[:, :, None]
    for lag, band in enumerate(weighted.bands):
        n = len(delta) - lag
        found[:, lag:] -= band[:, :n, None] * delta[:n]
        if lag:
            found[:, :n] -= band[:, :n, None] * delta[lag:]
    return found
