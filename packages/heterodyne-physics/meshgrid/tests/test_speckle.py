"""Single pixels against closed forms: their average correlation is the model's, their contrast one over the modes."""

import jax.numpy as jnp
import numpy as np
import pytest

from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid
from heterodyne_physics_meshgrid.speckle import field_laws, pixel_intensities, speckle_map

Q, PHI, T = 0.0054, 20.0, 0.1 * np.arange(1, 41)
MODEL = HeterodyneModel(
    D0_ref=2e4, alpha_ref=-0.2, D0_sample=6e4, v0=900.0, beta=0.2, f0=0.5, f1=-0.3, f3=0.2, phi0=3.0
)


@pytest.mark.parametrize("photons", [None, 2.0])
def test_average_over_pixels_is_the_model(photons):
    modes, pixels, repeats = 4, 4000, 24
    rng, laws = np.random.default_rng(1), field_laws(MODEL, T, Q, PHI)
    maps = np.array([speckle_map(laws, pixels, modes, rng, photons) for _ in range(repeats)])
    model = np.asarray(c2_meshgrid(MODEL, jnp.asarray(T), Q, PHI, 1 / modes, 1.0))
    mean, error = maps.mean(axis=0), maps.std(axis=0, ddof=1) / np.sqrt(repeats)
    upper = np.triu_indices(T.size, 1)
    pulls = ((mean - model) / error)[upper]
    assert np.abs(pulls).max() < 6
    assert np.sqrt(np.mean(pulls**2)) < 1.5
    # The diagonal holds the shot noise: 1 / photons more than the correlation.
    shot = 0.0 if photons is None else 1 / photons
    np.testing.assert_allclose(np.diag(mean), 1 + 1 / modes + shot, rtol=0.01)


def test_pixels_are_independent_and_gamma_distributed():
    seen = pixel_intensities(field_laws(MODEL, T, Q, PHI), 20000, 5, np.random.default_rng(2))
    np.testing.assert_allclose(seen.mean(axis=0), 1.0, atol=0.02)
    np.testing.assert_allclose(seen.var(axis=0), 1 / 5, rtol=0.08)
    third = np.mean((seen - 1) ** 3, axis=0)
    np.testing.assert_allclose(third, 2 / 5**2, rtol=0.3)
    assert abs(np.mean((seen[:-1] - 1) * (seen[1:] - 1))) < 0.005


def test_brightness_of_the_frames_divides_out():
    laws, drift = field_laws(MODEL, T, Q, PHI), np.linspace(0.5, 2.0, T.size)
    steady = speckle_map(laws, 500, 3, np.random.default_rng(3))
    np.testing.assert_allclose(speckle_map(laws, 500, 3, np.random.default_rng(3), None, drift), steady, rtol=1e-12)
