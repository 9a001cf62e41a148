"""The combination against closed forms: a linear model with Gaussian noise, split into shards."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from heterodyne_cmc import combination
from heterodyne_cmc.combination import SamplingError, combine
from heterodyne_cmc.consensus import (
    Anchors,
    all_anchors,
    disagreement,
    gaussian_draws,
    gaussian_product,
    moments,
    weighted_average,
)
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.population import sample_population

N_SHARDS = 4
SCALE = np.array([1e4, 1.0, 1e-3])
"""The coefficients have units of very different size, and are strongly correlated."""


def posterior(design: np.ndarray, values: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance for a normal prior to the power `share` and unit noise."""
    precision = design.T @ design + share * np.diag(SCALE**-2.0)
    covariance = np.linalg.inv(precision * np.outer(SCALE, SCALE)) * np.outer(SCALE, SCALE)
    return covariance @ (design.T @ values), covariance


def linear_model(seed: int = 0) -> tuple[list[tuple[np.ndarray, np.ndarray]], tuple[np.ndarray, np.ndarray]]:
    """Return the exact sub-posteriors of a linear model, and its exact posterior."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, 200)
    design = np.stack([np.ones_like(x), 1 + 0.1 * x, 1 + 0.1 * x**2], axis=1) / SCALE
    values = design @ (SCALE * [1.0, 2.0, -1.0]) + rng.normal(size=200)
    order = rng.permutation(200).reshape(N_SHARDS, -1)
    return [posterior(design[k], values[k], 1 / N_SHARDS) for k in order], posterior(design, values, 1.0)


def test_gaussian_consensus_is_exact_for_exact_moments() -> None:
    parts, (mean, covariance) = linear_model()
    found_mean, found_covariance = gaussian_product(*(np.array(item) for item in zip(*parts, strict=True)))
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((found_mean - mean) / sd, 0, atol=1e-8)
    np.testing.assert_allclose(found_covariance / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=1e-8)


def sub_draws(n_chain: int = 4, n_draw: int = 5000) -> np.ndarray:
    parts, _ = linear_model()
    return np.stack([gaussian_draws(mean, cov, (n_chain, n_draw), seed) for seed, (mean, cov) in enumerate(parts)])


@pytest.mark.parametrize("method", ["gaussian", "average"])
def test_consensus_of_draws_is_the_posterior_within_monte_carlo_error(method: str) -> None:
    draws = sub_draws()
    _, (mean, covariance) = linear_model()
    combined = combine(draws, method, seed=0).draws.reshape(-1, 3)
    sd = np.sqrt(np.diag(covariance))
    # Each mean is that of 20 000 draws; the gaussian method draws once more.
    assert np.all(np.abs(combined.mean(axis=0) - mean) / sd < 5 * np.sqrt(2 / 20_000))
    np.testing.assert_allclose(np.cov(combined.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.05)


def anchored(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[list[tuple[np.ndarray, np.ndarray]], Anchors]:
    """Return the sub-posteriors with a density about as narrow as the posterior in them, off its centre."""
    _, (mean, covariance) = linear_model()
    precision, centre = inverse(covariance) / 2, mean + root(covariance) @ [0.3, -0.3, 0.3]
    found = []
    for own_mean, own in parts:
        within = inverse(inverse(own) + precision)
        found.append((within @ (inverse(own) @ own_mean + precision @ centre), within))
    return found, all_anchors(centre, precision, len(parts), centre.size)


def test_what_the_anchors_brought_in_is_taken_off() -> None:
    parts, (mean, covariance) = linear_model()
    held, anchors = anchored(parts)
    sd = np.sqrt(np.diag(covariance))
    product = gaussian_product(*(np.array(item) for item in zip(*held, strict=True)), anchors)
    np.testing.assert_allclose((product[0] - mean) / sd, 0, atol=1e-7)
    np.testing.assert_allclose(product[1] / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=1e-7)

    x = np.stack([gaussian_draws(*part, (4, 5000), seed) for seed, part in enumerate(held)])
    for method in ("gaussian", "average"):
        found = combine(x, method, seed=0, anchors=anchors)
        flat = found.draws.reshape(-1, 3)
        # A third of every shard's precision is its own (1/4 beside 1/2): of as many draws fewer count, as is reported.
        few = found.convergence[1]
        assert np.all(few < 0.6 * 20_000)
        assert np.all(np.abs(flat.mean(axis=0) - mean) / sd < 5 * np.sqrt(1 / few + 1 / 20_000))
        np.testing.assert_allclose(np.cov(flat.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.08)


def test_a_consensus_is_corrected_by_the_posterior_where_it_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    parts, (mean, covariance) = linear_model()
    sd, precision = np.sqrt(np.diag(covariance)), inverse(covariance)
    # Sub-posteriors that are all wrong in the same way: their product is 0.7 sd away, and a tenth too narrow.
    away = root(covariance) @ [0.4, 0.4, 0.4]
    wrong = [(own_mean + away, 0.8 * own) for own_mean, own in parts]
    x = np.stack([gaussian_draws(*part, (4, 5000), seed) for seed, part in enumerate(wrong)])

    def log_density(v: np.ndarray) -> np.ndarray:
        return -0.5 * np.sum((v - mean) @ precision * (v - mean), axis=1)

    np.testing.assert_allclose((combine(x, "gaussian", 0).draws.mean(axis=(0, 1)) - mean - away) / sd, 0, atol=0.05)
    found = combine(x, "gaussian", 0, log_density)
    assert found.corrected
    # The diagnostic says how far the Gaussian was.
    assert found.bent
    assert found.non_gaussianity is not None
    np.testing.assert_allclose(found.non_gaussianity.shift, -away / sd, atol=0.15)
    few = found.convergence[1].min()
    assert 100 < few < 15_000
    flat = found.draws.reshape(-1, 3)
    assert np.all(np.abs(flat.mean(axis=0) - mean) / sd < 5 / np.sqrt(few))
    np.testing.assert_allclose(flat.std(axis=0) / sd, 1, atol=5 / np.sqrt(2 * few))
    # A posterior far away is found in rounds of weighted draws.
    found = combine(x, "gaussian", 0, lambda v: log_density(v + 20 * away))
    assert found.corrected
    few, flat = found.convergence[1].min(), found.draws.reshape(-1, 3)
    assert np.all(np.abs(flat.mean(axis=0) - mean + 20 * away) / sd < 5 / np.sqrt(few))
    # And the Gaussian is left alone where nothing covers it, after fewer rounds here than by default.
    monkeypatch.setattr(combination, "sample_population", partial(sample_population, most=20))
    lost = combine(x, "gaussian", 0, lambda v: log_density(v) + 1e10 * np.sin(1e3 * v[:, 0] / sd[0]))
    assert not lost.corrected
    assert lost.bent


def test_weighted_average_is_that_of_numpyro() -> None:
    import jax
    from numpyro.infer.hmc_util import consensus

    draws = sub_draws(n_chain=1, n_draw=500) / SCALE  # NumPyro inverts the covariances as they are
    with jax.enable_x64(True):
        expected = np.asarray(consensus(list(draws[:, 0])))
    found = weighted_average(draws, moments(draws)[1])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_average_has_the_mean_and_gaussian_the_covariance_of_the_product() -> None:
    draws = sub_draws(n_draw=400)
    means, covariances = moments(draws)
    mean, covariance = gaussian_product(means, covariances)
    averaged = weighted_average(draws, covariances).reshape(-1, 3)
    np.testing.assert_allclose(averaged.mean(axis=0), mean, rtol=1e-6)
    np.testing.assert_allclose(root(covariance) @ root(covariance).T, covariance, rtol=1e-9)


def test_disagreement_follows_the_chi_square_law() -> None:
    # Over repeats with a flat prior the chi-square has mean dof and p is uniform.
    rng = np.random.default_rng(0)
    covariances = np.stack([np.diag([1.0, 4.0]) * (1 + k) for k in range(3)])
    found = [
        disagreement(np.stack([root(c) @ rng.standard_normal(2) for c in covariances]), covariances) for _ in range(400)
    ]
    assert all(item.dof == 4 for item in found)
    assert np.mean([item.chi2 for item in found]) == pytest.approx(4.0, abs=5 * np.sqrt(8 / 400))
    assert np.mean([item.p for item in found]) == pytest.approx(0.5, abs=5 * np.sqrt(1 / 12 / 400))
    # With anchors as precise as the data in one direction and ten times as in the other; the law is approximate.
    precision = np.diag([1.0, 2.5])
    anchors = all_anchors(np.zeros(2), precision, 3, 2)
    within = np.array([inverse(inverse(c) + precision) for c in covariances])
    found = []
    for _ in range(400):
        of_data = [root(c) @ rng.standard_normal(2) for c in covariances]
        held = [w @ inverse(c) @ x for w, c, x in zip(within, covariances, of_data, strict=True)]
        found.append(disagreement(np.array(held), within, anchors))
    assert np.mean([item.p for item in found]) == pytest.approx(0.5, abs=0.1)
    assert np.mean([item.p < 0.05 for item in found]) == pytest.approx(0.05, abs=0.04)
    apart = disagreement(np.array([[0.0, 0], [0, 0], [30, 0]]), covariances)
    assert apart.p < 1e-9
    assert apart.chi2 == pytest.approx(sum(apart.by_shard))


def test_one_shard_is_its_own_posterior() -> None:
    draws = sub_draws(n_draw=100)[:1]
    for method in ("draws", "average"):
        np.testing.assert_array_equal(combine(draws, method, seed=0).draws, draws[0])
    assert combine(draws, "draws", seed=0).apart.dof == 0


def test_convergence_is_that_of_the_chains_not_of_fresh_normal_draws() -> None:
    draws = np.repeat(sub_draws(n_chain=4, n_draw=200), 10, axis=2)  # chains that move every tenth step
    _, bulk, _ = combine(draws, "gaussian", seed=0).convergence
    np.testing.assert_allclose(bulk, 4 * 200, rtol=0.3)


def test_a_shard_that_does_not_move_is_named() -> None:
    draws = sub_draws(n_draw=50)
    draws[2, ..., 1] = 1.0
    with pytest.raises(SamplingError, match="shard 3 did not move"):
        combine(draws, "gaussian", seed=0)


def test_inverse_and_root_survive_units() -> None:
    _, (_, covariance) = linear_model()
    np.testing.assert_allclose(inverse(covariance) @ covariance, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(root(covariance) @ root(covariance).T, covariance, rtol=1e-9)
    with pytest.raises(np.linalg.LinAlgError, match="positive, finite diagonal"):
        inverse(np.diag([1.0, 0.0]))
