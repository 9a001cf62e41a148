"""Noise of the comparison of two models of the same maps.

Least squares distinguishes models m1 and m0 by <R, D>, the residuals times the difference D = m1 - m0. Its variance
follows from the simulated pixels, like that of the score (see `uncertainty.pixels`). Divided by the variance for
uncorrelated noise, it is the inflation of the difference of their chi-squares: the first-moment adjustment of a
composite likelihood ratio (Rotnitzky and Jewell 1990, Biometrika 77, 485; Varin, Reid and Firth 2011, Statistica
Sinica 21, 5) along the direction D.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts

type FloatArray = npt.NDArray[np.float64]
type Floats = npt.NDArray[np.floating]


def noise_along(
    difference: Floats,
    correlation: Floats,
    weight: FloatArray,
    near: int,
    pixels: Floats,
    parts: NoiseParts,
    own: float,
) -> tuple[float, float]:
    """Return the variance of <R, D> at one azimuth, and <D, D>.

    Parameters
    ----------
    difference : D (n_t, n_t), of which the pairs at least `near` frames apart count.
    correlation : Γ (n_t, n_t), c2 less its offset.
    weight : of the frames, (n_t,).
    pixels : relative fluctuations (n_t, n_pixel).
    parts, own : noise of the map, and the variance of the noise of every pair's own.
    """
    apart = np.triu(np.outer(weight, weight), near).astype(np.float32)
    upper = np.where(apart > 0, difference, 0).astype(np.float32) * apart
    squares = float(np.vdot(upper, np.where(apart > 0, difference, 0)))
    variance = own * float(np.vdot(upper, upper))
    if parts.speckle > 0:
        both = upper + upper.T
        response = both @ pixels
        linear = np.einsum("ij,ij->i", both, correlation.astype(np.float32))
        shared = np.einsum("ik,ik->k", pixels, response) / 2 - linear @ pixels
        light = np.maximum(1 + pixels, 0)
        seen = np.einsum("ik,ik->", light, (response - linear[:, None]) ** 2) / pixels.shape[1]
        variance += parts.speckle * float(np.var(shared, dtype=float)) + parts.mixed * float(seen)
    return variance, squares
