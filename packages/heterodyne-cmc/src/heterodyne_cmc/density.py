"""The sub-posterior of one shard: tempered prior times Gaussian likelihood, contrast and offset integrated out.

For shard s of K, sampled values (u, ln σ) and linear coefficients β of contrast and offset:

    p_s(u, ln σ, β) = [ prior(u) prior(ln σ) prior(β) ]^(1/K)  g(u)  ∏_pairs N(D; offset + contrast M(u'), σ²)^(w power)

with u the unconstrained coordinates, g a normal density that keeps the shard near the posterior (`Anchor`), σ a common
noise of all pairs (equal weights, as in the least squares whose calibration is used), w the weight of a pair, and
u' = pivot + shift + pull (u - pivot) near the point estimate and power from the calibration. β enters linearly and has
a normal prior, so the integral over it is Gaussian. The product of the *joint* densities over shards, divided by g^K,
is the posterior; the product of the integrated ones is not, because all shards share β: see `coefficients_given`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from heterodyne_cmc.chart import Chart, to_parameters
from heterodyne_cmc.models import knowledge_of
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import Priors, log_prior
from heterodyne_cmc.sums import AllPairs, SomePairs, Sums, pair_sums
from heterodyne_data.setup import Scaling

NOISE_PRIOR_SCALE = 2.0
"""Standard deviation of the normal prior of ln σ around its estimate: a factor of 7 either way."""


_NEAR = 3.0
"""Mean distance from the point estimate, in standard deviations, up to which its covariances are valid."""


class LikelihoodAdjustment(NamedTuple):
    """Calibration of the likelihood for correlated noise of pairs: L(u + shift + (pull - 1) near(u - pivot))^power.

    Near the point estimate `near` is the identity, so that u' is pivot + shift + pull (u - pivot). Far away, where the
    covariance does not describe the likelihood, it is bounded: ``v @ extent @ v`` is the mean square of v in
    calibrated standard deviations over the directions determined by the data.

    Arrays of JAX or NumPy. `power` is the weight of a pair relative to an independent measurement, `pivot` (n_free,)
    the point estimate, and `pull` (n_free, n_free) has determinant 1. The estimate with equal weights, the maximum of
    L, is pivot + `shift` (n_free,), with `contrast` and `offset` (n_phi,). The noise level is estimated from all pairs
    there, correlated or not: the remaining power applies there. A draw β of the coefficients becomes
    centre + stretch (β - origin) + follow near(u - pivot), with `centre` (n_lin,) those of the point estimate and
    `origin` (n_lin,) those with equal weights, `stretch` (n_lin, n_lin) and `follow` (n_lin, n_free). See
    `heterodyne_cmc.calibration`.
    """

    power: Any
    pivot: Any
    shift: Any
    pull: Any
    contrast: Any
    offset: Any
    centre: Any
    origin: Any
    stretch: Any
    follow: Any
    extent: Any

    def near(self, u: Float[Array, " n_free"]) -> Array:
        """Return u - pivot, bounded."""
        away = u - self.pivot
        distance = away @ self.extent @ away / _NEAR**2
        return away * (1.0 + distance**2) ** -0.25

    def pulled(self, u: Float[Array, " n_free"]) -> Array:
        """Return u', at which the likelihood is evaluated."""
        near = self.near(u)
        return u + self.shift + self.pull @ near - near


class Anchor(NamedTuple):
    """A normal density of u by which a sub-posterior is multiplied, and which the consensus divides out again.

    Arrays of JAX or NumPy: `centre` (n_free,) and `precision` (n_free, n_free), zero without an anchor. The pairs of
    one shard may not determine parameters that all pairs together determine: with only 1/K of the prior, the
    sub-posterior extends into other valleys and to the ends of the prior, where no approximation is accurate enough
    for the product.
    """

    centre: Any
    precision: Any


