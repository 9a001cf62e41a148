"""The noise of the maps, seen in differences of neighbouring entries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]


def noise_sd(values: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_]) -> float:
    """Return the standard deviation of the white noise of one map.

    The second difference along a diagonal, (a_k - 2 a_{k+1} + a_{k+2}) / √6 with a_k = values[i + k, j + k], takes
    out what changes slowly with age and keeps independent noise as it is. Noise that neighbouring frames
    share is smooth along the diagonal and does not show, so this is a lower limit of the whole noise.

    Parameters
    ----------
    values : (N, N) residuals or data; only i < j is used.
    valid : (N, N) which entries count.

    Returns
    -------
    The standard deviation of one entry, 0 when there is no triple of valid neighbours.
    """
    used = np.triu(valid, k=1)
    triple = used[:-2, :-2] & used[1:-1, 1:-1] & used[2:, 2:]
    if not triple.any():
        return 0.0
    filled = np.where(used, values, 0.0)
    difference = filled[:-2, :-2] - 2.0 * filled[1:-1, 1:-1] + filled[2:, 2:]
    return float(np.sqrt(np.mean(difference[triple] ** 2) / 6.0))


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
    About 1 when the residuals are white; more when they have structure, be it a misfit or noise that
    neighbouring frames share. NaN when an angle shows no noise at all.
    """
    freedom = float(np.sum(counts)) - n_fitted
    if freedom <= 0 or np.any(noise <= 0):
        return float("nan")
    return float(np.sum(sums / noise**2) / freedom)
