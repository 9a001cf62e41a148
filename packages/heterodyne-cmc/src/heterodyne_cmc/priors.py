"""Prior density of the parameters, and its moments in unconstrained coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Bool, Float

from heterodyne_cmc.chart import Chart, to_parameters
from heterodyne_spec import Prior

type FloatArray = npt.NDArray[np.float64]


class Priors(NamedTuple):
    """Normal or lognormal densities, truncated at the bounds; location and scale of a lognormal are those of ln p."""

    location: Float[Array, " n_free"]
    scale: Float[Array, " n_free"]
    lognormal: Bool[Array, " n_free"]


def log_prior(u: Float[Array, " n_free"], priors: Priors, chart: Chart) -> Float[Array, ""]:
    """Return the logarithm of the prior density in the unconstrained coordinates, up to a constant.

    It includes the Jacobian determinant of the map: this density is raised to 1/K in a shard, because the consensus
    multiplies densities in these coordinates. Otherwise the product over shards would contain the determinant K times.
    """
    p, volume = to_parameters(u, chart)
    log_p = jnp.log(jnp.where(priors.lognormal, p, 1.0))
    deviation = (jnp.where(priors.lognormal, log_p, p) - priors.location) / priors.scale
    return jnp.sum(-0.5 * deviation**2 - log_p) + volume


_DRAWS = 4096
"""Number of draws from which the width of a prior is computed, to 1 %."""


def at_levels(levels: FloatArray, priors: Sequence[Prior], bounds: FloatArray) -> FloatArray:
    """Return the quantiles (n, n_free) at `levels` (n, n_free) of priors truncated at bounds (n_free, 2)."""
    from scipy.stats import truncnorm

    columns = []
    for level, prior, (low, high) in zip(levels.T, priors, bounds, strict=True):
        log = prior.family == "lognormal"
        ends = (np.log([max(low, 1e-300), high]) if log else np.array([low, high])) - prior.location
        value = prior.location + prior.scale * truncnorm.ppf(level, *(ends / prior.scale))
        columns.append(np.clip(np.exp(value) if log else value, low, high))
    return np.stack(columns, axis=1) if columns else np.zeros((len(levels), 0))


def prior_draws(priors: Sequence[Prior], bounds: FloatArray) -> FloatArray:
    """Return draws (n_draw, n_free) of priors truncated at bounds (n_free, 2), uniform in probability."""
    rng, even = np.random.default_rng(0), (np.arange(_DRAWS) + 0.5) / _DRAWS
    levels = [rng.permutation(even) for _ in priors]
    return at_levels(np.array(levels).reshape(len(levels), _DRAWS).T, priors, bounds)


def own_scale(priors: Sequence[Prior], bounds: FloatArray, p: FloatArray) -> FloatArray:
    """Return the standard deviations (n_free,) of priors at parameters p, which scale with p if lognormal."""
    scale = np.array(
        [prior.scale * (at if prior.family == "lognormal" else 1.0) for prior, at in zip(priors, p, strict=True)]
    )
    return np.minimum(scale, np.ptp(bounds, axis=1) / np.sqrt(12.0))


def distance(priors: Sequence[Prior], p: FloatArray) -> FloatArray:
    """Return the distance of parameters (n_free,) from the centre of their priors, in standard deviations."""
    away = [
        (np.log(max(at, 1e-300)) if prior.family == "lognormal" else at) - prior.location
        for prior, at in zip(priors, p, strict=True)
    ]
    return np.array(away) / np.array([prior.scale for prior in priors])


def bounds_within(prior: Prior, bounds: FloatArray, most: float) -> tuple[float, float]:
    """Return the part of bounds (2,) within `most` standard deviations of the centre of a prior."""
    ends = prior.location + most * prior.scale * np.array([-1.0, 1.0])
    low, high = np.clip(np.exp(ends) if prior.family == "lognormal" else ends, *bounds)
    return float(low), float(high)


def brought_in(priors: Sequence[Prior], bounds: FloatArray, p: FloatArray, most: float) -> FloatArray:
    """Return parameters limited to `most` standard deviations from the centre of their priors."""
    ends = [np.array([prior.location - most * prior.scale, prior.location + most * prior.scale]) for prior in priors]
    ends = [np.exp(end) if prior.family == "lognormal" else end for end, prior in zip(ends, priors, strict=True)]
    inside = [np.clip(at, *end) for at, end in zip(p, ends, strict=True)]
    return np.clip(inside, bounds[:, 0], bounds[:, 1])
