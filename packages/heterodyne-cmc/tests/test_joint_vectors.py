"""The posterior of joint vectors against the likelihood and priors written out, contrast and offset not integrated."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measurement import NOISE, config, make

from heterodyne_cmc.chart import to_parameters
from heterodyne_cmc.density import coefficients_given, log_tempered_prior, no_adjustment, shard_problem
from heterodyne_cmc.joint_vectors import joint_draws, log_joint, log_likelihoods, shard_key, summed
from heterodyne_cmc.request import prepare
from heterodyne_cmc.sums import brackets, some_pairs
from heterodyne_spec import load_config

pytestmark = pytest.mark.usefixtures("float64")


def test_posterior_is_the_product_of_likelihood_and_priors() -> None:
    request = prepare(make(), load_config(config(cmc={"shards": 2})), None)
    n_coef = request.scaling.mean.size
    shards = [
        shard_problem(
            some_pairs(request.data, request.partition.pairs(s)),
            request.space,
            request.scaling,
            NOISE,
            no_adjustment(3, n_coef),
            2,
        )
        for s in range(2)
    ]
    rng, at_pairs = np.random.default_rng(0), jax.jit(brackets)
    vectors = np.array([-0.1, 0.4, -0.5, np.log(1.5 * NOISE)]) + 0.1 * rng.standard_normal((4, 4))
    joint = np.concatenate([vectors, request.scaling.mean + 0.1 * rng.standard_normal((4, n_coef))], axis=1)

    def likelihoods(row: np.ndarray) -> np.ndarray:
        u, log_noise, coefficients = jnp.asarray(row[:3]), row[3], row[4:]
        contrast, offset = request.scaling.per_angle(coefficients)
        total = np.zeros(len(request.data.phi))
        for shard in shards:
            m = np.asarray(at_pairs(shard.base + shard.expand @ to_parameters(u, shard.chart)[0], shard.pairs))
            away = np.asarray(shard.pairs.value) - offset[:, None] - contrast[:, None] * m
            density = -0.5 * away**2 * np.exp(-2 * log_noise) - log_noise - 0.5 * np.log(2 * np.pi)
            total += np.sum(np.asarray(shard.pairs.weight) * density, axis=1)
        return total

    def written_out(row: np.ndarray) -> float:
        coefficients, total = row[4:], float(likelihoods(row).sum())
        for shard in shards:
            total += float(log_tempered_prior(jnp.asarray(row[:4]), shard))
            prior = (coefficients - request.scaling.mean) ** 2 * request.scaling.precision
            total -= 0.25 * float(np.sum(prior))  # one half, to the power of a half
        return total

    expected = np.array([written_out(row) for row in joint])
    found = summed(log_joint, lambda: shards)(joint)
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-7, atol=1e-5)
    assert np.isfinite(jax.jit(jax.grad(log_joint))(jnp.asarray(joint[0]), shards[0])).all()
    by_angle = summed(log_likelihoods, lambda: shards)(joint)
    np.testing.assert_allclose(by_angle, [likelihoods(row) for row in joint], rtol=1e-9)


def test_repeated_draws_have_their_own_coefficients() -> None:
    request = prepare(make(), load_config(config(cmc={"shards": 2})), None)
    pairs = some_pairs(request.data, request.partition.pairs(0))
    n_coef = request.scaling.mean.size
    shard = shard_problem(pairs, request.space, request.scaling, NOISE, no_adjustment(3, n_coef), 2)
    here, there = np.array([-0.1, 0.4, -0.5, np.log(NOISE)]), np.array([0.1, 0.3, -0.4, np.log(2 * NOISE)])
    z = np.stack([here, there, here] * 700)[None]
    found = joint_draws(shard_key(0, 0), z, shard, np.zeros(4), np.eye(4))[0]
    np.testing.assert_allclose(found[:, :4], z[0], rtol=1e-14)
    first, last = found[0::3, 4:], found[2::3, 4:]
    assert not np.any(first == last)
    law = coefficients_given(jnp.asarray(here), shard)
    draws, sd = np.concatenate([first, last]), np.sqrt(np.diag(law.root @ law.root.T))
    np.testing.assert_allclose((draws.mean(axis=0) - law.mean) / sd, 0.0, atol=4 / np.sqrt(len(draws)))
    np.testing.assert_allclose(draws.std(axis=0) / sd, 1.0, atol=4 / np.sqrt(2 * len(draws)))
