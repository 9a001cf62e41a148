"""Maps of a fitted model, and the noise of the residuals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import noise_sd
from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]


def model_maps(setup: Setup, values: FloatArray, contrast: FloatArray, offset: FloatArray) -> npt.NDArray[np.float32]:
    """Return the maps (n_phi, n_t, n_t) of all parameters (n_par,), contrast and offset (n_phi,)."""
    data = setup.data
    return setup.physics.model_maps(values, data.t, data.q, data.phi, contrast, offset)


def residual_noise(data: TwoTimeData, model: npt.NDArray[np.floating]) -> FloatArray:
    """Return the white noise (n_phi,) of the residuals of the maps (n_phi, n_t, n_t) of the model."""
    usable = (np.isfinite(c2) & np.outer(valid, valid) for c2, valid in zip(data.c2, data.valid, strict=True))
    return np.array([noise_sd(c2 - fitted, u) for c2, fitted, u in zip(data.c2, model, usable, strict=True)])
