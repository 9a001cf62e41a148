"""Where the posterior of all pairs is highest, and how it falls off there: the centre of all shards.

The fit knows no prior. Where the data leave a parameter open it ends anywhere along a valley, on a bound too, while
the posterior lies where the prior is, far away in units of its own width. Uphill from the point estimate is soon done:
a gradient over all pairs costs about as much as one step of a chain.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import ShardProblem, log_density
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.whitening import Whitening

type FloatArray = npt.NDArray[np.float64]
type Problems = Callable[[], Iterable[ShardProblem]]

_CLIMBS = 4
"""Most climbs, each in the coordinates of the curvature where the last one ended."""
_NEAR = 0.02
"""Gradient, per posterior sd, at which a climb ends."""
_MOVED_LEAST = 1.0
"""Way of a climb, in posterior sd, from which the next one is worth its coordinates."""
_APART = 0.3
"""Half the distance of the gradients whose difference is the curvature, in posterior sd: a chain sees no point."""
_DIGITS = 5
"""Digits that are kept: with another number of threads the sums round otherwise, and the chains must be the same."""


def at_mode(whitening: Whitening, problems: Problems, prior: FloatArray) -> Whitening:
    """Return the coordinates of the posterior around its highest point, uphill from the centre of `whitening`.

    Parameters
    ----------
    whitening : coordinates of the posterior as the point estimate has it; its noise is kept.
    problems : gives the shards, or all pairs at once; their densities multiply to the posterior.
    prior : (n_free,) standard deviations of the priors; in no direction the posterior is taken as wider.
    """
    n_free = prior.size
    centre, precision = whitening.centre[:n_free], inverse(whitening.spread @ whitening.spread.T)
    log_noise = whitening.centre[n_free:]
    for _ in range(_CLIMBS):
        spread = root(inverse(precision[:n_free, :n_free]))
        downhill = functools.partial(_downhill, centre=centre, spread=spread, log_noise=log_noise, problems=problems)
        way = np.round(_minimum(downhill, n_free), _DIGITS)
        precision[:n_free, :n_free] = _at_least(np.round(_curvature(downhill, way), _DIGITS), spread, prior)
        centre = centre + spread @ way
        if np.max(np.abs(way), initial=0.0) < _MOVED_LEAST:
            break
    return replace(whitening, centre=np.append(centre, log_noise), spread=root(inverse(precision)))


def _minimum(function: Callable[[FloatArray], tuple[float, FloatArray]], n: int) -> FloatArray:
    """Return where a function with gradient of n coordinates is lowest, from their origin downhill."""
    with warnings.catch_warnings():
        # SciPy adds a filter when imported; the process gets its own back.
        from scipy.optimize import minimize  # type: ignore[import-untyped]

    return np.asarray(minimize(function, np.zeros(n), jac=True, method="BFGS", options={"gtol": _NEAR}).x, float)


@jax.jit
def _value_and_gradient(vector: Float[Array, " n_dim"], problem: ShardProblem) -> tuple[Array, Array]:
    return jax.value_and_grad(log_density)(vector, problem)


def _downhill(
    z: FloatArray, centre: FloatArray, spread: FloatArray, log_noise: FloatArray, problems: Problems
) -> tuple[float, FloatArray]:
    """Return -ln of the posterior, contrast and offset integrated out, and its gradient at ``centre + spread @ z``."""
    vector = jnp.asarray(np.append(centre + spread @ z, log_noise))
    value, gradient = 0.0, np.zeros(z.size)
    for problem in problems():
        here, along = _value_and_gradient(vector, problem)
        value, gradient = value - float(here), gradient - spread.T @ np.asarray(along)[: z.size]
    return value, gradient


def _curvature(function: Callable[[FloatArray], tuple[float, FloatArray]], at: FloatArray) -> FloatArray:
    """Return the matrix of second derivatives of a function with gradient from central differences, (n, n)."""
    steps = _APART * np.eye(at.size)
    rows = np.array([(function(at + step)[1] - function(at - step)[1]) / (2 * _APART) for step in steps])
    return (rows + rows.T) / 2


def _at_least(curvature: FloatArray, spread: FloatArray, prior: FloatArray) -> FloatArray:
    """Return a curvature in the coordinates z as the precision of u, nowhere below that of the prior."""
    of_prior = root(spread.T @ (spread / prior[:, None] ** 2))
    inward = np.linalg.inv(of_prior)
    values, vectors = np.linalg.eigh(inward @ curvature @ inward.T)
    back = np.linalg.solve(spread.T, of_prior @ vectors)
    return np.asarray((back * np.maximum(values, 1.0)) @ back.T)
