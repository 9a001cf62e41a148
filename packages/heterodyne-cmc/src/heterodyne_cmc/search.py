"""Search for a start without a point estimate: the posterior is maximised from the most probable of many prior draws.

The draws are scrambled Sobol points, uniform in the prior probability of each parameter, which cover it better than
random points; each costs one evaluation of the posterior.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.chart import Chart, from_parameters, to_parameters
from heterodyne_cmc.mode import Problems, climbed, prior_of
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import at_levels
from heterodyne_cmc.values import values_at

type FloatArray = npt.NDArray[np.float64]

_PLACES, _CLIMBED = 4096, 6
"""Number of prior draws, and of those from which the posterior is maximised."""
_NOISES = np.linspace(0.0, 4.0, 9)
"""Tried values of ln of the noise over its estimate, because residuals exceed the noise away from the optimum."""
_COMPARED_AT = 2.0
"""Value at which draws are compared; a smaller noise would make the comparison depend on single pairs."""
_APART = 0.1
"""Smallest difference in prior probability of a parameter for two draws to count as different."""
_DIGITS = 6
"""Significant digits that are kept, because the rounding of sums depends on the number of threads."""


def search(
    problems: Problems, space: ParameterSpace, log_noise: float, seed: int, say: Callable[[str], None]
) -> FloatArray:
    """Return the parameters (n_free,) of the highest mode found from the most probable draws and the configured start.

    `log_noise` is the estimate of ln σ.
    """
    from scipy.stats import qmc

    chart = space.chart()
    # 6: a stream of its own beside those of partition, chains, consensus and weights.
    levels = qmc.Sobol(len(space.free), seed=np.random.default_rng([seed, 6])).random(_PLACES)
    say(f"no point estimate: searching from {_PLACES} draws of the priors")
    u = np.asarray(_from_parameters(jnp.asarray(at_levels(levels, space.priors, space.bounds)), chart))
    heights = _heights(np.column_stack([u, np.full(len(u), log_noise + _COMPARED_AT)]), problems)
    chosen = _different(np.argsort(-heights, kind="stable"), levels)
    starts = [np.asarray(_from_parameters(jnp.asarray(space.start[None]), chart))[0], *u[chosen]]
    ends = []
    for k, start in enumerate(starts):
        say(f"maximisation {k + 1} of {len(starts)}")
        ends.append(climbed(_with_noise(start, log_noise, problems), problems, prior_of(space)))
    highest = min(ends, key=lambda end: end[0])[1]
    p = np.asarray(to_parameters(jnp.asarray(highest[:-1]), chart)[0])
    return np.array([float(f"{value:.{_DIGITS}g}") for value in p])


@jax.jit
def _from_parameters(p: Float[Array, "n n_free"], chart: Chart) -> Float[Array, "n n_free"]:
    return jax.vmap(lambda one: from_parameters(one, chart))(p)


def _heights(vectors: FloatArray, problems: Problems) -> FloatArray:
    """Return ln of the posterior at vectors (n, n_dim) of coordinates and ln σ."""
    n_dim = vectors.shape[1]
    whole = np.sum([values_at(vectors, problem, np.zeros(n_dim), np.eye(n_dim)) for problem in problems()], axis=0)
    return np.where(np.isfinite(whole), whole, -np.inf)


def _with_noise(u: FloatArray, log_noise: float, problems: Problems) -> FloatArray:
    """Return coordinates with the optimal ln σ."""
    tried = np.column_stack([np.tile(u, (len(_NOISES), 1)), log_noise + _NOISES])
    return np.asarray(tried[int(np.argmax(_heights(tried, problems)))])


def _different(order: npt.NDArray[np.int_], levels: FloatArray) -> list[int]:
    """Return the first draws in an order that differ from one another."""
    chosen: list[int] = []
    for k in order:
        if all(np.max(np.abs(levels[k] - levels[other])) > _APART for other in chosen):
            chosen.append(int(k))
        if len(chosen) == _CLIMBED:
            break
    return chosen
