"""When the Gaussian consensus cannot be trusted: silent for Gaussian sub-posteriors, right in size for bent ones."""

from __future__ import annotations

import numpy as np
import pytest

from heterodyne_cmc.consensus import gaussian_product, moments
from heterodyne_cmc.non_gaussianity import non_gaussianity

N_SHARDS = 4


def chains(rng: np.random.Generator, shape: tuple[int, ...], rho: float = 0.0) -> np.ndarray:
    """Return unit normal chains along axis 2 with autocorrelation `rho`."""
    x = rng.standard_normal(shape)
    for k in range(1, shape[2]):
        x[:, :, k] = rho * x[:, :, k - 1] + np.sqrt(1 - rho**2) * x[:, :, k]
    return x


def test_is_silent_for_gaussian_sub_posteriors_that_disagree() -> None:
    # 2000 draws of an effective size of 400, means scattered as the law of the data scatters them.
    rng, fired = np.random.default_rng(0), 0
    for _ in range(40):
        x = chains(rng, (N_SHARDS, 4, 500, 6), 2 / 3) + rng.standard_normal((N_SHARDS, 1, 1, 6))
        mix = np.eye(6) + rng.standard_normal((6, 6)) / np.sqrt(6)
        fired += non_gaussianity(x @ mix * np.logspace(-3, 3, 6)).bent
    # At most 3 % by calibration; 5 of 40 would be 12 %.
    assert fired < 5


def test_shift_and_width_are_those_of_a_gamma_product() -> None:
    # Identical gamma(a) sub-posteriors in the sampled coordinate: the product of K is gamma(K (a - 1) + 1) / K.
    rng, a = np.random.default_rng(0), 200.0
    found = non_gaussianity(rng.gamma(a, size=(N_SHARDS, 4, 20_000, 1)))
    shape = N_SHARDS * (a - 1) + 1
    mean, sd = shape / N_SHARDS, np.sqrt(shape) / N_SHARDS
    # The Gaussian product has mean a and sd √(a/K); to first order in the skewness 2/√a.
    assert found.shift[0] == pytest.approx((mean - a) / sd, abs=4 * found.shift_error[0] + 0.005)
    assert found.width[0] == pytest.approx(sd / np.sqrt(a / N_SHARDS) - 1, abs=4 * found.width_error[0] + 0.005)
    assert found.shift_error[0] < 0.01


def test_parts_of_the_shift_sum_to_it() -> None:
    x = np.random.default_rng(0).gamma(5.0, size=(N_SHARDS, 4, 1000, 3))
    found = non_gaussianity(x)
    np.testing.assert_allclose(found.bends.sum(axis=1), found.shift, atol=1e-10)


@pytest.mark.parametrize("n_joint", [2, 12])
def test_flags_a_banana_that_no_marginal_skewness_shows_well(n_joint: int) -> None:
    rng = np.random.default_rng(n_joint)
    x = rng.standard_normal((N_SHARDS, 4, 1000, n_joint))
    x[..., 1] += 0.2 * (x[..., 0] ** 2 - 1)  # skewness 0.3
    found = non_gaussianity(x)
    assert found.bent
    # The product lies below its Gaussian: at x0 near 0 the banana has its bottom, at -0.2, by -0.15 after averaging.
    mean, covariance = gaussian_product(*moments(x))
    exact = (0.2 / N_SHARDS - 0.2 - mean[1]) / np.sqrt(covariance[1, 1])
    assert found.shift[1] == pytest.approx(exact, abs=4 * found.shift_error[1] + 0.05)
    assert found.worst_shift > 0.2


def test_flags_tails_that_change_the_width_only() -> None:
    x = np.random.default_rng(0).standard_t(6, size=(N_SHARDS, 4, 2000, 2))
    found = non_gaussianity(x)
    assert found.bent
    assert found.worst_shift < 0.15
    assert found.width.min() < -0.1
