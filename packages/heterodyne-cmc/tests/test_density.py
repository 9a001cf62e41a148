"""The density of a shard against densities written out with nothing integrated in closed form."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measurement import NOISE, config, make

from heterodyne_cmc.chart import to_parameters
from heterodyne_cmc.density import (
    Anchor,
    ShardProblem,
    coefficients_given,
    log_density,
    log_likelihood,
    no_adjustment,
    shard_problem,
)
from heterodyne_cmc.joint_vectors import log_likelihoods
from heterodyne_cmc.request import prepare
from heterodyne_cmc.shards import Pairs
from heterodyne_cmc.sums import all_pairs, brackets, pair_sums, some_pairs
from heterodyne_spec import load_config

pytestmark = pytest.mark.usefixtures("float64")

VECTOR = np.array([-0.1, 0.4, -0.5, np.log(1.5 * NOISE)])
"""Three unconstrained parameters and ln σ."""

likelihood = jax.jit(log_likelihood)
"""Compiled as a whole: its operations one by one, for every number of pairs, take longer."""


def problem(n_pairs: int | None = None, n_shards: int = 3, weight: float = 1.0, **sections: Any) -> ShardProblem:
    """Return the problem of the first shard, or of its first few pairs per angle."""
    request = prepare(make(), load_config(config(cmc={"shards": 1}, **sections)), None)
    pairs = request.partition.pairs(0)
    few = Pairs(*(getattr(pairs, name)[:, :n_pairs] for name in ("i", "j", "value", "weight")))
    few.weight[:] *= weight
    pairs_of = some_pairs(request.data, few)
    return shard_problem(
        pairs_of, request.space, request.scaling, NOISE, no_adjustment(3, request.scaling.mean.size), n_shards
    )


_brackets = jax.jit(brackets)


def brackets_at(shard: ShardProblem, vector: np.ndarray) -> np.ndarray:
    """Return the model's brackets at the pairs of a shard, (n_phi, n_pair)."""
    full = shard.base + shard.expand @ to_parameters(jnp.asarray(vector[:3]), shard.chart)[0]
    return np.asarray(_brackets(full, shard.pairs))


