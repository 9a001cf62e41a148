"""Bands of the functions of age: quantiles over the draws of the posterior."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.posterior import QUANTILES, PosteriorBands
from heterodyne_data.setup import band_ages
from heterodyne_physics_elementwise import Physics, physics_of
from heterodyne_spec import ModelSpec

type FloatArray = npt.NDArray[np.float64]


def posterior_bands(spec: ModelSpec, full: FloatArray, t: FloatArray) -> PosteriorBands:
    """Return the quantiles of the functions of age.

    Parameters
    ----------
    full : draws of all parameters of the model, (..., n_par).
    t : ages of the frames in s, (n_t,).
    """
    ages, names = band_ages(t), [function.name for function in spec.functions]
    vectors = jnp.asarray(full.reshape(-1, full.shape[-1]))
    every = np.asarray(_functions(physics_of(spec.id), vectors, jnp.asarray(ages)))
    quantiles = np.quantile(every, QUANTILES, axis=1)
    return PosteriorBands(ages, {name: quantiles[:, k] for k, name in enumerate(names)})


def _functions(
    physics: Physics, vectors: Float[Array, "n_draw n_par"], ages: Float[Array, " n_age"]
) -> Float[Array, "n_function n_draw n_age"]:
    def of_one(vector: Array) -> Array:
        return physics.functions(physics.model.from_vector(vector), ages)

    return jnp.moveaxis(jax.lax.map(of_one, vectors, batch_size=256), 1, 0)
