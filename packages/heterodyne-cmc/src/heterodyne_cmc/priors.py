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
    found = [
        _moments(Priors(*(field[k] for field in priors)), Intervals(*(field[k] for field in intervals)))
        for k in range(len(intervals.lower))
    ]
    means, deviations = np.reshape(found, (-1, 2)).T
    return means, deviations


_FAR = 40.0
"""The tails fall as e^-|u| at least."""
_FEWEST, _DEEP, _ZOOMS = 200, 50.0, 12
"""Points over which a prior must spread, the fall of its logarithm up to which a point is one of them, and how often a
grid zooms in on a prior that is narrower."""


def _moments(prior: Priors, interval: Intervals) -> tuple[float, float]:
    low, high = -_FAR, _FAR
    for _ in range(_ZOOMS):
        u = np.linspace(low, high, 160_001)
        density = np.asarray(log_prior(jnp.asarray(u), prior, interval))
        (near,) = np.nonzero(density > density.max() - _DEEP)
        if near.size >= _FEWEST:
            break
        low, high = float(u[max(near[0] - 1, 0)]), float(u[min(near[-1] + 1, u.size - 1)])
    weight = np.exp(density - density.max())
    mean = float(np.sum(weight * u) / np.sum(weight))
    return mean, float(np.sqrt(np.sum(weight * (u - mean) ** 2) / np.sum(weight)))