class ShardProblem(NamedTuple):
    """All inputs of the density of a shard other than the sampled vector; an argument of compiled functions."""

    pairs: SomePairs | AllPairs
    base: Float[Array, " n_par"]
    expand: Float[Array, "n_par n_free"]
    chart: Chart
    priors: Priors
    adjustment: LikelihoodAdjustment
    anchor: Anchor
    naming: Any
    basis: Float[Array, "n_phi n_coef"]
    held: Float[Array, "2 n_phi"]
    coefficient_mean: Float[Array, " 2*n_coef"]
    coefficient_precision: Float[Array, " 2*n_coef"]
    log_noise: Float[Array, ""]
    """Location of the prior of ln σ."""
    temper: Float[Array, ""]
    """1/K, the power of the priors."""
    at_pivot: Float[Array, ""]
    """Weighted sum of squared residuals at the estimate with equal weights of the adjustment."""

    @property
    def n_counting(self) -> int:
        """Number of pairs with positive weight."""
        return self.pairs.n_counting

    def log_density(self, vector: Float[Array, " n_dim"]) -> Float[Array, ""]:
        """Return ln of the density of the sampled vector, see `log_density`."""
        return log_density(vector, self)


class Density(Protocol):
    """What chains and weighted draws are made of: a problem, as a tree of arrays."""

    @property
    def n_counting(self) -> int:
        """Number of pairs with positive weight."""
        ...

    def log_density(self, vector: Float[Array, " n_dim"]) -> Float[Array, ""]:
        """Return ln of the density of the sampled vector, up to a constant."""
        ...


def shard_problem(
    pairs: SomePairs | AllPairs,
    space: ParameterSpace,
    scaling: Scaling,
    noise: float,
    adjustment: LikelihoodAdjustment,
    n_shards: int,
    anchor: Anchor | None = None,
) -> ShardProblem:
    """Return the problem of one of `n_shards` shards; `noise` is the prior's guess of σ."""
    anchor = no_anchor(len(space.free)) if anchor is None else anchor
    least = jnp.asarray(adjustment.pivot + adjustment.shift)
    full = space.base + space.expand @ np.asarray(to_parameters(least, space.chart())[0])
    at_pivot = pair_sums(
        jnp.asarray(full), pairs, jnp.asarray(adjustment.contrast), jnp.asarray(adjustment.offset)
    ).rr.sum()
    return ShardProblem(
        pairs=pairs,
        base=jnp.asarray(space.base),
        expand=jnp.asarray(space.expand),
        chart=space.chart(),
        priors=space.prior_arrays(),
        adjustment=jax.tree.map(lambda part: jnp.asarray(part, float), adjustment),
        anchor=jax.tree.map(lambda part: jnp.asarray(part, float), anchor),
        naming=jax.tree.map(lambda part: jnp.asarray(part, float), space.naming),
        basis=jnp.asarray(scaling.basis),
        held=jnp.asarray(scaling.held),
        coefficient_mean=jnp.asarray(scaling.mean, float),
        coefficient_precision=jnp.asarray(scaling.precision, float),
        log_noise=jnp.log(jnp.asarray(noise)),
        temper=jnp.asarray(1.0 / n_shards),
        at_pivot=at_pivot,
    )


def no_adjustment(n_free: int, n_lin: int) -> LikelihoodAdjustment:
    """Return the adjustment without effect, for pairs with independent noise."""
    still = np.zeros(n_free)
    straight = (*np.zeros((2, n_lin)), np.eye(n_lin), np.zeros((n_lin, n_free)), np.zeros((n_free, n_free)))
    return LikelihoodAdjustment(np.array(1.0), still, still, np.eye(n_free), np.zeros(1), np.ones(1), *straight)


def no_anchor(n_free: int) -> Anchor:
    """Return an anchor without effect."""
    return Anchor(np.zeros(n_free), np.zeros((n_free, n_free)))


def split(vector: Float[Array, " n_dim"]) -> tuple[Array, Array]:
    """Return unconstrained coordinates (n_free,) and ln σ of the sampled vector."""
    return vector[:-1], vector[-1]


def adjusted_sums(
    u: Float[Array, " n_free"], problem: ShardProblem, coefficients: Float[Array, " 2*n_coef"] | None = None
) -> Sums:
    """Return the sums on which the likelihood depends, weighted by the power of the adjustment.

    Residuals are evaluated at `coefficients` of contrast and offset, or at their prior mean.
    """
    power = problem.adjustment.power
    free, _ = to_parameters(problem.adjustment.pulled(u), problem.chart)
    at = problem.coefficient_mean if coefficients is None else coefficients
    contrast, offset = problem.held + at.reshape(2, -1) @ problem.basis.T
    sums = pair_sums(problem.base + problem.expand @ free, problem.pairs, contrast, offset)
    return Sums(*(power * part for part in sums))


