"""The posterior of the joint vectors over all shards, by which draws of the flow consensus are corrected.

The product of the joint sub-posteriors is the posterior; here it is evaluated exactly, not approximated from draws.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import (
    Coefficients,
    ShardProblem,
    _normal_equations,
    adjusted_sums,
    coefficients_given,
    log_density,
    split,
)
from heterodyne_cmc.values import Map, in_blocks

type FloatArray = npt.NDArray[np.float64]
type Complete = Callable[..., FloatArray]
"""A function with the arguments of `joint_draws`."""

_AT_ONCE = 32
"""Number of vectors evaluated at once."""


def log_joint(joint: Float[Array, " n_joint"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of the joint sub-posterior density of (u, ln σ, β), up to a constant.

    p(u, ln σ, β) = p(u, ln σ) p(β | u, ln σ): the integrated density times the normal one of the coefficients, the
    density of what `heterodyne_cmc.density.coefficients_given` draws.
    """
    n_coefficients = problem.coefficient_mean.size
    vector, coefficients = joint[: joint.size - n_coefficients], joint[joint.size - n_coefficients :]
    result = log_density(vector, problem)
    if n_coefficients == 0:
        return result
    u, log_noise = split(vector)
    precision, right = _normal_equations(adjusted_sums(u, problem), log_noise, problem)
    factor = jnp.linalg.cholesky(precision)
    mean = problem.coefficient_mean + jax.scipy.linalg.cho_solve((factor, True), right)
    # The Jacobian determinant of the calibration of the draw is a constant.
    away = factor.T @ (_unadjusted(coefficients, u, problem) - mean)
    return result + jnp.sum(jnp.log(jnp.diag(factor))) - 0.5 * away @ away


def _unadjusted(coefficients: Float[Array, " n_lin"], u: Float[Array, " n_free"], problem: ShardProblem) -> Array:
    """Return the draw of the coefficients before calibration."""
    adjustment = problem.adjustment
    return (
        jnp.linalg.solve(adjustment.stretch, coefficients - adjustment.centre - adjustment.follow @ adjustment.near(u))
        + adjustment.origin
    )


def log_likelihoods(joint: Float[Array, " n_joint"], problem: ShardProblem) -> Float[Array, " n_phi"]:
    """Return ln of the calibrated likelihood of each angle's pairs at a joint vector, with all constants."""
    n_coefficients = problem.coefficient_mean.size
    u, log_noise = split(joint[: joint.size - n_coefficients])
    coefficients = _unadjusted(joint[joint.size - n_coefficients :], u, problem)
    sums = adjusted_sums(u, problem, coefficients)
    return -sums.one * (log_noise + 0.5 * jnp.log(2 * jnp.pi)) - 0.5 * sums.rr * jnp.exp(-2.0 * log_noise)


@functools.partial(jax.jit, static_argnums=0)
def _of_each(function: Callable[..., Array], joint: Float[Array, "n n_joint"], problem: ShardProblem) -> Array:
    return jax.lax.map(lambda one: function(one, problem), joint, batch_size=_AT_ONCE)


def summed(
    function: Callable[..., Array], problems: Callable[[], Iterable[ShardProblem]]
) -> Callable[[FloatArray], FloatArray]:
    """Return the function that sums `function` (`log_joint`, `log_likelihoods`) over shards, of vectors (n, n_joint).

    `problems` is called for each sum and yields the shards one after the other, so that one at a time is in memory.
    """

    def total(joint: FloatArray) -> FloatArray:
        return functools.reduce(np.add, (of(problem, joint) for problem in problems()))

    def of(problem: ShardProblem, joint: FloatArray) -> FloatArray:
        # In blocks of one size: another number of vectors compiles nothing.
        return in_blocks(lambda rows: [_of_each(function, rows, problem)], joint)[0]

    return total


def joint_draws(
    key: Array, z: FloatArray, problem: ShardProblem, centre: FloatArray, spread: FloatArray, by: Map = map
) -> FloatArray:
    """Return joint vectors (n_chain, n_draw, n_joint) of draws of z, ``vector = centre + spread @ z``, with drawn
    coefficients of contrast and offset.

    Repeated draws have different coefficients.
    """
    # Chains reject steps, and weighted draws are repeated: values that require a pass over the data are computed once.
    steps, which = np.unique(z.reshape(-1, z.shape[-1]), axis=0, return_inverse=True)
    at, along = jnp.asarray(centre), jnp.asarray(spread)
    parts = in_blocks(lambda rows: _given(rows, problem, at, along), steps, by)
    vectors, mean, root = (part[which.ravel()] for part in parts)
    coefficients = _drawn(jax.random.split(key, len(vectors)), Coefficients(jnp.asarray(mean), jnp.asarray(root)))
    return np.concatenate([vectors, np.asarray(coefficients)], axis=1).reshape(*z.shape[:2], -1)


@jax.jit
def _given(steps: Float[Array, "n n_dim"], problem: ShardProblem, centre: Array, spread: Array) -> tuple[Array, ...]:
    # One by one, because the last bit of a product of all at once depends on the number of threads.
    vectors = jax.lax.map(lambda step: spread @ step + centre, steps)
    return vectors, *jax.vmap(lambda vector: coefficients_given(vector, problem))(vectors)


@jax.jit
def _drawn(keys: Array, given: Coefficients) -> Float[Array, "n n_lin"]:
    return jax.vmap(lambda key, one: one.draw(key))(keys, given)


def shard_key(seed: int, shard: int) -> Array:
    """Return the random key of a shard, which depends on `seed` and its number only."""
    return jax.random.fold_in(jax.random.key(seed), shard)
