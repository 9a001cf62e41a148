"""The sub-posterior of one shard: tempered prior times Gaussian likelihood, contrast and offset integrated out.

For shard s of K, sampled values (u, ln σ) and linear coefficients β of contrast and offset:

    p_s(u, ln σ, β) = [ prior(u) prior(ln σ) prior(β) ]^(1/K)  ∏_pairs N(D; offset + contrast M(u), σ²)^w

with u the unconstrained coordinates, σ the noise of each angle and w what a pair counts. β enters linearly and has a
normal prior, so the integral over it is a Gaussian one. The product of the *joint* densities over shards is the
posterior; that of the integrated ones is not, for all shards share β: see `draw_coefficients`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import Priors, log_prior
from heterodyne_cmc.scaling import Scaling
from heterodyne_cmc.shards import Pairs
from heterodyne_cmc.transforms import Intervals, constrain
from heterodyne_physics_elementwise import HeterodyneModel, ShardGrid, c2_pairs, precompute_shard_grid
from heterodyne_spec import TwoTimeData

NOISE_PRIOR_SCALE = 2.0
"""Standard deviation of the normal prior of ln σ around its estimate: a factor of 7 either way."""


class ShardProblem(NamedTuple):
    """All that the density of a shard depends on besides the sampled vector; an argument of compiled functions."""

    i: Int[Array, "n_phi n_pair"]
    j: Int[Array, "n_phi n_pair"]
    value: Float[Array, "n_phi n_pair"]
    weight: Float[Array, "n_phi n_pair"]
    grid: ShardGrid
    phi: Float[Array, " n_phi"]
    base: Float[Array, " n_par"]
    expand: Float[Array, "n_par n_free"]
    intervals: Intervals
    priors: Priors
    basis: Float[Array, "n_phi n_coef"]
    held: Float[Array, "2 n_phi"]
    coefficient_mean: Float[Array, " 2*n_coef"]
    coefficient_precision: Float[Array, " 2*n_coef"]
    log_noise: Float[Array, " n_phi"]
    """Location of the prior of ln σ."""
    temper: Float[Array, ""]
    """1/K, the power of the priors."""


class Sums(NamedTuple):
    """Weighted sums over the pairs of each angle, (n_phi,): 1, M, M², r, r M, r², with M the model's bracket and r
    the residual at the prior mean of contrast and offset."""

    one: Array
    m: Array
    mm: Array
    r: Array
    rm: Array
    rr: Array


def shard_problem(
    data: TwoTimeData, pairs: Pairs, space: ParameterSpace, scaling: Scaling, noise: np.ndarray, n_shards: int
) -> ShardProblem:
    """Return the problem of one of `n_shards` shards; `noise` (n_phi,) is the prior's guess of σ."""
    return ShardProblem(
        i=jnp.asarray(pairs.i),
        j=jnp.asarray(pairs.j),
        value=jnp.asarray(pairs.value),
        weight=jnp.asarray(pairs.weight),
        grid=precompute_shard_grid(data.t, data.q),
        phi=jnp.asarray(data.phi),
        base=jnp.asarray(space.base),
        expand=jnp.asarray(space.expand),
        intervals=space.intervals(),
        priors=space.prior_arrays(),
        basis=jnp.asarray(scaling.basis),
        held=jnp.asarray(scaling.held),
        coefficient_mean=jnp.asarray(scaling.mean, float),
        coefficient_precision=jnp.asarray(scaling.precision, float),
        log_noise=jnp.log(jnp.asarray(noise)),
        temper=jnp.asarray(1.0 / n_shards),
    )


def split(vector: Float[Array, " n_dim"], problem: ShardProblem) -> tuple[Array, Array]:
    """Return unconstrained coordinates (n_free,) and ln σ (n_phi,) of the sampled vector."""
    n_free = problem.expand.shape[1]
    return vector[:n_free], vector[n_free:]


