"""The noise of maps and residuals, from differences of neighbouring entries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_data.result.parts import MapNoise
from heterodyne_data.two_time import TwoTimeData, pair_valid

type FloatArray = npt.NDArray[np.float64]

ROUNDING = float(np.finfo(np.float32).eps) ** 2
"""Smallest variance of a pair: rounding errors, because maps are kept in float32."""

STRUCTURE = 3.0
"""Ratio of residual to expected noise above which there is structure, in results that do not state a limit."""


def structured(noise: MapNoise | None) -> npt.NDArray[np.bool_]:
    """Return at which azimuths (n_phi,) the residuals have structure beyond the noise; at none if unknown."""
    if noise is None:
        return np.zeros(0, bool)
    return np.asarray(noise.excess > (STRUCTURE if noise.limit is None else noise.limit))


_ROWS = 256


def noise_sd(
    values: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_], model: npt.NDArray[np.floating] | None = None
) -> float:
    """Return the standard deviation of the white noise of one map.

    The second difference along a diagonal, (a_k - 2 a_{k+1} + a_{k+2}) / √6 with a_k = values[i + k, j + k], takes
    out slow changes with age and preserves independent noise. Noise that neighbouring frames
    share is smooth along the diagonal and not included, so this is a lower limit of the total noise.

    Parameters
    ----------
    values : (N, N) residuals or data; only i < j is used.
    valid : (N, N), which entries are used.
    model : (N, N), what is subtracted of data.

    Returns
    -------
    The standard deviation of one entry, 0 if there is no triple of valid neighbours.
    """
    total, count = _second_differences(values, valid, model)
    return float(np.sqrt(total / count / 6.0)) if count else 0.0


def data_noise(data: TwoTimeData) -> float:
    """Return the white noise of all maps of a measurement together; see `noise_sd`."""
    squares, counts = zip(*map(_second_differences, data.c2, pair_valid(data)), strict=True)
    return float(np.sqrt(sum(squares) / sum(counts) / 6.0)) if sum(counts) else 0.0


def _second_differences(
    values: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_], model: npt.NDArray[np.floating] | None = None
) -> tuple[float, int]:
    """Return the sum of squared second differences along the diagonals of one map, and how many there are."""
    total, count = 0.0, 0
    for first in range(0, len(values) - 2, _ROWS):
        # A slab at a time: large maps are not copied whole. Columns before the first row are below the diagonal.
        last, end = min(first + _ROWS, len(values) - 2), values.shape[1] - 2
        slab = slice(first, last + 2), slice(first, None)
        rest, usable = values[slab] if model is None else values[slab] - model[slab], valid[slab]
        places = [(slice(k, last - first + k), slice(k, end - first + k)) for k in range(3)]
        used = np.arange(first, end) > np.arange(first, last)[:, None]
        for place in places:
            used &= usable[place]
        a, b, c = (rest[place] for place in places)
        difference = a.astype(float) - 2.0 * b + c
        total += float(np.sum(np.square(difference, where=used, out=np.zeros_like(difference)), where=used))
        count += int(np.count_nonzero(used))
    return total, count


def reduced_chi_square(sums: FloatArray, counts: FloatArray, noise: FloatArray, n_fitted: int) -> float:
    """Return the mean squared residual in units of the noise variance, per degree of freedom.

    Parameters
    ----------
    sums : (n_phi,) sums of squared weighted residuals.
    counts : (n_phi,) sums of weights.
    noise : (n_phi,) standard deviations from `noise_sd` of the residuals.
    n_fitted : number of fitted values.

    Returns
    -------
    About 1 if the residuals are white; more if they have structure, due to a misfit or noise that
    neighbouring frames share. NaN if an angle has no noise.
    """
    freedom = float(np.sum(counts)) - n_fitted
    if freedom <= 0 or np.any(noise**2 <= ROUNDING):
        return float("nan")
    return float(np.sum(sums / noise**2) / freedom)
