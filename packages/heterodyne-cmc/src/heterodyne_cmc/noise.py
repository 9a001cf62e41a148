"""A first guess of the noise of each angle: the centre of the prior of σ, never the spread of c2."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.shards import Pairs
from heterodyne_physics_elementwise import HeterodyneModel, c2_pairs, precompute_shard_grid
from heterodyne_spec import DataError, NLSQResult, TwoTimeData, pair_valid

type FloatArray = npt.NDArray[np.float64]


def residual_noise(data: TwoTimeData, pairs: Pairs, nlsq: NLSQResult) -> FloatArray:
    """Return the root mean square residual of the NLSQ optimum at `pairs`, (n_phi,)."""
    model = HeterodyneModel.from_vector(np.array([nlsq.parameters[name] for name in HeterodyneModel.names]))
    grid = precompute_shard_grid(data.t, data.q)
    scaling = (jnp.asarray(values)[:, None] for values in (data.phi, nlsq.contrast, nlsq.offset))
    residual = pairs.value - np.asarray(c2_pairs(model, grid, pairs.i, pairs.j, *scaling))
    return np.sqrt(np.sum(pairs.weight * residual**2, axis=1) / np.sum(pairs.weight, axis=1))


def data_noise(data: TwoTimeData) -> FloatArray:
    """Return the white noise of the maps, (n_phi,): the second difference along the diagonals, over √6.

    Along a diagonal the correlation changes with age only, slowly; what is left is noise that neighbouring
    entries do not share, a lower limit of the whole.
    """
    result = []
    for values, valid in zip(data.c2, pair_valid(data), strict=True):
        used = np.triu(valid, k=1)
        middle = used[1:-1, 1:-1] & used[:-2, :-2] & used[2:, 2:]
        bend = (values[:-2, :-2] - 2.0 * values[1:-1, 1:-1] + values[2:, 2:])[middle].astype(float)
        result.append(np.sqrt(np.mean(bend**2) / 6.0) if bend.size else 0.0)
    return np.array(result)


def checked(noise: FloatArray, phi: FloatArray) -> FloatArray:
    """Return `noise` (n_phi,) where every angle has some.

    Raises
    ------
    DataError : when an angle shows none; a likelihood without noise has no width.
    """
    bad = ~(np.isfinite(noise) & (noise > 0))
    if bad.any():
        angles = ", ".join(f"{angle:g}" for angle in phi[bad])
        raise DataError(
            f"c2 (phi = {angles}): no noise can be estimated; leave out these angles, mask fewer frames, or start "
            "from an NLSQ result"
        )
    return noise
