"""The noise of a fit's maps, and the covariance of the least-squares score that it makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts, described_details, noise_parts
from heterodyne_nlsq.uncertainty.pixels import PixelScores, Request, fluctuations, pixel_details, pixel_scores
from heterodyne_nlsq.uncertainty.scales import Details, Expected, measured_details

type FloatArray = npt.NDArray[np.float64]


_ENOUGH = 20
"""Blocks of a scale that are enough to compare its noise with the expectation."""


@dataclass(frozen=True)
class Calibration:
    """The noise of every azimuth, and what follows from it.

    `score` (n_fit, n_fit) is the covariance of the score in the fitted vector; `own_share` (n_phi,) the part of the
    noise that every pair has for itself (photons, detector), `excess` (n_phi,) the largest ratio of the measured noise
    at some scale to what speckle and photons explain.
    """

    score: FloatArray
    parts: tuple[NoiseParts, ...]
    own_share: FloatArray
    excess: FloatArray


def calibrate(
    setup: Setup,
    values: FloatArray,
    contrast: FloatArray,
    offset: FloatArray,
    model: npt.NDArray[np.floating],
    matrices: FloatArray,
    variance: FloatArray,
) -> Calibration:
    """Return the calibration of a fit.

    Parameters
    ----------
    values, contrast, offset : the fitted model's parameters (n_par,), and (n_phi,) each.
    model : fitted maps (n_phi, n_t, n_t).
    matrices : Gauss-Newton matrix of every azimuth in the fitted vector (n_phi, n_fit, n_fit).
    variance : of a residual of every azimuth (n_phi,); counts where frames are too few for blocks.

    Notes
    -----
    Godambe's covariance: Varin, Reid & Firth (2011), Statistica Sinica 21, 5.
    """
    data = setup.data
    weight = data.weight * data.valid
    near = max(setup.config.data.exclude_diagonals, 1)
    request = Request(values, data.t, data.q, data.phi, contrast, weight, near)
    delta = fluctuations(request, setup.config.nlsq.seed)
    azimuths = range(data.n_phi)
    expected = [pixel_details(request, a, delta[a], model[a] - offset[a]) for a in azimuths]
    found = [_details(data.c2[a] - model[a], weight[a] > 0, near) for a in azimuths]
    parts = tuple(noise_parts(*each) for each in zip(found, expected, variance.tolist(), strict=True))
    judged = np.array([_judged(*each) for each in zip(found, expected, parts, strict=True)])
    score = sum(part.white * matrices[a] for a, part in enumerate(parts))
    for a, part in enumerate(parts):
        if part.speckle > 0:
            score = score + _shared(setup, a, part, pixel_scores(request, a, delta[a]))
    return Calibration((score + score.T) / 2, parts, judged[:, 0], judged[:, 1])


def _details(residual: npt.NDArray[np.floating], used: npt.NDArray[np.bool_], near: int) -> Details:
    """Return the details of the residuals, frames that do not count taken out; a missing pair counts as no residual."""
    return measured_details(np.nan_to_num(residual[np.ix_(used, used)], nan=0.0, posinf=0.0, neginf=0.0), near)


def _judged(found: Details, expected: Expected, parts: NoiseParts) -> tuple[float, float]:
    """Return the share of noise of the pairs' own, and the largest ratio of measured to described noise."""
    described = described_details(parts, expected)
    number = found.number[:, None] * np.ones(3)
    total = float(np.sum(number * described))
    own = parts.white * float(number.sum()) / total if total > 0 else 1.0
    many = found.number >= _ENOUGH
    if not many.any() or total == 0:
        return own, 1.0
    ratio = found.square[many].mean(axis=1) / np.maximum(described[many].mean(axis=1), 1e-300)
    return own, float(ratio.max())


def _shared(setup: Setup, a: int, part: NoiseParts, pixel: PixelScores) -> FloatArray:
    """Return the covariance of the score in the fitted vector that the shared noise of azimuth number `a` makes."""
    expand, basis = setup.free.expand, setup.scaling.basis
    n_free, n_coef = expand.shape[1], basis.shape[1]
    turn = np.zeros((expand.shape[0] + 2, n_free + 2 * n_coef))
    turn[:-2, :n_free] = expand
    turn[-2, n_free : n_free + n_coef] = turn[-1, n_free + n_coef :] = basis[a]
    return np.asarray(turn.T @ (part.speckle * pixel.speckle + part.mixed * pixel.mixed) @ turn)
