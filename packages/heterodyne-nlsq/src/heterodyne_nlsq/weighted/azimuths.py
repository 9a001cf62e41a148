"""One azimuth of a fit as the weights see it, and products of its matrices with vectors over frames.

No matrix over pairs of frames is formed: derivatives of the map, and the inverse of the covariance of its noise, are
applied to vectors by recursions over frames.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.calibration import Calibration, request_of
from heterodyne_nlsq.uncertainty.noise_parts import NoiseParts
from heterodyne_nlsq.uncertainty.pixels import SLICE, Request, padded_ages, products, slope_products
from heterodyne_physics_meshgrid import Physics

type FloatArray = npt.NDArray[np.float64]

_AT_ONCE = 256
"""Vectors to which an inverse is applied at once."""

_COLUMNS = 128
"""Columns of a map that are computed at once."""


class Azimuth(NamedTuple):
    """An azimuth at the estimate with equal weights.

    The `request` has the parameters, with weight 1 of all frames; `a` is the number of the azimuth. `c2` is its map,
    (n_t, n_t), `root` (n_t,) the root of the weights of the frames, 0 without data. `fluctuations` (n_t, n_pixel) are
    those of simulated pixels.
    """

    request: Request
    a: int
    c2: npt.NDArray[np.floating]
    root: FloatArray
    contrast: float
    noise: NoiseParts
    fluctuations: npt.NDArray[np.float32]

    @property
    def used(self) -> npt.NDArray[np.int_]:
        """The frames with data."""
        return np.flatnonzero(self.root > 0)


def azimuths(setup: Setup, calibration: Calibration, values: FloatArray, contrast: FloatArray) -> list[Azimuth]:
    """Return all azimuths of a fit with all parameters (n_par,) and contrast (n_phi,)."""
    data, request = setup.data, request_of(setup, values, contrast)
    root, request = np.sqrt(request.weight), request._replace(weight=np.ones_like(request.weight))
    return [
        Azimuth(request, a, data.c2[a], root[a], float(contrast[a]), calibration.parts[a], calibration.fluctuations[a])
        for a in range(data.n_phi)
    ]


def own_variance(noise: NoiseParts) -> float:
    """Return the variance of the relative intensity of a pixel in a frame that is not shared with another frame."""
    return float(np.sqrt((noise.photons + noise.white) / noise.speckle))


def own_over_shared(noise: NoiseParts, correlation: FloatArray, contrast: float) -> float:
    """Return the variance of a frame that no other frame shares over what it shares.

    In units of the contrast, the latter is the mean eigenvalue of the correlation M of frames, each weighted by itself:
    Σ M_ij² over the number of frames, one for frames without a common part. `correlation` (n_some, n_t) are rows of M.
    """
    if noise.speckle <= 0 or correlation.size == 0:
        return np.inf
    return own_variance(noise) / float(_safe(contrast)) / float(np.mean(np.sum(correlation**2, axis=1)))


def unit_columns(n_t: int, frames: npt.NDArray[np.int_]) -> FloatArray:
    """Return vectors (n_t, k) that are 1 at one of the given frames."""
    found = np.zeros((n_t, frames.size))
    found[frames, np.arange(frames.size)] = 1.0
    return found


def counted(part: Azimuth, frames: npt.NDArray[np.int_]) -> npt.NDArray[np.bool_]:
    """Return which pairs of all frames with the given ones count in the fit, (n_t, k)."""
    every = np.arange(part.root.size)[:, None]
    # A pair counts as its earlier half says, as in the fit.
    earlier, later = np.isfinite(part.c2[:, frames]), np.isfinite(part.c2[frames]).T
    known = np.where(every < frames, earlier, later) & (np.abs(every - frames) >= part.request.n_near)
    return np.asarray(known & (part.root > 0)[:, None] & (part.root[frames] > 0))


def slope_columns(part: Azimuth, frames: npt.NDArray[np.int_]) -> FloatArray:
    """Return columns of the derivatives of the map by free parameters, contrast and offset, (n_local, n_t, k)."""
    request = part.request._replace(n_near=1)
    return products(request, part.a, unit_columns(part.root.size, frames))


@functools.partial(jax.jit, static_argnames="physics")
def _inverse(
    physics: Physics, vector: Array, t: Array, q: Array, phi: Array, noise: Array, z: Float[Array, "n_t k"]
) -> Float[Array, "n_t k"]:
    return physics.inverse_products(vector, t, q, phi, noise, z)


def smoothed(part: Azimuth, ridge: float, z: FloatArray) -> FloatArray:
    """Return B z for vectors (n_t, k), with the roots of the weights of the frames on both sides of B.

    B = (Γ + ridge · contrast · 1)⁻¹, or 1.
    """
    root = part.root[:, None]
    if is_one(part, ridge):
        return root**2 * z
    request, n_t = part.request, part.root.size
    t, noise = _ages_and_noise(part, ridge)
    arrays = [jnp.asarray(one, float) for one in (request.vector, t, request.q, request.phi[part.a], noise)]
    found = np.empty_like(z)
    for k in range(0, z.shape[1], _AT_ONCE):
        some = z[:, k : k + _AT_ONCE]
        right = np.pad(root * some, ((0, t.size - n_t), (0, _AT_ONCE - some.shape[1])))
        solved = np.asarray(_inverse(request.physics, *arrays, jnp.asarray(right)))
        found[:, k : k + _AT_ONCE] = solved[:n_t, : some.shape[1]]
    found *= root / float(_safe(part.contrast))
    return found


def is_one(part: Azimuth, ridge: float) -> bool:
    """Return whether B is 1: with equal weights, an infinite `ridge`, and where frames share no noise."""
    return bool(np.isinf(ridge)) or part.noise.speckle <= 0


def _safe(contrast: Any) -> Any:
    """Return a contrast that can be divided by."""
    return jnp.maximum(contrast, 1e-9)


def _ages_and_noise(part: Azimuth, ridge: float) -> tuple[FloatArray, FloatArray]:
    """Return the ages of the frames, padded, and the diagonal that is added to Γ over the contrast."""
    t = padded_ages(part.request.t)
    noise = np.full(t.size, np.inf)
    noise[part.used] = own_variance(part.noise) / float(_safe(part.contrast)) + ridge
    return t, noise


@functools.partial(jax.jit, static_argnames="n_near")
def _both_sides(
    physics: Physics,
    vector: Array,
    expand: Array,
    t: Array,
    q: Array,
    phi: Array,
    contrast: Array,
    z: Float[Array, "n_t k"],
    noise: Float[Array, " n_t"],
    root: Float[Array, " n_t"],
    n_near: int,
) -> Float[Array, "n_local n_t k"]:
    def smooth(right: Array) -> Array:
        return root[:, None] * physics.inverse_products(vector, t, q, phi, noise, root[:, None] * right)

    inner = slope_products(physics, vector, expand, t, q, phi, contrast, smooth(z), n_near)
    n_local, n_t, k = inner.shape
    outer = smooth(jnp.moveaxis(inner, 0, 1).reshape(n_t, n_local * k))
    return jnp.moveaxis(outer.reshape(n_t, n_local, k), 1, 0) / _safe(contrast) ** 2


def both_sides(part: Azimuth, ridge: float, z: FloatArray) -> FloatArray:
    """Return B X B z of `SLICE` vectors (n_t, k) for the derivatives X of the map, near pairs left out, by free
    parameters, contrast and offset, (n_local, n_t, k); with the roots of the weights as in `smoothed`.
    """
    if is_one(part, ridge):
        weight = part.root[:, None] ** 2
        return weight * products(part.request, part.a, weight * z)
    request, (n_t, k) = part.request, z.shape
    t, noise = _ages_and_noise(part, ridge)
    padded = np.pad(z, ((0, t.size - n_t), (0, SLICE - k)))
    arguments = (request.vector, request.expand, t, request.q, request.phi[part.a], request.contrast[part.a])
    root = np.pad(part.root, (0, t.size - n_t))
    arrays = [jnp.asarray(one, float) for one in (*arguments, padded, noise, root)]
    return np.asarray(_both_sides(request.physics, *arrays, n_near=request.n_near))[:, :n_t, :k]


@functools.partial(jax.jit, static_argnames="physics")
def _columns(
    physics: Physics, vector: Array, t: Array, q: Array, phi: Array, z: Float[Array, "n_t k"]
) -> Float[Array, "n_t k"]:
    return physics.pair_products(vector, t, q, phi, z, 1, later=True)


def map_columns(part: Azimuth, values: FloatArray, frames: npt.NDArray[np.int_]) -> FloatArray:
    """Return columns of the model's map without contrast and offset, of all parameters (n_par,), 0 on its diagonal."""
    request, n_t = part.request, part.root.size
    t = padded_ages(request.t)
    width = -(-frames.size // _COLUMNS) * _COLUMNS
    z = np.pad(unit_columns(n_t, frames), ((0, t.size - n_t), (0, width - frames.size)))
    arrays = [jnp.asarray(one, float) for one in (values, t, request.q, request.phi[part.a], z)]
    return np.asarray(_columns(request.physics, *arrays))[:n_t, : frames.size]
