"""Initial estimate of the noise, the centre of the prior of σ."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.shards import Pairs
from heterodyne_data import NLSQResult, TwoTimeData, pair_valid
from heterodyne_physics_elementwise import HeterodyneModel, c2_pairs, precompute_shard_grid
from heterodyne_spec import DataError

type FloatArray = npt.NDArray[np.float64]


def residual_noise(data: TwoTimeData, pairs: Pairs, nlsq: NLSQResult) -> float:
    """Return the root mean square residual of the NLSQ optimum at `pairs`."""
    model = HeterodyneModel.from_vector(np.array([nlsq.parameters[name] for name in HeterodyneModel.names]))
    grid = precompute_shard_grid(data.t, data.q)
    scaling = (jnp.asarray(values)[:, None] for values in (data.phi, nlsq.contrast, nlsq.offset))
    residual = pairs.value - np.asarray(c2_pairs(model, grid, pairs.i, pairs.j, *scaling))
    return float(np.sqrt(np.sum(pairs.weight * residual**2) / np.sum(pairs.weight)))


def data_noise(data: TwoTimeData) -> float:
    """Return the white noise of the maps: the second difference along the diagonals, over √6.

    Along a diagonal the correlation varies slowly with age; the second difference contains the noise that is
    independent between adjacent entries, a lower limit of the total noise.
    """
    squares, count = 0.0, 0
    for values, valid in zip(data.c2, pair_valid(data), strict=True):
        used = np.triu(valid, k=1)
        middle = used[1:-1, 1:-1] & used[:-2, :-2] & used[2:, 2:]
        bend = (values[:-2, :-2] - 2.0 * values[1:-1, 1:-1] + values[2:, 2:])[middle].astype(float)
        squares, count = squares + float(np.sum(bend**2)), count + bend.size
    return float(np.sqrt(squares / count / 6.0)) if count else 0.0


def checked(noise: float) -> float:
    """Return `noise` if it is positive.

    Raises
    ------
    DataError : if the maps have no noise, for which the likelihood would have zero width.
    """
    if not (np.isfinite(noise) and noise > 0):
        raise DataError("c2: the noise cannot be estimated; mask fewer frames, or start from an NLSQ result")
    return noise
