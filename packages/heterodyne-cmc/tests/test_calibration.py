"""The likelihood set right: on a linear model, where the width that it must get is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from heterodyne_cmc.calibration import Estimate, make_adjustment
from heterodyne_cmc.density import LikelihoodAdjustment
from heterodyne_cmc.linalg import conditioned

N, M = 4, 3
"""Parameters and coefficients."""


def covariances() -> tuple[np.ndarray, np.ndarray]:
    """Return a covariance of parameters and coefficients, and a wider one with other correlations; units differ."""
    rng = np.random.default_rng(3)
    units = np.array([1e3, 1.0, 1e-2, 30.0, 0.1, 0.2, 5.0])
    found = []
    for width in (1.0, 20.0):
        root = rng.normal(size=(N + M, N + M)) * np.linspace(1, width, N + M)
        found.append(np.outer(units, units) * (root @ root.T))
    return found[0], found[1]


def adjusted_covariance(adjustment: LikelihoodAdjustment, independent: np.ndarray) -> np.ndarray:
    """Return the covariance under the adjusted likelihood of a linear model whose own one is `independent`."""
    slope = independent[N:, :N] @ np.linalg.inv(independent[:N, :N])
    rest = independent[N:, N:] - slope @ independent[:N, N:]
    back = np.linalg.inv(adjustment.pull)
    of_parameters = back @ independent[:N, :N] @ back.T / adjustment.power
    # Coefficients given the parameters: their own slope in the pulled ones, stretched, and the rest.
    along = adjustment.stretch @ slope @ adjustment.pull + adjustment.follow
    cross = along @ of_parameters
    own = along @ cross.T + adjustment.stretch @ (rest / adjustment.power) @ adjustment.stretch.T
    return np.block([[of_parameters, cross.T], [cross, own]])


def estimate(independent: np.ndarray, calibrated: np.ndarray) -> Estimate:
    return Estimate(*np.zeros((2, N)), np.zeros(1), np.ones(1), *np.zeros((2, M)), independent, calibrated)


def test_a_linear_model_gets_the_calibrated_covariance() -> None:
    independent, calibrated = covariances()
    adjustment = make_adjustment(estimate(independent, calibrated), 1e18 * np.eye(N))
    scale = np.sqrt(np.outer(np.diag(calibrated), np.diag(calibrated)))
    np.testing.assert_allclose(adjusted_covariance(adjustment, independent) / scale, calibrated / scale, atol=1e-9)
    assert np.linalg.det(adjustment.pull) == pytest.approx(1.0)
    assert adjustment.power < 1


def test_independent_noise_leaves_the_likelihood_as_it_is() -> None:
    independent, _ = covariances()
    adjustment = make_adjustment(estimate(independent, independent), 1e18 * np.eye(N))
    assert adjustment.power == pytest.approx(1.0)
    sd = np.sqrt(np.diag(independent))[:N]
    np.testing.assert_allclose(adjustment.pull * sd / sd[:, None], np.eye(N), atol=1e-7)
    np.testing.assert_allclose(adjusted_covariance(adjustment, independent), independent, rtol=1e-6)


def test_a_direction_that_the_data_leave_open_does_not_hide_the_others() -> None:
    # A fit that ended on a bound, as measured: one spread is a hundred times the prior's, with correlations to all.
    rng = np.random.default_rng(5)
    found = []
    for width in (1.0, 6.0):
        root = np.diag([0.05, 0.02, 0.002, 100.0] + [1.0] * M) @ (np.eye(N + M) + 0.3 * rng.normal(size=(N + M, N + M)))
        found.append(width**2 * root @ root.T)
    prior = np.eye(N)
    adjustment = make_adjustment(estimate(*found), prior)
    assert adjustment.power < 0.1
    information = np.linalg.inv(adjusted_covariance(adjustment, found[0])[:N, :N]) + prior
    expected = np.linalg.inv(found[1][:N, :N]) + prior
    np.testing.assert_allclose(
        np.sqrt(np.diag(np.linalg.inv(information))), np.sqrt(np.diag(np.linalg.inv(expected))), rtol=0.05
    )


def test_a_way_along_what_the_data_leave_open_is_no_distance() -> None:
    # One azimuth: velocity and angle of the flow against each other, in coordinates of very different units.
    units = np.array([1e3, 1.0, 1e-2, 30.0])
    along = units * np.array([1.0, 0.2, -0.5, 2.0])
    independent, _ = covariances()
    calibrated = 4.0 * independent
    for whole in (independent, calibrated):
        whole[:N, :N] *= 1e-6
        whole[N:, :N] *= 1e-3
        whole[:N, N:] *= 1e-3
        whole[:N, :N] += 1e4 * np.outer(along, along)
    adjustment = make_adjustment(estimate(independent, calibrated), np.diag(units**2))
    assert adjustment.power == pytest.approx(0.25)
    # A whole sd of the prior, where others are known to a thousandth.
    assert along @ adjustment.extent @ along < 1e-3
    assert units[0] ** 2 * adjustment.extent[0, 0] > 1.0
    np.testing.assert_allclose(adjustment.pull * units / units[:, None], np.eye(N), atol=1e-6)


def test_where_the_prior_rules_the_likelihood_keeps_its_shape() -> None:
    independent, calibrated = np.diag([1.0, 1.0, 1.0, 1e8] + [1.0] * M), np.diag([25.0, 49.0, 36.0, 1e8] + [4.0] * M)
    adjustment = make_adjustment(estimate(independent, calibrated), 1e6 * np.eye(N))
    assert adjustment.power == pytest.approx((25.0 * 49.0 * 36.0) ** (-1 / 3))
    np.testing.assert_allclose(adjustment.pull[3], [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(np.diag(adjusted_covariance(adjustment, independent))[:3], [25.0, 49.0, 36.0], rtol=1e-9)


def test_far_from_the_estimate_what_its_covariances_say_is_bounded() -> None:
    independent, calibrated = covariances()
    adjustment = make_adjustment(estimate(independent, calibrated), 1e18 * np.eye(N))
    sd = np.sqrt(np.diag(calibrated))[:N]
    away = sd * np.random.default_rng(4).choice([-1.0, 1.0], N)
    np.testing.assert_allclose(
        adjustment.pulled(adjustment.pivot + away / 100), adjustment.pivot + adjustment.pull @ away / 100, rtol=1e-6
    )
    far, further = (
        np.asarray(adjustment.pulled(adjustment.pivot + length * away) - length * away) for length in (1e3, 1e6)
    )
    assert np.abs((far - adjustment.pivot) / sd).max() > 0.1
    np.testing.assert_allclose(far, further, rtol=1e-3, atol=1e-3)
    # Hardly less at a mean distance of two standard deviations: (1 + (2/3)^4)^(-1/4).
    scale = 2 / np.sqrt(away @ adjustment.extent @ away)
    at = np.asarray(adjustment.near(adjustment.pivot + scale * away))
    np.testing.assert_allclose(at / (scale * away), 0.956, rtol=1e-3)


def test_what_is_held_is_taken_out_of_a_covariance() -> None:
    _, whole = covariances()
    found = conditioned(whole, [1, 4])
    left = [0, 2, 3, 5, 6]
    expected = np.linalg.inv(np.linalg.inv(whole)[np.ix_(left, left)])
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(found[np.ix_(left, left)] / scale, expected / scale, atol=1e-9)
    assert not found[[1, 4]].any()
    assert not found[:, [1, 4]].any()
