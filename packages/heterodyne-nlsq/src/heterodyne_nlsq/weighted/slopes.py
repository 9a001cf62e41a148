"""The maps of a fit and their derivatives, azimuth by azimuth, as the weights need them."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_nlsq.weighted.weights import Azimuth, of_frames
from heterodyne_physics_meshgrid import Physics

type FloatArray = npt.NDArray[np.float64]


@functools.partial(jax.jit, static_argnames="physics")
def _map(
    physics: Physics, vector: Float[Array, " n_par"], t: Float[Array, " n_t"], q: Array, phi: Array
) -> Float[Array, "n_t n_t"]:
    found: Array = physics.bracket(physics.model.from_vector(vector), t, q, phi[None])[0]
    return found


@functools.partial(jax.jit, static_argnames="physics")
def _slopes(
    physics: Physics,
    vector: Float[Array, " n_par"],
    expand: Float[Array, "n_par n_free"],
    t: Float[Array, " n_t"],
    q: Array,
    phi: Array,
) -> Float[Array, "n_free n_t n_t"]:
    # One after the other: the maps of all directions at once would need n_free times the memory.
    return jax.lax.map(
        lambda along: jax.jvp(lambda at: _map(physics, at, t, q, phi), (vector,), (along,))[1].astype(jnp.float32),
        expand.T,
    )


def model_map(setup: Setup, values: FloatArray, a: int) -> FloatArray:
    """Return the model of azimuth number `a` without contrast and offset, (n_t, n_t), of all parameters (n_par,)."""
    data = setup.data
    arrays = (jnp.asarray(part, float) for part in (values, data.t, data.q, data.phi[a]))
    return np.asarray(_map(setup.physics, *arrays))


def slopes(setup: Setup, values: FloatArray, contrast: float, a: int) -> npt.NDArray[np.float32]:
    """Return the derivatives of the map by free parameters, contrast and offset, (n_local, n_t, n_t)."""
    data = setup.data
    arrays = (jnp.asarray(part, float) for part in (values, setup.free.expand, data.t, data.q, data.phi[a]))
    found = np.empty((setup.free.expand.shape[1] + 2, data.n_t, data.n_t), np.float32)
    found[:-2] = np.float32(contrast) * np.asarray(_slopes(setup.physics, *arrays))
    found[-2], found[-1] = model_map(setup, values, a), 1.0
    return found


def pair_roots(setup: Setup, a: int) -> npt.NDArray[np.float32]:
    """Return the roots of the weights of the pairs of azimuth number `a`, (n_t, n_t), 0 where a pair does not count."""
    data, near = setup.data, max(setup.config.data.exclude_diagonals, 1)
    weight = data.weight[a] * data.valid[a]
    frames = np.arange(data.n_t)
    counts = np.isfinite(data.c2[a]) & (np.abs(frames[:, None] - frames) >= near)
    # A pair counts as its earlier half says, as in the fit.
    counts = np.triu(counts) | np.triu(counts).T
    return (np.sqrt(np.outer(weight, weight)) * counts).astype(np.float32)


def azimuth(
    setup: Setup, calibration: Calibration, values: FloatArray, contrast: float, offset: float, a: int
) -> Azimuth:
    """Return azimuth number `a` of a fit: all parameters (n_par,), contrast and offset there."""
    root = pair_roots(setup, a)
    frames = np.flatnonzero(root.any(axis=1))
    model = contrast * model_map(setup, values, a)
    c2 = np.triu(np.asarray(setup.data.c2[a], float), 1)
    c2 += c2.T
    residual = np.asarray(root * np.where(root > 0, c2 - model - offset, 0.0), float)
    return Azimuth(
        frames,
        of_frames(model + offset, frames),
        of_frames(residual, frames),
        of_frames(slopes(setup, values, contrast, a) * root, frames),
        of_frames(root, frames),
        of_frames(model, frames),
        contrast,
        calibration.parts[a],
        calibration.fluctuations[a][frames],
    )
