"""Age slices: curves against lag, averaged along the diagonals of the maps around a few ages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData

type FloatArray = npt.NDArray[np.float64]

FEWEST_FRAMES = 24
"""Number of frames below which ages cannot be resolved."""

_AGES = (0.05, 0.08, 0.12, 0.17, 0.23, 0.30, 0.38, 0.47, 0.56, 0.66, 0.76, 0.86)
"""Middles of the windows, as fractions of the measurement. A long one has more: at half the first, a quarter ..., and
as far from the end."""

_NEAREST = 20.0
"""Least distance of these from the beginning, in frames; twice that from the end. What happens in the first 5 % of a
long measurement, or in its last 10 %, shows only there."""

_HALF_WIDTH, _OF_REST = 0.06, 0.4
"""Half width of a window relative to its age, so narrow that the fringes within it remain in phase, and at most
relative to what is left of the measurement."""

_DENSE_LAGS, _LAG_GROWTH = 32, 1.04

_MOST_ANGLES = 5
"""Number of angles used; more would take time without much benefit."""


@dataclass(frozen=True)
class Curves:
    """c2 against lag at several ages.

    `age` (n_age,) in s, and as `frame` in frames from the first; `lag` (n_lag,) in frames; `middle` (n_age, n_lag) in
    s, the mean age of the pairs averaged, and `spread` (n_age, n_lag) in s, half the range of their ages; `value` and
    `weight` (n_age, n_phi, n_lag), the weight being the number of pairs averaged, 0 where there are none; `dt` in s and
    `phi` (n_phi,) in degrees. `noise` (n_phi,) is the variance of a pair due to noise that neighbours do not share.
    """

    age: FloatArray
    frame: FloatArray
    lag: FloatArray
    middle: FloatArray
    spread: FloatArray
    value: FloatArray
    weight: FloatArray
    dt: float
    phi: FloatArray
    noise: FloatArray

    def within(self, reach: float) -> Curves:
        """Return the curves without lags longer than `reach` times the age."""
        near = self.lag <= np.maximum(reach * self.frame, 8.0)[:, None]
        return replace(self, weight=self.weight * near[:, None], value=self.value * near[:, None])


def lags(n_t: int) -> npt.NDArray[np.int_]:
    """Return the lags used: all short ones, increasingly sparse for long ones."""
    grown = _DENSE_LAGS * _LAG_GROWTH ** np.arange(np.log(max(n_t / _DENSE_LAGS, 1.0)) / np.log(_LAG_GROWTH))
    found = np.unique(np.concatenate([np.arange(1, _DENSE_LAGS), np.round(grown)]).astype(int))
    return np.asarray(found[found < n_t])


def _middles(n_t: int) -> FloatArray:
    """Return the middles of the windows in frames."""
    inside = np.array(_AGES) * (n_t - 1)

    def halves(distance: float, least: float) -> FloatArray:
        return np.asarray(distance / 2.0 ** np.arange(1, 1 + int(np.log2(max(distance / least, 1.0)))))

    early, late = halves(inside[0], _NEAREST), halves(n_t - 1 - inside[-1], 2 * _NEAREST)
    return np.concatenate([early[::-1], inside, n_t - 1 - late])


def _angles(phi: FloatArray) -> npt.NDArray[np.int_]:
    """Return a few angles with different fringe frequencies."""
    order = np.argsort(np.abs(np.cos(np.deg2rad(phi))))
    return np.asarray(np.unique(order[np.round(np.linspace(0, len(phi) - 1, min(len(phi), _MOST_ANGLES))).astype(int)]))


def age_curves(data: TwoTimeData, reach: float = 2.0) -> Curves:
    """Return the averages over the pairs whose middle lies around an age, of lags up to `reach` times that age.

    Coefficients change little over short lags; slow decays require long ones.
    """
    n_t, lag, chosen = data.n_t, lags(data.n_t), _angles(data.phi)
    middles = _middles(n_t)
    half = np.maximum(np.minimum(_HALF_WIDTH * middles, _OF_REST * (n_t - 1 - middles)), 1.5)
    value, weight = np.zeros((2, middles.size, chosen.size, lag.size))
    squares, counted = np.zeros((2, chosen.size))
    middle, spread = np.zeros((2, middles.size, lag.size))
    weights = (data.weight * data.valid)[chosen]
    for k, step in enumerate(lag):
        first = np.arange(n_t - step)
        c2 = np.asarray(data.c2[chosen[:, None], first, first + step], float)
        w = weights[:, :-step] * weights[:, step:] * np.isfinite(c2)
        c2 = np.where(np.isfinite(c2), c2, 0.0)
        # Second differences along the diagonal: see `heterodyne_data.setup.noise_sd`.
        whole = (w[:, :-2] > 0) & (w[:, 1:-1] > 0) & (w[:, 2:] > 0)
        squares += np.sum(np.square(np.diff(c2, 2, axis=1), where=whole, out=np.zeros(whole.shape)), axis=1)
        counted += np.count_nonzero(whole, axis=1)
        sums = np.cumsum(np.pad(w * c2, ((0, 0), (1, 0))), axis=1)
        counts = np.cumsum(np.pad(w, ((0, 0), (1, 0))), axis=1)
        low = np.clip(np.ceil(middles - half - step / 2), 0, n_t - step).astype(int)
        high = np.clip(np.floor(middles + half - step / 2) + 1, low, n_t - step).astype(int)
        middle[:, k], spread[:, k] = (low + high - 1 + step) / 2, np.maximum(high - low - 1, 0) / 2
        weight[:, :, k] = (counts[:, high] - counts[:, low]).T
        there = weight[:, :, k] > 0
        value[:, :, k] = np.where(there, (sums[:, high] - sums[:, low]).T / np.where(there, weight[:, :, k], 1.0), 0.0)
    dt = float(np.median(np.diff(data.t)))
    ages, middle = (data.t[0] + dt * frames for frames in (middles, middle))
    noise = squares / np.maximum(6 * counted, 1.0)
    curves = Curves(ages, middles, lag.astype(float), middle, dt * spread, value, weight, dt, data.phi[chosen], noise)
    return curves.within(reach)
