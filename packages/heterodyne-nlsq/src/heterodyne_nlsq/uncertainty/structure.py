"""Structure of the residuals that noise does not explain.

At every scale, the residuals are compared with the modelled noise. The speckle in that model may absorb what a fit
leaves, as if it were that of few pixels. This refutes it: speckle grows with the scale up to the correlation time, and
is as strong at any age as the fitted model says; azimuths have different pixels, while they may have a misfit in
common; and noise beside speckle is shared by the pairs of a frame, not white. That an azimuth has far fewer effective
pixels than others refutes nothing: bins of files have 2 to 300.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts, described_details, own_details
from heterodyne_nlsq.uncertainty.scales import Details, Expected, age_of

type FloatArray = npt.NDArray[np.float64]

_CHANCE = 1e-3
"""Probability that noise alone exceeds the limit at some scale and azimuth."""

LEAST_LIMIT = 1.3
"""Ratio below which there is never structure, given the accuracy of the noise model."""

_ENOUGH = 20
"""Pairs of blocks of a scale that are enough to compare its noise with the expectation."""

_MOSTLY = 0.7
"""Part of the noise that has to be speckle where ages are compared: noise of photons and detectors may change in the
course of a measurement, and twice as much of the rest is within `LEAST_LIMIT`."""

_WHITE = 0.75
"""Part of white noise at the finest scale from which it is not photon noise that changes in the course of time: were it
to fade by a factor of 100, 0.6 of its variance would look white."""

_OUTWEIGHS = 5.0
"""Ratio of all noise to white noise beside which there is no speckle. In a file of another program it is 3.4."""

_CLOSEST = 1e-6
"""Difference from 1 of the largest correlation of two azimuths that counts."""

_LEAST = 1e-300
"""Smallest divisor."""


class Residual(NamedTuple):
    """What the residuals of one azimuth show: their details, those expected of one pixel, the same of every age (none
    without speckle), and the modelled noise.

    `frames` (n_used,) are those compared.
    """

    details: Details
    expected: Expected
    of_ages: Sequence[Expected]
    parts: NoiseParts
    frames: npt.NDArray[np.int_]


class Compared(NamedTuple):
    """The ratio of residuals to the modelled noise at every scale, how many independent squares it is worth (0 where
    there are too few pairs), and the part of that noise that pairs share, (n_scale,) each."""

    ratio: FloatArray
    freedom: FloatArray
    shared: FloatArray


class Structure(NamedTuple):
    """By what factor residuals differ from noise at most, the limit of that by chance, and the factor by which they are
    above it, (n_residual,) each."""

    excess: FloatArray
    limit: FloatArray
    above: FloatArray


def beyond_noise(residuals: Sequence[Residual], n_phi: int) -> Structure:
    """Return how residuals differ from noise: by the largest ratio at any scale or, where their speckle is refuted
    beyond chance, by the factor by which it is.

    `n_phi` is the number of azimuths among which the chance is divided.
    """
    excess, limit = np.array([_by_scale(one, n_phi) for one in residuals]).reshape(-1, 2).T
    _raise(excess, limit, _by_agreement(residuals))
    above = excess.copy()
    _raise(excess, limit, ((a, *found) for a, one in enumerate(residuals) for found in _by_growth(one, n_phi)))
    _raise(excess, limit, ((a, *found) for a, one in enumerate(residuals) for found in _by_age(one, n_phi)))
    _raise(excess, limit, ((a, *found) for a, one in enumerate(residuals) for found in _by_white(one)))
    return Structure(excess, limit, above)


def _raise(excess: FloatArray, limit: FloatArray, found: Iterable[tuple[int, float, float]]) -> None:
    """Replace excess and limit of azimuths by those found where they are plainer, and beyond chance."""
    for a, ratio, most in found:
        if ratio > most and ratio / most > excess[a] / limit[a]:
            excess[a], limit[a] = ratio, most


def _by_scale(residual: Residual, n_phi: int) -> tuple[float, float]:
    """Return the largest ratio of the residuals of an azimuth to the modelled noise, and its limit."""
    found = _compare(residual.details, residual.expected, residual.parts)
    many = found.freedom > 0
    if not many.any():
        return 1.0, LEAST_LIMIT
    ratio, limit = found.ratio[many], _limits(found.freedom[many], _CHANCE / (int(many.sum()) * n_phi))[1]
    most = int(np.argmax(ratio / limit))
    return float(ratio[most]), float(limit[most])


def _by_growth(residual: Residual, n_phi: int) -> Iterator[tuple[float, float]]:
    """Yield factors by which the residuals of an azimuth stay behind the speckle modelled at a scale, and limits."""
    if residual.parts.speckle <= 0:
        return
    found = _compare(residual.details, residual.expected, residual.parts)
    many = found.freedom > 0
    low = _limits(found.freedom[many], _CHANCE / max(int(many.sum()) * n_phi, 1))[0]
    yield from zip(1 / np.maximum(found.ratio[many], _LEAST), 1 / np.maximum(low, _LEAST), strict=True)


def _by_age(residual: Residual, n_phi: int) -> Iterator[tuple[float, float]]:
    """Yield factors by which the residuals of an azimuth differ from the speckle modelled at the ages, and limits.

    A mean of f squares of ratio r has the deviance f (r - 1 - ln r), which is nearly a chi-square. The factor F is that
    of which all ages together would have the same, with f (ln F)²/2 for small differences.
    """
    ages = [
        _compare(_of_age(residual.details, age), expected, residual.parts)
        for age, expected in enumerate(residual.of_ages)
    ]
    if not ages:
        return
    ratio, freedom, shared = (np.array(part) for part in zip(*ages, strict=True))
    freedom = np.where(shared > _MOSTLY, freedom, 0.0)
    ratio = np.where(freedom > 0, np.maximum(ratio, _LEAST), 1.0)
    deviance = np.sum(freedom * (ratio - 1 - np.log(ratio)), axis=0)
    number, total = np.count_nonzero(freedom, axis=0), freedom.sum(axis=0)
    several = number > 1
    by_chance = number * _limits(number, _CHANCE / max(int(several.sum()) * n_phi, 1))[1]
    for k in np.flatnonzero(several):
        factor, most = (float(np.exp(np.sqrt(2 * part[k] / total[k]))) for part in (deviance, by_chance))
        yield factor, max(most, LEAST_LIMIT)


def _by_white(residual: Residual) -> Iterator[tuple[float, float]]:
    """Yield by what factor the residuals of an azimuth exceed its white noise at a scale, if there is no other besides
    speckle, and the limit.

    All noise of intensities, that of photons and detectors too, is shared by the pairs of a frame, and not white where
    there is speckle. What grows with the scale beside white noise is a misfit.
    """
    found = _compare(residual.details, residual.expected, residual.parts)
    many = found.freedom > 0
    if not many.any() or residual.parts.speckle <= 0:
        return
    finest = described_details(residual.parts, residual.expected)[0].mean()
    if residual.parts.white > _WHITE * finest:
        yield float(1 / max(1 - found.shared[many].max(), _CLOSEST)), _OUTWEIGHS


def _by_agreement(residuals: Sequence[Residual]) -> Iterator[tuple[int, float, float]]:
    """Yield numbers of azimuths, the ratio of their residuals to what they do not share with another, and its limit.

    With a correlation r of the details, the ratio is 1/(1 - r).
    """
    sizes = [[float(np.linalg.norm(one)) for one in residual.details.each] for residual in residuals]
    alike = [_modelled(residual.expected, residual.parts)[1] for residual in residuals]
    compared = [
        (a, b, k)
        for a, b in itertools.combinations(range(len(residuals)), 2)
        if np.array_equal(residuals[a].frames, residuals[b].frames)
        for k in np.flatnonzero((residuals[a].details.number >= _ENOUGH) & (np.array(sizes[a]) > 0))
    ]
    quantile = NormalDist().inv_cdf(1 - _CHANCE / max(len(compared), 1))
    for a, b, k in compared:
        product = float(np.vdot(residuals[a].details.each[k], residuals[b].details.each[k]))
        correlation = product / max(sizes[a][k] * sizes[b][k], _LEAST)
        # A sum of products of two sets of noise scatters with the correlations within both.
        scatter = np.sqrt(1 / (3 * residuals[a].details.number[k]) + np.sqrt(alike[a][k] * alike[b][k]))
        by_chance = max(quantile * scatter, 1 - 1 / LEAST_LIMIT)
        ratio, most = (1 / (1 - min(max(r, 0.0), 1 - _CLOSEST)) for r in (correlation, by_chance))
        yield a, ratio, most
        yield b, ratio, most


def _of_age(details: Details, age: int) -> Details:
    """Return the mean squares of the details of an age, and how many; none of scales whose details are not kept."""
    square, number = np.zeros_like(details.square), np.zeros_like(details.number)
    for k, each in enumerate(details.each):
        if not each.size:
            continue
        first, second = np.nonzero(each.any(axis=0))
        here = age_of(first, second, each.shape[-1]) == age
        number[k] = np.count_nonzero(here)
        square[k] = np.sum(each[:, first[here], second[here]].astype(float) ** 2, axis=1) / max(number[k], 1)
    return Details(square, number)


def _compare(found: Details, expected: Expected, parts: NoiseParts) -> Compared:
    """Return how details compare with the modelled noise."""
    described, alike, shared = _modelled(expected, parts)
    enough = (found.number >= _ENOUGH) & (described > 0)
    # A mean over n equal squares whose correlations have the mean square r scatters as one over n / (1 + (n - 1) r).
    freedom = 3 * found.number / (1 + (3 * found.number - 1) * alike)
    ratio = found.square.mean(axis=1) / np.maximum(described, _LEAST)
    return Compared(ratio, np.where(enough, freedom, 0.0), shared)


def _modelled(expected: Expected, parts: NoiseParts) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the modelled noise of every scale, the mean squared correlation of different details, and the part of the
    noise that pairs share, (n_scale,) each."""
    described, own = described_details(parts, expected), own_details(parts, expected)
    shared = np.where(described > 0, 1 - own / np.maximum(described, _LEAST), 0.0).mean(axis=1)
    return described.mean(axis=1), expected.alike.mean(axis=1) * shared**2, shared


def _limits(freedom: FloatArray, chance: float) -> tuple[FloatArray, FloatArray]:
    """Return between which values the mean of so many squares is, but for a probability of `chance` on either side
    (Wilson & Hilferty 1931), and outside `LEAST_LIMIT`."""
    spread = 2 / (9 * np.maximum(freedom, 1.0))
    deviation = NormalDist().inv_cdf(1 - chance) * np.sqrt(spread)
    low, high = (np.maximum(1 - spread + sign * deviation, 0.0) ** 3 for sign in (-1, 1))
    return np.minimum(low, 1 / LEAST_LIMIT), np.maximum(high, LEAST_LIMIT)
