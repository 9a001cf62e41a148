"""The posterior of the joint vectors over all shards, by which draws of the flow consensus are corrected.

The product of the joint sub-posteriors is the posterior: here it is evaluated itself, not approximated from draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import ShardProblem, _normal_equations, log_density, split, tilted_sums

type FloatArray = npt.NDArray[np.float64]

_AT_ONCE = 8
"""Vectors evaluated side by side."""


def log_joint(joint: Float[Array, " n_joint"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of the joint sub-posterior density of (u, ln σ, β), up to a constant.

    p(u, ln σ, β) = p(u, ln σ) p(β | u, ln σ): the integrated density times the normal one of the coefficients, the
    density of what `heterodyne_cmc.density.draw_coefficients` draws.
    """
    n_coefficients = problem.coefficient_mean.size
    vector, coefficients = joint[: joint.size - n_coefficients], joint[joint.size - n_coefficients :]
    result = log_density(vector, problem)
    if n_coefficients == 0:
        return result
    u, log_noise = split(vector)
    precision, right = _normal_equations(tilted_sums(u, problem), log_noise, problem)
    factor = jnp.linalg.cholesky(precision)
    mean = problem.coefficient_mean + jax.scipy.linalg.cho_solve((factor, True), right)
    # The draw before the calibration turned it; the volume of that is a constant.
    tilt = problem.tilt
    drawn = jnp.linalg.solve(tilt.stretch, coefficients - tilt.centre - tilt.follow @ (u - tilt.pivot)) + tilt.centre
    away = factor.T @ (drawn - mean)
    return result + jnp.sum(jnp.log(jnp.diag(factor))) - 0.5 * away @ away


@jax.jit
def _log_joints(joint: Float[Array, "n n_joint"], problem: ShardProblem) -> Float[Array, " n"]:
    return jax.lax.map(lambda one: log_joint(one, problem), joint, batch_size=_AT_ONCE)


def posterior_density(problems: Callable[[], Iterable[ShardProblem]]) -> Callable[[FloatArray], FloatArray]:
    """Return the function that gives ln of the posterior, (n,), of joint vectors (n, n_joint), up to a constant.

    `problems` is called when the density is asked for and gives the shards one after the other, of which one at a time
    is held in memory.
    """

    def density(joint: FloatArray) -> FloatArray:
        with jax.enable_x64(True):
            return sum((np.asarray(_log_joints(jnp.asarray(joint), p)) for p in problems()), np.zeros(len(joint)))

    return density
