"""Mode and curvature of the posterior of all pairs: the centre of all shards.

The fit does not use priors. For parameters not determined by the data it ends anywhere along a valley, possibly on a
bound, whereas the posterior is near the prior, possibly many posterior widths away. Maximising the posterior from the
point estimate is cheap: a gradient over all pairs costs about as much as one step of a chain.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import NOISE_PRIOR_SCALE, Density
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import brought_in
from heterodyne_cmc.whitening import Whitening, place_at, place_of

type FloatArray = npt.NDArray[np.float64]
type Problems = Callable[[], Iterable[Density]]
type PriorAt = Callable[[FloatArray], FloatArray]
"""The covariance of the prior of the sampled vector (n_dim, n_dim), taken as linear at a vector."""

type Descent = Callable[[FloatArray], tuple[float, FloatArray]]

_CLIMBS, _STEPS = 12, 100
"""Largest number of maximisations from a start, each in coordinates from the curvature at the end of the previous one,
and steps of each."""
_NEAR = 0.02
"""Gradient, per posterior sd, at which a climb ends."""
_MOVED_LEAST = 1.0
"""Smallest displacement of a maximisation, in posterior sd, after which it is repeated in new coordinates."""
_LOCAL, _APART = 1e-4, 0.3
"""Half the distance of the gradients whose difference gives the curvature: during the search, in sd of the prior, and
at the end, in posterior sd, as a chain averages over such distances."""
_INSIDE = 2.0
"""Largest distance of the second start from the centre of the priors, in their sd."""
_DIGITS = 5
"""Digits that are kept, because rounding depends on the number of threads and the chains must be reproducible."""


def at_mode(whitening: Whitening, problems: Problems, space: ParameterSpace) -> Whitening:
    """Return the coordinates of the posterior around its mode, searched from the centre of `whitening`.

    If the centre lies outside the priors, a second start inside them is tried, and the higher mode is used.

    Parameters
    ----------
    whitening : coordinates of the posterior according to the point estimate.
    problems : gives the shards, or all pairs at once; their densities multiply to the posterior.
    space : the parameters with their priors; in no direction the posterior is taken as wider.
    """
    at, log_noise = place_at(space, whitening.centre[:-1]), whitening.centre[-1]
    inside = brought_in(space.priors, space.bounds, at.p, _INSIDE)
    starts = [at] if np.allclose(at.p, inside) else [at, place_of(space, inside)]
    return around_mode(whitening, [np.append(start.u, log_noise) for start in starts], problems, prior_of(space))


def around_mode(whitening: Whitening, starts: Sequence[FloatArray], problems: Problems, prior: PriorAt) -> Whitening:
    """Return the coordinates around the highest of the modes reached from `starts` (n_dim,)."""
    downhill = functools.partial(_downhill, problems=problems)
    _, centre, spread = min((climbed(start, problems, prior) for start in starts), key=lambda end: end[0])
    wide = prior(centre)
    curvature = np.round(_curvature(_in_steps(downhill, centre, spread), len(wide), _APART), _DIGITS)
    return replace(whitening, centre=centre, spread=root(inverse(_precision(curvature, spread, wide))))


def prior_of(space: ParameterSpace) -> PriorAt:
    """Return the covariance of the prior of the sampled vector, unconstrained parameters and ln σ."""

    def at(vector: FloatArray) -> FloatArray:
        n = vector.size - 1
        whole = np.zeros((n + 1, n + 1))
        whole[:n, :n], whole[n, n] = place_at(space, vector[:n]).prior, NOISE_PRIOR_SCALE**2
        return whole

    return at


def climbed(start: FloatArray, problems: Problems, prior_at: PriorAt) -> tuple[float, FloatArray, FloatArray]:
    """Return -ln of the posterior at the mode that was found, the mode, and the local spread there."""
    downhill = functools.partial(_downhill, problems=problems)
    with warnings.catch_warnings():
        # SciPy adds a warning filter when imported; the filters of the process are restored.
        from scipy.optimize import minimize

    centre, options = start, {"gtol": _NEAR, "maxiter": _STEPS}
    n, height = start.size, downhill(start)[0]
    for _ in range(_CLIMBS):
        prior = prior_at(centre)
        by_prior = root(prior)
        local = _curvature(_in_steps(downhill, centre, by_prior), n, _LOCAL)
        spread = root(inverse(_precision(local, by_prior, prior)))
        found = minimize(_in_steps(downhill, centre, spread), np.zeros(n), jac=True, options=options)
        way = np.round(found.x, _DIGITS)
        end = centre + spread @ way
        # A line search from far away can leave the region where the coordinates have an effect.
        if not (reached := downhill(end)[0]) <= height:
            break
        centre, height = end, reached
        if np.max(np.abs(way), initial=0.0) < _MOVED_LEAST:
            break
    return height, centre, spread


@jax.jit
def _value_and_gradient(vector: Float[Array, " n_dim"], problem: Density) -> tuple[Array, Array]:
    return jax.value_and_grad(problem.log_density)(vector)


def _downhill(vector: FloatArray, problems: Problems) -> tuple[float, FloatArray]:
    """Return -ln of the posterior, contrast and offset integrated out, and its gradient."""
    at, value, gradient = jnp.asarray(vector), 0.0, np.zeros(vector.size)
    for problem in problems():
        here, along = _value_and_gradient(at, problem)
        value, gradient = value - float(here), gradient - np.asarray(along)
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

    For directions of negative curvature (away from the mode), the absolute value of the curvature is used.
    """
    of_prior = root(spread.T @ inverse(prior) @ spread)
    inward = np.linalg.inv(of_prior)
    values, vectors = np.linalg.eigh(inward @ curvature @ inward.T)
    back = np.linalg.solve(spread.T, of_prior @ vectors)
    return np.asarray((back * np.maximum(np.abs(values), 1.0)) @ back.T)
