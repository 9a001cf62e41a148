"""Maps of a fitted model, and the noise of the residuals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import noise_sd
from heterodyne_nlsq.setup import Setup
from heterodyne_physics_meshgrid import c2_meshgrid

type FloatArray = npt.NDArray[np.float64]


def model_maps(setup: Setup, values: FloatArray, contrast: FloatArray, offset: FloatArray) -> npt.NDArray[np.float32]:
    """Return the maps (n_phi, n_t, n_t) of all parameters (n_par,), contrast and offset (n_phi,)."""
    data, model = setup.data, setup.physics.model.from_vector(values)
    maps = np.empty(data.c2.shape, np.float32)
    for a, phi in enumerate(data.phi):
        maps[a] = np.asarray(c2_meshgrid(model, data.t, data.q, phi, contrast[a], offset[a]))
    return maps


def residual_noise(data: TwoTimeData, model: npt.NDArray[np.floating]) -> FloatArray:
    """Return the white noise (n_phi,) of the residuals of the maps (n_phi, n_t, n_t) of the model."""
    usable = (np.isfinite(c2) & np.outer(valid, valid) for c2, valid in zip(data.c2, data.valid, strict=True))
    return np.array([noise_sd(c2 - fitted, u) for c2, fitted, u in zip(data.c2, model, usable, strict=True)])
