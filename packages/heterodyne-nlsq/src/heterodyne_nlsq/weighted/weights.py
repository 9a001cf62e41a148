"""Weights of the pairs of one azimuth that follow from the covariance of its noise.

Under Gaussian statistics, residuals R of a map averaged over P pixels have the covariance
Cov(R_ij, R_kl) = (Γ_ik Γ_jl + Γ_il Γ_jk) / P, with Γ the correlation of the relative intensities of two frames, on its
diagonal the noise of a frame included. The efficient estimating equations are Σ_{i<j} W_ij R_ij = 0 with
W = Γ⁻¹ X Γ⁻¹ for every derivative X of the map. Speckle is not Gaussian, and Γ⁻¹ amplifies what is known worst: with a
ridge, W = B X B with B = (Γ + ridge · contrast · 1)⁻¹, from the Gaussian optimum (0) to equal weights (infinity). The
equations are unbiased whatever B is, because the mean of R is 0 at the truth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts

type FloatArray = npt.NDArray[np.float64]
type Maps = npt.NDArray[np.float32]


class Azimuth(NamedTuple):
    """A map as the weights see it, frames without data left out.

    `fitted` (n, n) is the map of the point estimate. The `residual` (n, n) there and `slopes` (n_local, n, n), the
    derivatives of the map by free parameters, contrast and offset, are multiplied by the root of the weight of a pair,
    and 0 where a pair does not count; `root` (n, n) is that root. `correlation` (n, n) is Γ without the noise of
    frames, `fluctuations` (n, n_pixel) are those of simulated pixels.
    """

    frames: npt.NDArray[np.int_]
    fitted: FloatArray
    residual: FloatArray
    slopes: Maps
    root: Maps
    correlation: FloatArray
    contrast: float
    noise: NoiseParts
    fluctuations: Maps


def of_frames[M: npt.NDArray[np.floating]](maps: M, frames: npt.NDArray[np.int_]) -> M:
    """Return maps (..., n_t, n_t) at the given frames, not copied if these are all."""
    return maps if frames.size == maps.shape[-1] else maps[..., frames[:, None], frames]  # type: ignore[return-value]


def own_variance(noise: NoiseParts) -> float:
    """Return the variance of the relative intensity of a pixel in a frame that is not shared with another frame."""
    return float(np.sqrt((noise.photons + noise.white) / noise.speckle))


def weights(azimuth: Azimuth, ridge: float) -> Maps:
    """Return the weights (n_local, n, n) of residuals that have the root of their pair's weight, symmetric.

    Their unit is one over the variance of a pair. An infinite `ridge` means equal weights, the same for all azimuths.
    """
    noise = azimuth.noise
    if np.isinf(ridge):
        return azimuth.slopes
    if noise.speckle <= 0:
        return azimuth.slopes / np.float32(noise.photons + noise.white)
    diagonal = own_variance(noise) + ridge * azimuth.contrast
    smoothed = np.linalg.inv(azimuth.correlation + diagonal * np.eye(len(azimuth.correlation))).astype(np.float32)
    found = np.asarray(smoothed @ azimuth.slopes @ smoothed, np.float32)
    found *= (azimuth.root > 0) / np.float32(noise.speckle)
    return found


def score_covariance(azimuth: Azimuth, weighted: Maps, n_pixel: int | None = None) -> FloatArray:
    """Return the covariance of the weighted sum of residuals, (n_local, n_local), from the simulated pixels.

    With W the weights of the residuals themselves, a pixel adds Σ_{i<j} W_ij (δ_i δ_j - Γ_ij (1 + δ_i + δ_j)); photon
    noise of a frame is seen through the same product with the other frames.
    """
    noise, delta, weighted = azimuth.noise, azimuth.fluctuations[:, :n_pixel], weighted * azimuth.root
    flat = weighted.reshape(len(weighted), -1)
    own = (noise.photons + noise.white) * np.asarray(flat @ flat.T, np.float64) / 2
    if noise.speckle <= 0:
        return own
    linear = np.einsum("kij,ij->ki", weighted, azimuth.correlation, dtype=np.float64)
    shared, lit = [], np.zeros_like(own)
    bright = np.maximum(1.0 + delta, 0.0)
    seen = []
    for w, line in zip(weighted, linear, strict=True):
        product = w @ delta
        shared.append(np.einsum("ip,ip->p", product, delta, dtype=np.float64) / 2 - line @ delta)
        seen.append((product - line[:, None].astype(np.float32)) * np.sqrt(bright))
    if noise.mixed > 0:
        columns = np.array(seen).reshape(len(seen), -1)
        lit = np.asarray(columns @ columns.T, np.float64) / delta.shape[1]
    return noise.speckle * np.cov(np.array(shared)) + noise.mixed * lit + own