def brackets(u: Float[Array, " n_free"], problem: ShardProblem) -> Float[Array, "n_phi n_pair"]:
    """Return (c2 - offset) / contrast at the pairs."""
    model = HeterodyneModel.from_vector(problem.base + problem.expand @ constrain(u, problem.intervals))
    return c2_pairs(model, problem.grid, problem.i, problem.j, problem.phi[:, None], 1.0, 0.0)


def pair_sums(u: Float[Array, " n_free"], problem: ShardProblem) -> Sums:
    """Return the sums on which the likelihood depends."""
    m, weight = brackets(u, problem), problem.weight
    # Residuals from the prior mean, not the data themselves: their squares stay small against rounding.
    contrast, offset = problem.held + problem.coefficient_mean.reshape(2, -1) @ problem.basis.T
    r = problem.value - offset[:, None] - contrast[:, None] * m
    return Sums(*(jnp.sum(weight * term, axis=1) for term in (jnp.ones_like(m), m, m * m, r, r * m, r * r)))


def _normal_equations(sums: Sums, log_noise: Float[Array, " n_phi"], problem: ShardProblem) -> tuple[Array, Array]:
    """Return precision (2 n_coef, 2 n_coef) and right-hand side of the coefficients about their prior mean."""
    basis, certainty = problem.basis, jnp.exp(-2.0 * log_noise)

    def block(s: Array) -> Array:
        return basis.T @ ((certainty * s)[:, None] * basis)

    precision = jnp.block([[block(sums.mm), block(sums.m)], [block(sums.m), block(sums.one)]])
    right = jnp.concatenate([basis.T @ (certainty * sums.rm), basis.T @ (certainty * sums.r)])
    return precision + problem.temper * jnp.diag(problem.coefficient_precision), right


def log_likelihood(vector: Float[Array, " n_dim"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of the likelihood of the shard's pairs, integrated over the tempered prior of contrast and offset."""
    u, log_noise = split(vector, problem)
    sums = pair_sums(u, problem)
    result = jnp.sum(-sums.one * (log_noise + 0.5 * jnp.log(2 * jnp.pi)) - 0.5 * sums.rr * jnp.exp(-2.0 * log_noise))
    if problem.basis.shape[1] == 0:
        return result
    precision, right = _normal_equations(sums, log_noise, problem)
    factor = jnp.linalg.cholesky(precision)
    half = jax.scipy.linalg.solve_triangular(factor, right, lower=True)
    volume = 0.5 * jnp.sum(jnp.log(problem.temper * problem.coefficient_precision))
    return result + 0.5 * half @ half - jnp.sum(jnp.log(jnp.diag(factor))) + volume


def log_tempered_prior(vector: Float[Array, " n_dim"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of (prior of u and ln σ)^(1/K), up to a constant."""
    u, log_noise = split(vector, problem)
    noise = -0.5 * ((log_noise - problem.log_noise) / NOISE_PRIOR_SCALE) ** 2
    return problem.temper * (jnp.sum(log_prior(u, problem.priors, problem.intervals)) + jnp.sum(noise))


def log_density(vector: Float[Array, " n_dim"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of the sub-posterior density of (u, ln σ), contrast and offset integrated out, up to a constant."""
    return log_tempered_prior(vector, problem) + log_likelihood(vector, problem)


def draw_coefficients(key: Array, vector: Float[Array, " n_dim"], problem: ShardProblem) -> Float[Array, " 2*n_coef"]:
    """Return a draw of the coefficients of contrast and offset given the sampled vector: exact, a normal one.

    With it a draw is one of the joint sub-posterior, the only density whose product over shards is the posterior.
    """
    u, log_noise = split(vector, problem)
    precision, right = _normal_equations(pair_sums(u, problem), log_noise, problem)
    factor = jnp.linalg.cholesky(precision)
    mean = jax.scipy.linalg.cho_solve((factor, True), right)
    standard = jax.random.normal(key, right.shape, dtype=right.dtype)
    spread = jax.scipy.linalg.solve_triangular(factor, standard, lower=True, trans=1)
    return problem.coefficient_mean + mean + spread