def covariance_of_data(shard: ShardProblem, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of all values, contrast and offset being random with their tempered priors."""
    m = brackets_at(shard, vector)
    n_phi, n_pair = m.shape
    basis = np.asarray(shard.basis)
    design = np.concatenate(
        [np.concatenate([m[a][:, None] * basis[a], np.ones((n_pair, 1)) * basis[a]], axis=1) for a in range(n_phi)]
    )
    held = np.asarray(shard.held)
    mean = (held[0][:, None] * m + held[1][:, None]).ravel() + design @ np.asarray(shard.coefficient_mean)
    prior = np.diag(1 / (float(shard.temper) * np.asarray(shard.coefficient_precision)))
    noise = np.full(n_phi * n_pair, np.exp(2 * vector[3]))
    return mean, design @ prior @ design.T + np.diag(noise)


FIXED = {"contrast": {"value": [0.2, 0.25]}, "offset": {"value": 1.0}}


@pytest.mark.parametrize("scaling", ["individual", "shared", "fixed"])
def test_marginal_is_the_multivariate_normal(scaling: str) -> None:
    given: dict[str, Any] = {"scaling": scaling}
    if scaling == "fixed":
        given["model"] = {"parameters": {**config()["model"]["parameters"], **FIXED}}
    shard = problem(n_pairs=7, **given)
    mean, covariance = covariance_of_data(shard, VECTOR)
    away = np.asarray(shard.pairs.value).ravel() - mean
    _, volume = np.linalg.slogdet(covariance)
    expected = -0.5 * (away @ np.linalg.solve(covariance, away) + volume + away.size * np.log(2 * np.pi))
    # The oracle loses digits: prior and noise variances differ by 1e5.
    assert likelihood(jnp.asarray(VECTOR), shard) == pytest.approx(expected, rel=1e-7)
    if scaling == "fixed":  # nothing to be integrated
        assert log_likelihoods(jnp.asarray(VECTOR), shard).sum() == pytest.approx(expected, rel=1e-7)


def test_marginal_is_the_integral_over_contrast_and_offset() -> None:
    shard = problem(n_pairs=3)
    vector = np.append(VECTOR[:3], np.log(0.06))
    m, value = brackets_at(shard, vector), np.asarray(shard.pairs.value)
    sd = 1 / np.sqrt(float(shard.temper) * np.asarray(shard.coefficient_precision))
    expected = 0.0
    for a in range(2):
        centre = np.asarray(shard.coefficient_mean)[[a, 2 + a]]
        contrast, offset = (c + s * np.linspace(-8, 8, 1601) for c, s in zip(centre, sd[[a, 2 + a]], strict=True))
        log = -0.5 * ((contrast[:, None] - centre[0]) / sd[a]) ** 2 - 0.5 * ((offset - centre[1]) / sd[2 + a]) ** 2
        log = log - np.log(2 * np.pi * sd[a] * sd[2 + a])
        noise = np.exp(vector[3])
        for k in range(3):
            residual = value[a, k] - offset - contrast[:, None] * m[a, k]
            log = log - 0.5 * (residual / noise) ** 2 - np.log(noise * np.sqrt(2 * np.pi))
        area = (contrast[1] - contrast[0]) * (offset[1] - offset[0])
        expected += np.log(np.sum(np.exp(log)) * area)
    assert likelihood(jnp.asarray(vector), shard) == pytest.approx(expected, rel=1e-6)


def test_a_pair_of_weight_two_counts_twice_and_one_of_weight_zero_not() -> None:
    once = problem(n_pairs=6)
    pairs = once.pairs
    twice = once._replace(pairs=pairs._replace(weight=2 * pairs.weight))
    names = ("i", "j", "value", "weight")
    repeated, padded = (
        once._replace(pairs=pairs._replace(**{name: change(getattr(pairs, name)) for name in names}))
        for change in (lambda x: jnp.concatenate([x, x], axis=1), lambda x: jnp.pad(x, ((0, 0), (0, 5))))
    )
    found = {
        name: float(likelihood(jnp.asarray(VECTOR), shard))
        for name, shard in (("once", once), ("twice", twice), ("repeated", repeated), ("padded", padded))
    }
    assert found["twice"] == pytest.approx(found["repeated"], rel=1e-12)
    assert found["padded"] == pytest.approx(found["once"], rel=1e-12)


@pytest.mark.parametrize("scaling", ["individual", pytest.param("shared", marks=pytest.mark.slow)])
def test_gradient_is_that_of_finite_differences(scaling: str) -> None:
    shard = problem(scaling=scaling)
    gradient = np.asarray(jax.jit(jax.grad(log_density))(jnp.asarray(VECTOR), shard))
    density = jax.jit(log_density)
    step = 1e-5
    for k in range(VECTOR.size):
        ends = [float(density(jnp.asarray(VECTOR + sign * step * np.eye(4)[k]), shard)) for sign in (-1, 1)]
        # Central difference: its error is step² times the third derivative.
        assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(gradient[k], rel=1e-5)


def test_drawn_coefficients_have_the_conditional_law() -> None:
    shard = problem(n_pairs=40)
    keys = jax.random.split(jax.random.key(0), 20_000)
    draws = np.asarray(jax.jit(lambda at, given: jax.vmap(coefficients_given(at, given).draw)(keys))(VECTOR, shard))
    m, value = brackets_at(shard, VECTOR), np.asarray(shard.pairs.value)
    for a in range(2):
        design = np.stack([m[a], np.ones_like(m[a])], axis=1)
        prior = float(shard.temper) * np.asarray(shard.coefficient_precision)[[a, 2 + a]]
        precision = design.T @ design * np.exp(-2 * VECTOR[3]) + np.diag(prior)
        right = design.T @ value[a] * np.exp(-2 * VECTOR[3])
        right = right + prior * np.asarray(shard.coefficient_mean)[[a, 2 + a]]
        covariance = np.linalg.inv(precision)
        found = draws[:, [a, 2 + a]]
        error = np.sqrt(np.diag(covariance) / len(draws))
        assert np.all(np.abs(found.mean(axis=0) - covariance @ right) < 5 * error)
        np.testing.assert_allclose(np.cov(found.T), covariance, rtol=0.05)


def test_all_pairs_at_once_are_all_pairs_one_by_one() -> None:
    # With a masked frame, a missing pair and an excluded diagonal; sums and gradients.
    data = make(valid=np.arange(24) != 5)
    data.c2[1, 3, 9] = data.c2[1, 9, 3] = np.nan
    given = config(cmc={"shards": 1}, data={"exclude_diagonals": 2})
    request = prepare(data, load_config(given), None)
    one_by_one = some_pairs(data, request.partition.pairs(0))
    at_once = all_pairs(data, 2)
    assert at_once.n_counting == one_by_one.n_counting == request.partition.n_pairs
    scaling = (jnp.array([0.2, 0.3]), jnp.array([1.0, 1.02]))
    full = jnp.asarray(request.space.full(request.space.start * np.array([1.2, 0.9, 1.1])))
    both = jax.jit(lambda p, pairs: [f(p, pairs, *scaling) for f in (pair_sums, jax.jacrev(pair_sums))])
    found, expected = (both(full, pairs) for pairs in (at_once, one_by_one))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * float(np.abs(b).max()))


def test_the_adjustment_is_a_power_and_a_linear_change_of_the_argument() -> None:
    # The rest of the power counts at the estimate with equal weights, so that the noise is known from all pairs.
    plain, scaling = problem(n_pairs=40), (np.array([0.21, 0.24]), np.array([1.01, 0.99]))
    pivot, pull = np.array([0.1, 0.3, -0.4]), np.array([[1.1, 0.2, 0.0], [0.0, 0.8, 0.1], [0.1, 0.0, 1.2]])
    shift = np.array([0.2, -0.1, 0.3])
    request = prepare(make(), load_config(config(cmc={"shards": 1})), None)
    given = {"power": 0.3, "pivot": pivot, "shift": shift, "pull": pull, "contrast": scaling[0], "offset": scaling[1]}
    adjustment = no_adjustment(3, 4)._replace(**given)
    adjusted = shard_problem(plain.pairs, request.space, request.scaling, NOISE, adjustment, 3)
    moved = np.append(pivot + shift + pull @ (VECTOR[:3] - pivot), VECTOR[3])
    fewer = plain._replace(pairs=plain.pairs._replace(weight=0.3 * plain.pairs.weight))
    noise = np.exp(VECTOR[3])
    model = scaling[1][:, None] + scaling[0][:, None] * brackets_at(plain, pivot + shift)
    rest = np.sum((np.asarray(plain.pairs.value) - model) ** 2) / noise**2 + 80 * np.log(2 * np.pi * noise**2)
    expected = float(likelihood(jnp.asarray(moved), fewer)) - 0.7 * rest / 2
    assert float(likelihood(jnp.asarray(VECTOR), adjusted)) == pytest.approx(expected, rel=1e-12)


def test_an_anchor_adds_a_normal_density_of_the_parameters() -> None:
    plain = problem()
    precision = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 2.0]])
    held = plain._replace(anchor=Anchor(jnp.array([0.1, 0.2, -0.3]), jnp.asarray(precision)))
    away = VECTOR[:3] - np.array([0.1, 0.2, -0.3])
    density = jax.jit(log_density)
    expected = density(jnp.asarray(VECTOR), plain) - 0.5 * away @ precision @ away
    assert float(density(jnp.asarray(VECTOR), held)) == pytest.approx(float(expected), rel=1e-12)
