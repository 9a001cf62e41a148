"""Structure of the residuals that noise does not explain.

At every scale, the residuals are compared with the modelled noise. The speckle in that model may absorb a misfit. If
azimuths have it in common, they agree, which noise does not: their pixels differ. A misfit of the fringes differs
between azimuths, too, and is not recognised.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts, described_details, own_details
from heterodyne_nlsq.uncertainty.scales import Details, Expected

type FloatArray = npt.NDArray[np.float64]

_CHANCE = 1e-3
"""Probability that noise alone exceeds the limit at some scale and azimuth."""

LEAST_LIMIT = 1.3
"""Ratio below which there is never structure, given the accuracy of the noise model."""

_ENOUGH = 20
"""Pairs of blocks of a scale that are enough to compare its noise with the expectation."""

_CLOSEST = 1e-6
"""Difference from 1 of the largest correlation of two azimuths that counts."""


class Residual(NamedTuple):
    """What the residuals of one azimuth show: their details, those expected of one pixel, and the modelled noise.

    `frames` (n_used,) are those compared.
    """

    details: Details
    expected: Expected
    parts: NoiseParts
    frames: npt.NDArray[np.int_]


def beyond_noise(residuals: Sequence[Residual], n_phi: int) -> tuple[FloatArray, FloatArray]:
    """Return the largest ratio of residuals to noise at any scale, and its limit by chance, (n_residual,) each.

    Noise is what the model of the noise expects or, where they agree beyond chance, what azimuths do not share.
    `n_phi` is the number of azimuths among which the chance is divided.
    """
    excess, limit = np.array([_by_scale(one, n_phi) for one in residuals]).reshape(-1, 2).T
    for a, ratio, most in _by_agreement(residuals):
        if ratio > most and ratio / most > excess[a] / limit[a]:
            excess[a], limit[a] = ratio, most
    return excess, limit


def _by_scale(residual: Residual, n_phi: int) -> tuple[float, float]:
    """Return the largest ratio of the residuals of an azimuth to the modelled noise, and its limit."""
    found = residual.details
    described, alike = _shared(residual)
    many = found.number >= _ENOUGH
    if not many.any() or not np.any(described > 0):
        return 1.0, LEAST_LIMIT
    ratio = found.square[many].mean(axis=1) / np.maximum(described[many], 1e-300)
    # A mean over n equal squares whose correlations have the mean square r scatters as one over n / (1 + (n - 1) r).
    freedom = 3 * found.number[many] / (1 + (3 * found.number[many] - 1) * alike[many])
    limit = np.array([_limit(one, _CHANCE / (len(ratio) * n_phi)) for one in freedom])
    most = int(np.argmax(ratio / limit))
    return float(ratio[most]), float(limit[most])


def _by_agreement(residuals: Sequence[Residual]) -> Iterator[tuple[int, float, float]]:
    """Yield numbers of azimuths, the ratio of their residuals to what they do not share with another, and its limit.

    With a correlation r of the details, the ratio is 1/(1 - r).
    """
    sizes = [[float(np.linalg.norm(one)) for one in residual.details.each] for residual in residuals]
    alike = [_shared(residual)[1] for residual in residuals]
    compared = [
        (a, b, k)
        for a, b in itertools.combinations(range(len(residuals)), 2)
        if np.array_equal(residuals[a].frames, residuals[b].frames)
        for k in np.flatnonzero((residuals[a].details.number >= _ENOUGH) & (np.array(sizes[a]) > 0))
    ]
    quantile = NormalDist().inv_cdf(1 - _CHANCE / max(len(compared), 1))
    for a, b, k in compared:
        product = float(np.vdot(residuals[a].details.each[k], residuals[b].details.each[k]))
        correlation = product / max(sizes[a][k] * sizes[b][k], 1e-300)
        # A sum of products of two sets of noise scatters with the correlations within both.
        scatter = np.sqrt(1 / (3 * residuals[a].details.number[k]) + np.sqrt(alike[a][k] * alike[b][k]))
        by_chance = max(quantile * scatter, 1 - 1 / LEAST_LIMIT)
        ratio, most = (1 / (1 - min(max(r, 0.0), 1 - _CLOSEST)) for r in (correlation, by_chance))
        yield a, ratio, most
        yield b, ratio, most


def _shared(residual: Residual) -> tuple[FloatArray, FloatArray]:
    """Return the modelled noise of every scale, and the mean squared correlation of different details, (n_scale,)."""
    expected, parts = residual.expected, residual.parts
    described, own = described_details(parts, expected), own_details(parts, expected)
    shared = np.where(described > 0, 1 - own / np.maximum(described, 1e-300), 0.0).mean(axis=1)
    return described.mean(axis=1), expected.alike.mean(axis=1) * shared**2


def _limit(freedom: float, chance: float) -> float:
    """Return the mean of so many squares that is exceeded with a probability of `chance` (Wilson & Hilferty 1931)."""
    spread = 2 / (9 * max(freedom, 1.0))
    quantile = (1 - spread + NormalDist().inv_cdf(1 - chance) * np.sqrt(spread)) ** 3
    return max(float(quantile), LEAST_LIMIT)
