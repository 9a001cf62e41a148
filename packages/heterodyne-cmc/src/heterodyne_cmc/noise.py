"""Initial estimate of the noise, the centre of the prior of σ."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.shards import Pairs
from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_physics_elementwise import c2_pairs, physics_of, precompute_shard_grid
from heterodyne_spec import DataError

type FloatArray = npt.NDArray[np.float64]


def residual_noise(data: TwoTimeData, pairs: Pairs, nlsq: NLSQResult) -> float:
    """Return the root mean square residual of the NLSQ optimum at `pairs`."""
    kind = physics_of(nlsq.model["id"]).model
    model = kind.from_vector(np.array([nlsq.parameters[name] for name in kind.names]))
    grid = precompute_shard_grid(data.t, data.q)
    scaling = (jnp.asarray(values)[:, None] for values in (data.phi, nlsq.contrast, nlsq.offset))
    residual = pairs.value - np.asarray(c2_pairs(model, grid, pairs.i, pairs.j, *scaling))
    return float(np.sqrt(np.sum(pairs.weight * residual**2) / np.sum(pairs.weight)))


def checked(noise: float) -> float:
    """Return `noise` if it is positive.

    Raises
    ------
    DataError : if the maps have no noise, for which the likelihood would have zero width.
    """
    if not (np.isfinite(noise) and noise > 0):
        raise DataError("c2: the noise cannot be estimated; mask fewer frames, or start from an NLSQ result")
    return noise
