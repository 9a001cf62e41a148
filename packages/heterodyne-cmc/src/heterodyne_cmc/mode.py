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
type Descent = Callable[[FloatArray], tuple[float, FloatArray]]

_CLIMBS, _STEPS = 12, 100
"""Most climbs from a start, each in the coordinates of the curvature where the last one ended, and steps of each."""
_NEAR = 0.02
"""Gradient, per posterior sd, at which a climb ends."""
_MOVED_LEAST = 1.0
"""Way of a climb, in posterior sd, from which the next one is worth its coordinates."""
_LOCAL, _APART = 1e-4, 0.3
"""Half the distance of the gradients whose difference is the curvature: on the way, in sd of the prior, and at the end,
in posterior sd, for a chain sees no point."""
_INSIDE = 2.0
"""How far from the middle of the priors, in their sd, the second start is at most."""
_DIGITS = 5
"""Digits that are kept: with another number of threads the sums round otherwise, and the chains must be the same."""


def at_mode(whitening: Whitening, problems: Problems, prior: tuple[FloatArray, FloatArray]) -> Whitening:
    """Return the coordinates of the posterior around its highest point, uphill from the centre of `whitening`.

    Where the centre lies beyond the priors there is a second start, brought back among them, and the higher end counts.

    Parameters
    ----------
    whitening : coordinates of the posterior as the point estimate has it; its noise is kept.
    problems : gives the shards, or all pairs at once; their densities multiply to the posterior.
    prior : (n_free,) means and standard deviations of the priors in unconstrained coordinates; in no direction the
        posterior is taken as wider.
    """
    mean, sd = prior
    n_free = sd.size
    centre, log_noise = whitening.centre[:n_free], whitening.centre[n_free:]
    downhill = functools.partial(_downhill, log_noise=log_noise, problems=problems)
    inside = np.clip(centre, mean - _INSIDE * sd, mean + _INSIDE * sd)
    starts = [centre] if np.allclose(centre, inside) else [centre, inside]
    _, centre, spread = min((_climbed(downhill, start, sd) for start in starts), key=lambda end: end[0])
    curvature = np.round(_curvature(_in_steps(downhill, centre, spread), n_free, _APART), _DIGITS)
    precision = inverse(whitening.spread @ whitening.spread.T)
    precision[:n_free, :n_free] = _precision(curvature, spread, sd)
    return replace(whitening, centre=np.append(centre, log_noise), spread=root(inverse(precision)))


def _climbed(downhill: Descent, start: FloatArray, prior: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return -ln of the posterior at the end of all climbs, that end, and the local spread there."""
    with warnings.catch_warnings():
        # SciPy adds a filter when imported; the process gets its own back.
        from scipy.optimize import minimize

    centre, options = start, {"gtol": _NEAR, "maxiter": _STEPS}
    for _ in range(_CLIMBS):
        by_prior = np.diag(prior)
        local = _curvature(_in_steps(downhill, centre, by_prior), prior.size, _LOCAL)
        spread = root(inverse(_precision(local, by_prior, prior)))
        found = minimize(_in_steps(downhill, centre, spread), np.zeros(prior.size), jac=True, options=options)
        way = np.round(found.x, _DIGITS)
        centre = centre + spread @ way
        if np.max(np.abs(way), initial=0.0) < _MOVED_LEAST:
            break
    return downhill(centre)[0], centre, spread


@jax.jit
def _value_and_gradient(vector: Float[Array, " n_dim"], problem: ShardProblem) -> tuple[Array, Array]:
    return jax.value_and_grad(log_density)(vector, problem)


def _downhill(u: FloatArray, log_noise: FloatArray, problems: Problems) -> tuple[float, FloatArray]:
    """Return -ln of the posterior, contrast and offset integrated out, and its gradient."""
    vector, value, gradient = jnp.asarray(np.append(u, log_noise)), 0.0, np.zeros(u.size)
    for problem in problems():
        here, along = _value_and_gradient(vector, problem)
        value, gradient = value - float(here), gradient - np.asarray(along)[: u.size]
    return value, gradient


def _in_steps(downhill: Descent, centre: FloatArray, spread: FloatArray) -> Descent:
    """Return the same function of z, with ``u = centre + spread @ z``."""

    def of(z: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = downhill(centre + spread @ z)
        return value, spread.T @ gradient

    return of


def _curvature(downhill: Descent, n: int, step: float) -> FloatArray:
    """Return the matrix of second derivatives at the origin from central differences, (n, n)."""
    steps = step * np.eye(n)
    rows = np.array([(downhill(one)[1] - downhill(-one)[1]) / (2 * step) for one in steps])
    return (rows + rows.T) / 2


def _precision(curvature: FloatArray, spread: FloatArray, prior: FloatArray) -> FloatArray:
    """Return a curvature in the coordinates z as a precision of u, nowhere below that of the prior.

    A direction that bends the other way (on the way uphill) is taken as long as its curvature says, whatever its sign.
    """
    of_prior = root(spread.T @ (spread / prior[:, None] ** 2))
    inward = np.linalg.inv(of_prior)
    values, vectors = np.linalg.eigh(inward @ curvature @ inward.T)
    back = np.linalg.solve(spread.T, of_prior @ vectors)
    return np.asarray((back * np.maximum(np.abs(values), 1.0)) @ back.T)
