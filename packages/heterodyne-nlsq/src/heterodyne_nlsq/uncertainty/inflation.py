"""Inflation of chi-square by correlated noise, estimated as one number without simulated pixels.

Chi-square for uncorrelated noise overstates the information by the ratio of the variance of a sum over many pairs to
that without correlations. It is estimated from the details of the residuals by scale: white noise has the same mean
square at every scale, correlated noise increases with the scale.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.scales import Cut, Details, cut_of, measured_details

type FloatArray = npt.NDArray[np.float64]
type Floats = npt.NDArray[np.floating]

_ENOUGH = 20
"""Blocks of a scale that show its noise."""

_MOST_ANGLES, _MOST_FRAMES = 3, 1000
"""Number of azimuths used, evenly spaced, and of frames, from the middle."""

_WHITE, _LEFT, _SURE = 1.25, 1.02, 4.0
"""Of white residuals, the largest ratio of noise at any scale to that of neighbours, that of their mean square, and
standard deviations of the latter."""

MOST = 3000.0
"""Largest inflation, that of the slowest simulated speckle; larger values are due to structure not in the model."""


def inflation(setup: Setup, vector: FloatArray) -> float:
    """Return the inflation, 1 for white noise, at a fitted vector (n_fit,) that describes the data well."""
    return typical(np.array([inflation_of(details, square) for details, square in _looked_at(setup, vector)]))


def is_white(setup: Setup, vector: FloatArray, variance: float) -> bool:
    """Return whether the residuals at a fitted vector (n_fit,), with a mean square `variance`, are white noise.

    Compared with neighbours, noise that is correlated increases with the size of blocks, and structure that changes
    slowly adds to the mean square alone.
    """
    found = [details.square[details.number >= _ENOUGH].mean(axis=1) for details, _ in _looked_at(setup, vector)]
    n_scale = min(one.size for one in found)
    if n_scale == 0:
        return False
    # Of all azimuths together: at the largest scale, blocks of one are few.
    noise = np.mean([one[:n_scale] for one in found], axis=0)
    chance = _SURE / np.sqrt(setup.data.n_phi * min(setup.data.n_t, _MOST_FRAMES) ** 2 / 2)
    return bool(noise.max() < _WHITE * noise[0] and variance < (_LEFT + chance) * noise[0])


def _looked_at(setup: Setup, vector: FloatArray) -> list[tuple[Details, float]]:
    """Return the details of the residuals of some azimuths and frames, and their mean squares."""
    data, n_free = setup.data, len(setup.free.free)
    contrast, offset = setup.scaling.per_angle(vector[n_free:])
    chosen = np.unique(np.linspace(0, data.n_phi - 1, min(data.n_phi, _MOST_ANGLES)).astype(int))
    near = max(setup.config.data.exclude_diagonals, 1)
    first = max((data.n_t - _MOST_FRAMES) // 2, 0)
    some = slice(first, first + _MOST_FRAMES)
    of_chosen = data.phi[chosen], contrast[chosen], offset[chosen]
    maps = setup.physics.model_maps(setup.free.full(vector[:n_free]), data.t[some], data.q, *of_chosen)
    found = []
    for a, fitted in zip(chosen, maps, strict=True):
        used = data.valid[a, some] & (data.weight[a, some] > 0)
        cut, n_used = residuals(data.c2[a, some, some], fitted, used)
        whole = cut(slice(None), slice(None))
        details = measured_details(functools.partial(cut_of, whole), n_used, near)
        found.append((details, _mean_square(whole, near)))
    return found


def typical(found: FloatArray) -> float:
    """Return the inflation of a measurement from that of its azimuths."""
    return float(np.clip(np.median(found), 1.0, MOST))


def inflation_of(details: Details, variance: float) -> float:
    """Return the inflation of residuals with that mean square, 1 if it cannot be estimated."""
    many = details.number >= _ENOUGH
    if variance <= 0 or not many.any():
        return 1.0
    return float(details.square[many].mean(axis=1).max()) / variance


def residuals(
    c2: npt.NDArray[np.floating], fitted: npt.NDArray[np.floating], used: npt.NDArray[np.bool_]
) -> tuple[Cut, int]:
    """Return the residuals of a map (n_t, n_t), without unused frames, 0 where a pair is missing, and how many frames
    they have."""
    frames, all_used = np.flatnonzero(used), bool(used.all())

    def cut(rows: slice, columns: slice) -> Floats:
        place = (rows, columns) if all_used else np.ix_(frames[rows], frames[columns])
        found = c2[place] - fitted[place]
        finite = np.isfinite(found)
        if not finite.all():
            found[~finite] = 0.0
        return found

    return cut, frames.size


def _mean_square(residual: Floats, near: int) -> float:
    """Return the mean square of residuals (n, n) at least `near` frames apart."""
    n = len(residual)
    total = sum(float(np.vdot(row[k + near :], row[k + near :])) for k, row in enumerate(residual))
    return total / max((n - near) * (n - near + 1) / 2, 1.0)
