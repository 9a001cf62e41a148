"""The density of a shard against densities written out with nothing integrated in closed form."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measurement import NOISE, config, make

from heterodyne_cmc.density import (
    ShardProblem,
    brackets,
    draw_coefficients,
    log_density,
    log_likelihood,
    shard_problem,
)
from heterodyne_cmc.request import prepare
from heterodyne_cmc.shards import Pairs
from heterodyne_spec import load_config

pytestmark = pytest.mark.usefixtures("float64")

VECTOR = np.array([-0.1, 0.4, -0.5, np.log(NOISE), np.log(2 * NOISE)])
"""Three unconstrained parameters and ln σ of two angles."""


def problem(n_pairs: int | None = None, n_shards: int = 3, weight: float = 1.0, **sections: Any) -> ShardProblem:
    """Return the problem of the first shard, or of its first few pairs per angle."""
    request = prepare(make(), load_config(config(cmc={"shards": 1}, **sections)), None)
    pairs = request.partition.pairs(0)
    few = Pairs(*(getattr(pairs, name)[:, :n_pairs] for name in ("i", "j", "value", "weight")))
    few.weight[:] *= weight
    return shard_problem(request.data, few, request.space, request.scaling, np.full(2, NOISE), n_shards)


def covariance_of_data(shard: ShardProblem, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of all values, contrast and offset being random with their tempered priors."""
    m = np.asarray(brackets(jnp.asarray(vector[:3]), shard))
    n_phi, n_pair = m.shape
    basis = np.asarray(shard.basis)
    design = np.concatenate(
        [np.concatenate([m[a][:, None] * basis[a], np.ones((n_pair, 1)) * basis[a]], axis=1) for a in range(n_phi)]
    )
    held = np.asarray(shard.held)
    mean = (held[0][:, None] * m + held[1][:, None]).ravel() + design @ np.asarray(shard.coefficient_mean)
    prior = np.diag(1 / (float(shard.temper) * np.asarray(shard.coefficient_precision)))
    noise = np.repeat(np.exp(2 * vector[3:]), n_pair)
    return mean, design @ prior @ design.T + np.diag(noise)


FIXED = {"contrast": {"value": [0.2, 0.25]}, "offset": {"value": 1.0}}


@pytest.mark.parametrize("scaling", ["individual", "shared", "fixed"])
def test_marginal_is_the_multivariate_normal(scaling: str) -> None:
    given: dict[str, Any] = {"scaling": scaling}
    if scaling == "fixed":
        given["model"] = {"parameters": {**config()["model"]["parameters"], **FIXED}}
    shard = problem(n_pairs=7, **given)
    mean, covariance = covariance_of_data(shard, VECTOR)
    away = np.asarray(shard.value).ravel() - mean
    _, volume = np.linalg.slogdet(covariance)
    expected = -0.5 * (away @ np.linalg.solve(covariance, away) + volume + away.size * np.log(2 * np.pi))
    # The oracle loses digits: prior and noise variances differ by 1e5.
    assert log_likelihood(jnp.asarray(VECTOR), shard) == pytest.approx(expected, rel=1e-7)


def test_marginal_is_the_integral_over_contrast_and_offset() -> None:
    shard = problem(n_pairs=3)
    vector = np.concatenate([VECTOR[:3], np.log([0.05, 0.07])])
    m, value = np.asarray(brackets(jnp.asarray(vector[:3]), shard)), np.asarray(shard.value)
    sd = 1 / np.sqrt(float(shard.temper) * np.asarray(shard.coefficient_precision))
    expected = 0.0
    for a in range(2):
        centre = np.asarray(shard.coefficient_mean)[[a, 2 + a]]
        contrast, offset = (c + s * np.linspace(-8, 8, 1601) for c, s in zip(centre, sd[[a, 2 + a]], strict=True))
        log = -0.5 * ((contrast[:, None] - centre[0]) / sd[a]) ** 2 - 0.5 * ((offset - centre[1]) / sd[2 + a]) ** 2
        log = log - np.log(2 * np.pi * sd[a] * sd[2 + a])
        noise = np.exp(vector[3 + a])
        for k in range(3):
            residual = value[a, k] - offset - contrast[:, None] * m[a, k]
            log = log - 0.5 * (residual / noise) ** 2 - np.log(noise * np.sqrt(2 * np.pi))
        area = (contrast[1] - contrast[0]) * (offset[1] - offset[0])
        expected += np.log(np.sum(np.exp(log)) * area)
    assert log_likelihood(jnp.asarray(vector), shard) == pytest.approx(expected, rel=1e-6)


def test_a_pair_of_weight_two_counts_twice_and_one_of_weight_zero_not() -> None:
    once = problem(n_pairs=6)
    twice = once._replace(weight=2 * once.weight)
    repeated = once._replace(
        **{n: jnp.concatenate([getattr(once, n)] * 2, axis=1) for n in ("i", "j", "value", "weight")}
    )
    padded = once._replace(**{n: jnp.pad(getattr(once, n), ((0, 0), (0, 5))) for n in ("i", "j", "value", "weight")})
    found = {
        name: float(log_likelihood(jnp.asarray(VECTOR), shard))
        for name, shard in (("once", once), ("twice", twice), ("repeated", repeated), ("padded", padded))
    }
    assert found["twice"] == pytest.approx(found["repeated"], rel=1e-12)
    assert found["padded"] == pytest.approx(found["once"], rel=1e-12)


@pytest.mark.parametrize("scaling", ["individual", "shared"])
def test_gradient_is_that_of_finite_differences(scaling: str) -> None:
    shard = problem(scaling=scaling)
    gradient = np.asarray(jax.grad(log_density)(jnp.asarray(VECTOR), shard))
    density = jax.jit(log_density)
    step = 1e-5
    for k in range(VECTOR.size):
        ends = [float(density(jnp.asarray(VECTOR + sign * step * np.eye(5)[k]), shard)) for sign in (-1, 1)]
        # Central difference: its error is step² times the third derivative.
        assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(gradient[k], rel=1e-5)


def test_drawn_coefficients_have_the_conditional_law() -> None:
    shard = problem(n_pairs=40)
    keys = jax.random.split(jax.random.key(0), 20_000)
    draws = np.asarray(jax.vmap(lambda key: draw_coefficients(key, jnp.asarray(VECTOR), shard))(keys))
    m, value = np.asarray(brackets(jnp.asarray(VECTOR[:3]), shard)), np.asarray(shard.value)
    for a in range(2):
        design = np.stack([m[a], np.ones_like(m[a])], axis=1)
        prior = float(shard.temper) * np.asarray(shard.coefficient_precision)[[a, 2 + a]]
        precision = design.T @ design * np.exp(-2 * VECTOR[3 + a]) + np.diag(prior)
        right = design.T @ value[a] * np.exp(-2 * VECTOR[3 + a])
        right = right + prior * np.asarray(shard.coefficient_mean)[[a, 2 + a]]
        covariance = np.linalg.inv(precision)
        found = draws[:, [a, 2 + a]]
        error = np.sqrt(np.diag(covariance) / len(draws))
        assert np.all(np.abs(found.mean(axis=0) - covariance @ right) < 5 * error)
        np.testing.assert_allclose(np.cov(found.T), covariance, rtol=0.05)