def _normal_equations(sums: Sums, log_noise: Float[Array, ""], problem: ShardProblem) -> tuple[Array, Array]:
    """Return precision (2 n_coef, 2 n_coef) and right-hand side of the coefficients about their prior mean."""
    basis, certainty = problem.basis, jnp.exp(-2.0 * log_noise)

    def block(s: Array) -> Array:
        return certainty * basis.T @ (s[:, None] * basis)

    precision = jnp.block([[block(sums.mm), block(sums.m)], [block(sums.m), block(sums.one)]])
    right = certainty * jnp.concatenate([basis.T @ sums.rm, basis.T @ sums.r])
    return precision + problem.temper * jnp.diag(problem.coefficient_precision), right


def log_likelihood(vector: Float[Array, " n_dim"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of the likelihood of the shard's pairs, integrated over the tempered prior of contrast and offset."""
    u, log_noise = split(vector)
    sums, power = adjusted_sums(u, problem), problem.adjustment.power
    squares = jnp.sum(sums.rr) + (1.0 - power) * problem.at_pivot
    count = jnp.sum(sums.one) / power
    result = -count * (log_noise + 0.5 * jnp.log(2 * jnp.pi)) - 0.5 * squares * jnp.exp(-2.0 * log_noise)
    if problem.basis.shape[1] == 0:
        return result
    precision, right = _normal_equations(sums, log_noise, problem)
    factor = jnp.linalg.cholesky(precision)
    half = jax.scipy.linalg.solve_triangular(factor, right, lower=True)
    volume = 0.5 * jnp.sum(jnp.log(problem.temper * problem.coefficient_precision))
    return result + 0.5 * half @ half - jnp.sum(jnp.log(jnp.diag(factor))) + volume


def log_tempered_prior(vector: Float[Array, " n_dim"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of (prior of u and ln σ)^(1/K), up to a constant, including the labelling of components."""
    u, log_noise = split(vector)
    noise = -0.5 * ((log_noise - problem.log_noise) / NOISE_PRIOR_SCALE) ** 2
    full = problem.base + problem.expand @ to_parameters(u, problem.chart)[0]
    named = knowledge_of(problem.pairs.physics.name).wall(full, problem.naming)
    return problem.temper * (log_prior(u, problem.priors, problem.chart) + noise + named)


def log_density(vector: Float[Array, " n_dim"], problem: ShardProblem) -> Float[Array, ""]:
    """Return ln of the sub-posterior density of (u, ln σ), contrast and offset integrated out, up to a constant."""
    away = split(vector)[0] - problem.anchor.centre
    held = -0.5 * away @ problem.anchor.precision @ away
    return log_tempered_prior(vector, problem) + log_likelihood(vector, problem) + held


class Coefficients(NamedTuple):
    """The normal density of the coefficients of contrast and offset given the sampled vector: its `mean` (2 n_coef,),
    and a `root` (2 n_coef, 2 n_coef) of its covariance."""

    mean: Array
    root: Array

    def draw(self, key: Array) -> Float[Array, " 2*n_coef"]:
        """Return a draw, which completes a draw of the joint sub-posterior, the only density whose product over shards
        is the posterior."""
        return self.mean + self.root @ jax.random.normal(key, self.mean.shape, dtype=self.mean.dtype)


def coefficients_given(vector: Float[Array, " n_dim"], problem: ShardProblem) -> Coefficients:
    """Return the calibrated density of the coefficients given the sampled vector."""
    u, log_noise = split(vector)
    precision, right = _normal_equations(adjusted_sums(u, problem), log_noise, problem)
    factor = jnp.linalg.cholesky(precision)
    adjustment = problem.adjustment
    away = problem.coefficient_mean + jax.scipy.linalg.cho_solve((factor, True), right) - adjustment.origin
    root = jax.scipy.linalg.solve_triangular(factor, jnp.eye(right.size), lower=True, trans=1)
    return Coefficients(
        adjustment.centre + adjustment.stretch @ away + adjustment.follow @ adjustment.near(u),
        adjustment.stretch @ root,
    )
