"""The maps of a fitted model, and the noise that is left beside them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.noise import noise_sd
from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid
from heterodyne_spec import TwoTimeData

type FloatArray = npt.NDArray[np.float64]


def model_maps(
    data: TwoTimeData, values: FloatArray, contrast: FloatArray, offset: FloatArray
) -> npt.NDArray[np.float32]:
    """Return the maps (n_phi, n_t, n_t) of all parameters (n_par,), contrast and offset (n_phi,)."""
    model, maps = HeterodyneModel.from_vector(values), np.empty(data.c2.shape, np.float32)
    for a, phi in enumerate(data.phi):
        maps[a] = np.asarray(c2_meshgrid(model, data.t, data.q, phi, contrast[a], offset[a]))
    return maps


def maps_and_noise(
    data: TwoTimeData, model: HeterodyneModel, contrast: FloatArray, offset: FloatArray
) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """Return the model's maps and the noise of every angle; one map in float64 at a time."""
    maps = np.empty(data.c2.shape, np.float32)
    noise = np.empty(data.n_phi)
    for a, phi in enumerate(data.phi):
        fitted = np.asarray(c2_meshgrid(model, data.t, data.q, phi, contrast[a], offset[a]))
        usable = np.isfinite(data.c2[a]) & np.outer(data.valid[a], data.valid[a])
        noise[a] = noise_sd(data.c2[a] - fitted, usable)
        maps[a] = fitted
    return maps, noise
