"""Intensities of single pixels with the two-time correlation of the model: complex Gaussian fields of two components.

The field at a pixel is E(t) = (1 - x) ξ_r(t) + x ξ_s(t) e^{iΦ(t)} with Φ = q cos(phi + phi0) ∫v. ξ_r and ξ_s are
complex Gaussian with |g1(t1, t2)| = exp(-q²/2 ∫J), which a first-order recursion from frame to frame gives exactly. The
intensity is that of several incoherent modes; contrast is one over their number (Goodman, Speckle Phenomena in Optics,
2007). Then ⟨I₁ I₂⟩ / ⟨I₁⟩⟨I₂⟩ is 1 + M / n_modes, with the model's bracket M, by the moment theorem (Siegert relation).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array

from heterodyne_physics_meshgrid._generated.model import HeterodyneModel
from heterodyne_physics_meshgrid.correlation import cosine_of_degrees
from heterodyne_physics_meshgrid.precision import require_float64
from heterodyne_physics_meshgrid.time_integral import cumulative_trapezoid

type FloatArray = npt.NDArray[np.float64]


class FieldLaws(NamedTuple):
    """Coefficients of the fields of one azimuth, frame by frame.

    `keep_ref` and `keep_sample` (n_t - 1,) are the autocorrelations of the components after one frame, `share_ref` and
    `share_sample` (n_t,) amplitudes whose squares add up to one, and `turn` (n_t,) is e^{iΦ}.
    """

    keep_ref: FloatArray
    keep_sample: FloatArray
    share_ref: FloatArray
    share_sample: FloatArray
    turn: npt.NDArray[np.complex128]


def field_laws(model: HeterodyneModel, t: FloatArray, q: float, phi: float) -> FieldLaws:
    """Return the coefficients of the fields at ages `t` (n_t,) in s, `q` in 1/Å and azimuth `phi` in degrees."""
    dt, ages = float(t[1] - t[0]), jnp.asarray(t, float)
    require_float64(model, [ages])

    j_r, j_s, way, x, angle = (np.asarray(part) for part in _integrals(model, ages, dt, phi))

    def kept(integral: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-(q**2) / 2 * np.diff(integral)))

    norm = np.sqrt(x**2 + (1 - x) ** 2)
    return FieldLaws(kept(j_r), kept(j_s), (1 - x) / norm, x / norm, np.exp(1j * q * angle * way))


@jax.jit
def _integrals(model: HeterodyneModel, ages: Array, dt: Array, phi: Array) -> tuple[Array, ...]:
    """Return the integrals of J_r, J_s and v from the first frame, x, and cos(phi + phi0)."""
    integrals = (cumulative_trapezoid(function(ages), dt) for function in (model.J_r, model.J_s, model.v))
    return (*integrals, model.x(ages), cosine_of_degrees(phi + model.phi0))


def histories(keep: FloatArray, shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.complex64]:
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
    total = np.zeros((laws.turn.size, n_pixels))
    moving = (laws.share_sample * laws.turn)[:, None]
    for _ in range(n_modes):
        (reference,), (sample,) = (histories(keep, (1, n_pixels), rng) for keep in (laws.keep_ref, laws.keep_sample))
        field = laws.share_ref[:, None] * reference + moving * sample
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
    n_t = laws.turn.size
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
