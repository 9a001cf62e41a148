"""Prior densities of the parameters, and their moments in unconstrained coordinates."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Bool, Float

from heterodyne_cmc.transforms import Intervals, constrain, log_jacobian

type FloatArray = npt.NDArray[np.float64]


class Priors(NamedTuple):
    """Normal or lognormal densities, cut at the bounds; location and scale of a lognormal are those of ln p."""

    location: Float[Array, " n_free"]
    scale: Float[Array, " n_free"]
    lognormal: Bool[Array, " n_free"]


def log_prior(u: Float[Array, " n_free"], priors: Priors, intervals: Intervals) -> Float[Array, " n_free"]:
    """Return the logarithm of each prior density in the unconstrained coordinate, up to a constant.

    It holds the Jacobian: this is the density that must be raised to 1/K in a shard, for the consensus multiplies
    densities in these coordinates. With the Jacobian left whole, the product over shards would carry it K times.
    """
    p = constrain(u, intervals)
    log_p = jnp.log(jnp.where(priors.lognormal, p, 1.0))
    deviation = (jnp.where(priors.lognormal, log_p, p) - priors.location) / priors.scale
    return -0.5 * deviation**2 - log_p + log_jacobian(u, intervals)


def prior_moments(priors: Priors, intervals: Intervals) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of each prior in its unconstrained coordinate, (n_free,) each."""
    # The tails fall as e^-|u| at least; a narrow prior of a wide interval still spans hundreds of points.
    u = np.linspace(-40.0, 40.0, 160_001)
    means, deviations = [], []
    for k in range(len(intervals.lower)):
        one = Intervals(*(field[k] for field in intervals))
        density = np.asarray(log_prior(jnp.asarray(u), Priors(*(field[k] for field in priors)), one))
        weight = np.exp(density - density.max())
        mean = float(np.sum(weight * u) / np.sum(weight))
        means.append(mean)
        deviations.append(float(np.sqrt(np.sum(weight * (u - mean) ** 2) / np.sum(weight))))
    return np.array(means), np.array(deviations)
