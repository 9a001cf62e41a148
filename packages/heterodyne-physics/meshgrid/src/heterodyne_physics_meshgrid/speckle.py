"""Intensities of single pixels whose two-time correlation is the model's: complex Gaussian fields of its components.

A pixel sees the field E(t) = Σ a_c(t) ξ_c(t) over the components. The ξ_c are complex Gaussian; that the correlation of
each shrinks from frame to frame, as exp(-q²/2 ∫J) does, a first-order recursion gives exactly. The intensity is that of
several incoherent modes; contrast is one over their number (Goodman, Speckle Phenomena in Optics, 2007). Then
⟨I₁ I₂⟩ / ⟨I₁⟩⟨I₂⟩ is 1 + M / n_modes, with the model's bracket M, by the moment theorem (Siegert relation).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_physics_meshgrid.models import physics_of
from heterodyne_physics_meshgrid.precision import require_float64

type FloatArray = npt.NDArray[np.float64]


class FieldLaws(NamedTuple):
    """Coefficients of the fields of one azimuth, frame by frame, one item for each component.

    `keep` (n_t - 1,) is the autocorrelation of the component after one frame and `amplitude` (n_t,), real or complex,
    its amplitude in the field; the squares of the moduli add up to one.
    """

    keep: tuple[FloatArray, ...]
    amplitude: tuple[npt.NDArray[np.inexact], ...]


def field_laws(model: Any, t: FloatArray, q: float, phi: float) -> FieldLaws:
    """Return the coefficients of the fields at ages `t` (n_t,) in s, `q` in 1/Å and azimuth `phi` in degrees."""
    require_float64(model, [])
    found: FieldLaws = physics_of(model.model_id).fields(model, np.asarray(t, float), q, phi)
    return found


def gaussian_histories(keep: FloatArray, shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.complex64]:
    """Return complex Gaussian histories of unit mean square, (shape[0], n_t, shape[1]), in single precision.

    `keep` (n_t - 1,) is the correlation from each frame to the next.
    """
    n_t = keep.size + 1
    noise = rng.standard_normal((n_t, *shape, 2), np.float32).view(np.complex64)[..., 0] * np.float32(np.sqrt(0.5))
    fresh = np.sqrt(1 - keep**2)
    for k in range(1, n_t):
        noise[k] *= np.float32(fresh[k - 1])
        noise[k] += np.float32(keep[k - 1]) * noise[k - 1]
    return np.moveaxis(noise, 0, 1)


def pixel_intensities(laws: FieldLaws, n_pixels: int, n_modes: int, rng: np.random.Generator) -> FloatArray:
    """Return intensities (n_pixels, n_t) of independent pixels in units of their expectation."""
    total = np.zeros((laws.amplitude[0].size, n_pixels))
    for _ in range(n_modes):
        components = [gaussian_histories(keep, (1, n_pixels), rng)[0] for keep in laws.keep]
        parts = [a[:, None] * one for a, one in zip(laws.amplitude, components, strict=True)]
        field = functools.reduce(np.add, parts)
        total += field.real**2 + field.imag**2
    return total.T / n_modes


def speckle_map(
    laws: FieldLaws,
    n_pixels: int,
    n_modes: int,
    rng: np.random.Generator,
    photons: float | None = None,
    brightness: FloatArray | None = None,
) -> FloatArray:
    """Return c2 (n_t, n_t) as measured by a detector sector of `n_pixels`: ⟨I₁ I₂⟩ / ⟨I₁⟩⟨I₂⟩ over its pixels.

    `photons` is the mean count per pixel and frame (Poisson), None for no photon noise; `brightness` (n_t,) the
    relative intensity of the frames. The diagonal includes shot noise, as for a real detector.
    """
    n_t = laws.amplitude[0].size
    brightness = np.ones(n_t) if brightness is None else brightness
    products, sums = np.zeros((n_t, n_t)), np.zeros(n_t)
    # In portions of pixels, which limits the memory for any size of the sector.
    portion = max(1, min(n_pixels, 2_000_000 // n_t))
    for first in range(0, n_pixels, portion):
        seen = pixel_intensities(laws, min(portion, n_pixels - first), n_modes, rng) * brightness
        if photons is not None:
            seen = rng.poisson(photons * seen).astype(float)
        products += seen.T @ seen
        sums += seen.sum(axis=0)
    mean = np.maximum(sums, 1e-300) / n_pixels
    return np.asarray(products / n_pixels / np.outer(mean, mean))
