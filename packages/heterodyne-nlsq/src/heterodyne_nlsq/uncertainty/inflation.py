"""By how much noise that frames share exceeds independent noise: one number, before any pixel is simulated.

Chi-square with the noise of all pairs taken as independent overstates what the data say by the variance of a sum over
many pairs with their noise over that without its correlations. The details of the residuals by scale show it: white
noise has the same mean square at every scale, shared noise grows with the scale.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.scales import measured_details
from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

type FloatArray = npt.NDArray[np.float64]

_ENOUGH = 20
"""Blocks of a scale that show its noise."""

_MOST_ANGLES = 3
"""Azimuths that are looked at, evenly among them."""

MOST = 3000.0
"""Largest inflation: that of the slowest speckle that was simulated. More is structure that the model lacks."""


def inflation(setup: Setup, vector: FloatArray) -> float:
    """Return the inflation, 1 for white noise, at a fitted vector (n_fit,) that describes the data well."""
    data, n_free = setup.data, len(setup.free.free)
    model = HeterodyneModel.from_vector(setup.free.full(vector[:n_free]))
    contrast, offset = setup.scaling.per_angle(vector[n_free:])
    chosen = np.unique(np.linspace(0, data.n_phi - 1, min(data.n_phi, _MOST_ANGLES)).astype(int))
    near = max(setup.config.data.exclude_diagonals, 1)
    found = []
    for a in chosen:
        used = data.valid[a] & (data.weight[a] > 0)
        fitted = np.asarray(c2_meshgrid(model, data.t, data.q, data.phi[a], contrast[a], offset[a]))
        residual = np.nan_to_num((data.c2[a] - fitted)[np.ix_(used, used)], nan=0.0, posinf=0.0, neginf=0.0)
        found.append(_of_map(residual, near))
    return float(np.clip(np.median(found), 1.0, MOST))


def _of_map(residual: FloatArray, near: int) -> float:
    upper = residual[np.triu_indices(len(residual), near)]
    variance = float(np.mean(upper**2)) if upper.size else 0.0
    details = measured_details(residual, near)
    many = details.number >= _ENOUGH
    if variance <= 0 or not many.any():
        return 1.0
    return float(details.square[many].mean(axis=1).max()) / variance
