"""Maps of a fitted model, and the noise of the residuals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import noise_sd
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]


type Maps = npt.NDArray[np.float32]


def model_map(
    setup: Setup, a: int, values: FloatArray, contrast: FloatArray, offset: FloatArray, into: Maps | None = None
) -> Maps:
    """Return the map (n_t, n_t) of azimuth number `a`, of what `model_maps` takes; written `into` one if given."""
    data, one = setup.data, slice(a, a + 1)
    place = None if into is None else into[None]
    found = setup.physics.model_maps(values, data.t, data.q, data.phi[one], contrast[one], offset[one], place)
    return np.asarray(found[0])


def model_maps(
    setup: Setup, values: FloatArray, contrast: FloatArray, offset: FloatArray, into: Maps | None = None
) -> Maps:
    """Return the maps (n_phi, n_t, n_t) of all parameters (n_par,), contrast and offset (n_phi,).

    Written `into` maps that are no longer needed, if given: memory for new ones takes longer than they do.
    """
    data = setup.data
    found = np.empty((data.n_phi, data.n_t, data.n_t), np.float32) if into is None else into
    each(lambda a: model_map(setup, a, values, contrast, offset, found[a]), range(data.n_phi))
    return found


def residual_noise(data: TwoTimeData, model: npt.NDArray[np.floating]) -> FloatArray:
    """Return the white noise (n_phi,) of the residuals of the maps (n_phi, n_t, n_t) of the model."""

    def of_azimuth(a: int) -> float:
        usable = np.isfinite(data.c2[a])
        usable &= data.valid[a][:, None]
        usable &= data.valid[a]
        return noise_sd(data.c2[a], usable, model[a])

    return np.array(each(of_azimuth, range(data.n_phi)))
