"""Convergence measures on chains whose answer is known, and beside another program."""

from __future__ import annotations

import numpy as np
import pytest

from heterodyne_cmc import diagnostics, importance


def autoregressive(rho: float, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Return chains x_k = rho x_{k-1} + noise, of unit variance."""
    noise = np.random.default_rng(seed).standard_normal((shape[0], shape[1] + 1))
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0]
    for k in range(1, shape[1] + 1):
        x[:, k] = rho * x[:, k - 1] + np.sqrt(1 - rho**2) * noise[:, k]
    return x[:, 1:]


def test_independent_draws_count_in_full() -> None:
    x = autoregressive(0.0, (4, 1000))
    assert diagnostics.split_r_hat(x) == pytest.approx(1.0, abs=0.01)
    assert diagnostics.ess_bulk(x) == pytest.approx(4000, rel=0.15)
    assert diagnostics.ess_tail(x) == pytest.approx(4000, rel=0.2)


@pytest.mark.parametrize("rho", [-0.3, 0.5, 0.9])
def test_correlated_draws_count_as_theory_says(rho: float) -> None:
    x = autoregressive(rho, (4, 4000))
    assert diagnostics.ess_bulk(x) == pytest.approx(16_000 * (1 - rho) / (1 + rho), rel=0.2)


@pytest.mark.parametrize("rho", [0.0, 0.7, 0.95])
def test_convergence_is_that_of_arviz(rho: float) -> None:
    arviz = pytest.importorskip("arviz_stats.base").array_stats
    x = autoregressive(rho, (4, 1000))
    assert diagnostics.split_r_hat(x) == pytest.approx(arviz.rhat(x), rel=1e-12)
    # ArviZ ends the sum over lags a little differently.
    assert diagnostics.ess_bulk(x) == pytest.approx(arviz.ess(x, method="bulk"), rel=0.01)
    assert diagnostics.ess_tail(x) == pytest.approx(arviz.ess(x, method="tail", prob=(0.05, 0.95)), rel=0.01)
    assert diagnostics.standard_error(x) == pytest.approx(arviz.mcse(x, method="mean"), rel=0.01)


@pytest.mark.parametrize("sd", [0.7, 1.2, 1.6, 3.0])
def test_weights_are_those_of_arviz(sd: float) -> None:
    """Draws of a standard normal density, weighted to one of another width."""
    arviz = pytest.importorskip("arviz_stats.base").array_stats
    # 3600 draws: where 3 √n is a whole number, both fit the same tail.
    z = np.random.default_rng(0).standard_normal(3600)
    log_ratio = 0.5 * z**2 * (1 - 1 / sd**2)
    weights, k_hat = importance.smoothed_weights(log_ratio)
    expected, expected_k = arviz.psislw(-log_ratio)
    assert k_hat == pytest.approx(float(expected_k), rel=1e-10)
    np.testing.assert_allclose(weights, np.exp(expected), rtol=1e-10)


def test_r_hat_sees_shift_and_scale() -> None:
    x = np.stack([autoregressive(0.0, (4, 500), seed) for seed in range(3)], axis=-1)
    x[0, :, 1] += 1.0  # one chain lies elsewhere
    x[0, :, 2] *= 4.0  # one chain is wider: only the folded draws tell
    r_hat = diagnostics.split_r_hat(x)
    assert r_hat[0] < 1.01
    assert (r_hat[1:] > 1.05).all()


def test_r_hat_sees_a_drift_inside_one_chain() -> None:
    x = autoregressive(0.0, (1, 1000)) + np.linspace(0, 3, 1000)
    assert diagnostics.split_r_hat(x) > 1.1


def test_what_cannot_be_said_is_nan() -> None:
    assert np.isnan(diagnostics.split_r_hat(np.zeros((4, 4, 2)))).all()
    assert np.isnan(diagnostics.split_r_hat(np.ones((4, 100)))).all()
    assert np.isnan(diagnostics.ess_bulk(np.ones((4, 100)))).all()
    assert np.isnan(diagnostics.bfmi(np.ones((2, 1)))).all()


def test_bfmi_of_independent_energies_is_two() -> None:
    energy = np.random.default_rng(0).standard_normal((3, 5000))
    np.testing.assert_allclose(diagnostics.bfmi(energy), 2.0, rtol=0.1)
    assert (diagnostics.bfmi(np.cumsum(energy, axis=1)) < 0.1).all()


def test_tree_depth_of_leapfrog_steps() -> None:
    assert diagnostics.tree_depth(np.array([1, 2, 3, 4, 7, 8, 1023])).tolist() == [1, 2, 2, 3, 3, 4, 10]


def test_contraction() -> None:
    assert diagnostics.contraction(np.array([0.1, 1.0]), np.array([1.0, 1.0])) == pytest.approx([0.99, 0.0])
