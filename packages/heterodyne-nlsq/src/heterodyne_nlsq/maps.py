"""Maps of a fitted model, and the noise of the residuals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import noise_sd
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]


def model_map(
    setup: Setup, a: int, values: FloatArray, contrast: FloatArray, offset: FloatArray
) -> npt.NDArray[np.float32]:
    """Return the map (n_t, n_t) of azimuth number `a`, of what `model_maps` takes."""
    data, of_one = setup.data, slice(a, a + 1)
    maps = setup.physics.model_maps(values, data.t, data.q, data.phi[of_one], contrast[of_one], offset[of_one])
    return np.asarray(maps[0])


def model_maps(setup: Setup, values: FloatArray, contrast: FloatArray, offset: FloatArray) -> npt.NDArray[np.float32]:
    """Return the maps (n_phi, n_t, n_t) of all parameters (n_par,), contrast and offset (n_phi,)."""
    data = setup.data
    found = np.empty((data.n_phi, data.n_t, data.n_t), np.float32)

    def fill(a: int) -> None:
        found[a] = model_map(setup, a, values, contrast, offset)

    each(fill, range(data.n_phi))
    return found


def residual_noise(data: TwoTimeData, model: npt.NDArray[np.floating]) -> FloatArray:
    """Return the white noise (n_phi,) of the residuals of the maps (n_phi, n_t, n_t) of the model."""

    def of_azimuth(a: int) -> float:
        usable = np.isfinite(data.c2[a]) & np.outer(data.valid[a], data.valid[a])
        return noise_sd(data.c2[a] - model[a], usable)

    return np.array(each(of_azimuth, range(data.n_phi)))
