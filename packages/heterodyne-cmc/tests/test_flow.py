"""The flow consensus against closed forms: Gaussian sub-posteriors, a banana, a known density."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measurement import FREE, config, make, point_estimate

from heterodyne_cmc import fit_cmc_jax, methods
from heterodyne_cmc.combination import combine
from heterodyne_cmc.consensus import gaussian_product, moments
from heterodyne_cmc.flow import LAYERS, SCALE_MOST, Flow, fit_flows, log_product
from heterodyne_cmc.importance import K_MOST, resample, smoothed_weights

N_SHARDS, BEND = 4, 0.3


def flat(draws: np.ndarray) -> np.ndarray:
    return draws.reshape(-1, draws.shape[-1])


def log_banana(x: np.ndarray) -> np.ndarray:
    """Return ln of the posterior: x0 normal, x1 = y + b (x0² - 1) with normal y."""
    return -0.5 * (np.sum(x**2, axis=1) - x[:, 1] ** 2 + (x[:, 1] - BEND * (x[:, 0] ** 2 - 1)) ** 2)


EXACT_SD = np.array([1.0, np.sqrt(1 + 2 * BEND**2), 1.0])
"""Standard deviations of the banana; its means are 0."""


@pytest.fixture(scope="module")
def banana() -> np.ndarray:
    """Exact draws of K sub-posteriors, each the K-th root of the banana: the root widens both normals by √K."""
    x = np.sqrt(N_SHARDS) * np.random.default_rng(0).standard_normal((N_SHARDS, 4, 1000, 3))
    x[..., 1] += BEND * (x[..., 0] ** 2 - 1)
    return x


def test_flow_is_the_identity_before_training_and_with_zero_weights() -> None:
    w = jnp.linspace(-2, 2, 4)
    weights = jax.jit(Flow().init)(jax.random.key(0), w)
    for given in (weights, jax.tree.map(jnp.zeros_like, weights)):
        image, volume = jax.jit(Flow().apply)(given, w)
        np.testing.assert_allclose(image, w, rtol=1e-6)
        assert float(volume) == 0


def test_log_volume_is_that_of_the_jacobian_and_tails_are_gaussian(float64: None) -> None:
    rng = np.random.default_rng(0)
    weights = jax.eval_shape(Flow().init, jax.random.key(0), jnp.zeros(4))
    weights = jax.tree.map(lambda x: rng.standard_normal(x.shape), weights)
    apply = jax.jit(Flow().apply)
    jacobian = jax.jit(jax.jacobian(lambda w: Flow().apply(weights, w)[0]))
    for w in rng.standard_normal((5, 4)):
        assert float(apply(weights, w)[1]) == pytest.approx(np.linalg.slogdet(np.asarray(jacobian(w)))[1], abs=1e-10)
    # Far out every coordinate is scaled by no more than exp(LAYERS * SCALE_MOST) either way.
    for axis in np.eye(4):
        reached = float(np.linalg.norm(np.asarray(apply(weights, 1e6 * axis)[0]))) / 1e6
        assert np.exp(-LAYERS * SCALE_MOST) - 1e-3 < reached < np.exp(LAYERS * SCALE_MOST) + 1e-3


@pytest.mark.slow
def test_gaussian_sub_posteriors_stay_gaussian_and_give_the_exact_product() -> None:
    rng = np.random.default_rng(0)
    mix = np.eye(3) + 0.5 * rng.standard_normal((3, 3))
    centres = 0.5 * rng.standard_normal((N_SHARDS, 3))
    x = (rng.standard_normal((N_SHARDS, 4, 1000, 3)) + centres[:, None, None]) @ mix
    # A density that is somewhere else altogether: the weights are refused, and the draws stay as they are.
    found = combine(x, "flow", seed=0, log_density=lambda v: log_banana(9 * (v - 4)))
    assert found.flow is not None
    assert not found.flow.training.kept.any()
    assert found.flow.k_hat > K_MOST
    assert not found.flow.corrected
    assert found.non_gaussianity is not None
    assert not found.non_gaussianity.bent
    exact_mean, exact_covariance = centres.mean(axis=0) @ mix, mix.T @ mix / N_SHARDS
    sd = np.sqrt(np.diag(exact_covariance))
    # Means of 4000 draws: those of the shards, and those drawn of their product.
    assert np.all(np.abs(flat(found.draws).mean(axis=0) - exact_mean) / sd < 5 * np.sqrt(2 / 4000))
    np.testing.assert_allclose(
        np.cov(flat(found.draws).T) / np.outer(sd, sd), exact_covariance / np.outer(sd, sd), atol=0.1
    )


@pytest.mark.slow
def test_banana_is_found_by_the_flow_and_corrected_by_its_density(banana: np.ndarray) -> None:
    mean, _ = gaussian_product(*moments(banana))
    # The Gaussian consensus misses the mean by more than the flow may.
    assert abs(mean[1] / EXACT_SD[1]) > 0.5
    found = combine(banana, "flow", seed=0, log_density=log_banana)
    assert found.non_gaussianity is not None
    assert found.non_gaussianity.bent
    assert found.flow is not None
    assert found.flow.training.kept.all()
    assert found.flow.chains is not None
    assert found.flow.divergences == 0
    shift, ratio = flat(found.flow.chains).mean(axis=0) / EXACT_SD, flat(found.flow.chains).std(axis=0) / EXACT_SD
    print(f"flow: shift {np.round(shift, 3)}, sd ratio {np.round(ratio, 3)}, k-hat {found.flow.k_hat:.2f}")
    assert np.abs(shift).max() < 0.2
    assert ratio.min() > 0.85
    assert ratio.max() < 1.15
    assert found.convergence[0].max() < 1.02

    assert found.flow.exact
    assert found.flow.corrected
    assert found.flow.k_hat < K_MOST
    # Weights by the exact density: the error is that of an effective size of some thousand.
    assert np.abs(flat(found.draws).mean(axis=0) / EXACT_SD).max() < 0.1
    np.testing.assert_allclose(flat(found.draws).std(axis=0) / EXACT_SD, 1, atol=0.08)


def test_the_automatic_choice_finds_the_banana_in_rounds_of_weighted_draws(banana: np.ndarray) -> None:
    found = combine(banana, "auto", seed=0, log_density=log_banana)
    assert found.method == "gaussian"
    assert found.corrected
    assert found.bent
    few = found.convergence[1].min()
    assert np.all(np.abs(flat(found.draws).mean(axis=0) / EXACT_SD) < 5 / np.sqrt(few))
    np.testing.assert_allclose(flat(found.draws).std(axis=0) / EXACT_SD, 1, atol=0.1)


def test_without_the_extra_the_automatic_choice_is_gaussian(
    banana: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "flow_available", lambda: False)
    found = combine(banana, "auto", seed=0)
    assert found.method == "gaussian"
    assert found.non_gaussianity is not None
    assert found.non_gaussianity.bent


@pytest.mark.slow
def test_one_bent_shard_among_gaussian_ones_gets_a_flow_of_its_own() -> None:
    x = np.random.default_rng(0).standard_normal((N_SHARDS, 4, 1000, 3))
    x[1, ..., 1] += 0.5 * (x[1, ..., 0] ** 2 - 1)
    flows, training = fit_flows(x, seed=0)
    assert training.kept[1]
    assert training.gain[1] > 0.1
    assert np.abs(np.delete(training.gain, 1)).max() < 0.02
    assert np.isfinite(log_product(x[0, 0], flows)).all()


@pytest.mark.parametrize(("sd", "expected"), [(0.8, 0.36), (0.5, 0.75), (1.5, -0.5)])
def test_k_hat_is_the_tail_of_the_ratio_of_two_normals(sd: float, expected: float) -> None:
    # Draws of N(0, sd²) weighted to N(0, 1): the ratio's tail has k = 1 - sd², up to a logarithm; bounded for sd > 1.
    x = sd * np.random.default_rng(0).standard_normal(100_000)
    weights, k_hat = smoothed_weights(-0.5 * x**2 + 0.5 * (x / sd) ** 2)
    if expected > 0:
        assert k_hat == pytest.approx(expected, abs=0.15)
    else:
        assert k_hat < 0.1
    assert weights.sum() == pytest.approx(1)
    if sd > 0.6:  # below, the variance of the weights is infinite
        assert weights @ x**2 == pytest.approx(1, abs=0.05)


def test_equal_weights_and_few_draws() -> None:
    weights, k_hat = smoothed_weights(np.zeros(100))
    np.testing.assert_allclose(weights, 0.01)
    assert k_hat == -np.inf
    assert smoothed_weights(np.arange(4.0))[1] == np.inf
    assert smoothed_weights(np.array([0.0, np.nan]))[1] == np.inf


def test_resampling_takes_every_draw_as_often_as_its_weight_says() -> None:
    draws = np.arange(1000.0)[:, None]
    weights = np.where(draws[:, 0] < 100, 0.01, 0.0)
    found, counts = np.unique(resample(draws, weights, 0), return_counts=True)
    assert found.tolist() == list(range(100))
    assert set(counts.tolist()) <= {9, 10, 11}


def test_flow_without_its_extra_is_refused_before_the_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    from heterodyne_cmc import support
    from heterodyne_spec import load_config, load_model

    config = load_config({"cmc": {"consensus": "flow"}})
    spec = load_model(config.model.name)
    assert support.unsupported_options(config, spec) == []
    monkeypatch.setattr(methods, "flow_available", lambda: False)
    (problem,) = support.unsupported_options(config, spec)
    assert problem.path == "cmc.consensus"
    assert 'pip install "heterodyne-cmc[flow]"' in str(problem)


@pytest.mark.slow
def test_flow_of_a_measurement_is_corrected_by_its_posterior() -> None:
    data = make()
    found = fit_cmc_jax(data, config(cmc={"consensus": "flow"}), point_estimate(data))
    whole = fit_cmc_jax(data, config(cmc={"shards": 1}), point_estimate(data))
    assert found.method == "flow"
    assert "flow consensus of 2 shards" in found.message
    print(f"k-hat {found.diagnostics.k_hat:.2f}, flows {found.diagnostics.flows}, bent {found.diagnostics.bent}")
    assert found.diagnostics.corrected
    for name in FREE:
        # 400 draws each, whose effective number is about half that.
        assert abs(whole.mean[name] - found.mean[name]) < 0.4 * whole.sd[name]
        assert found.sd[name] == pytest.approx(whole.sd[name], rel=0.25)
