"""Solutions by recursions over frames against those with the full matrix."""

import jax.numpy as jnp
import numpy as np
import pytest
from test_pair_products import FAST, GENTLE, PHI, Q

from heterodyne_physics_meshgrid import HeterodyneModel, bracket, models, physics_of


@pytest.mark.parametrize("vector", [GENTLE, FAST], ids=["gentle", "decays of 1e5, many fringes"])
@pytest.mark.parametrize("least", [1e-3, 1.0])
def test_solutions_are_those_of_the_matrix(vector, least):
    vector, t = jnp.array(vector, float), 0.1 * jnp.arange(1, 48)
    rng = np.random.default_rng(0)
    z, noise = rng.normal(size=(t.size, 3)), least * rng.uniform(1.0, 2.0, t.size)
    out = np.isin(np.arange(t.size), [0, 17, 18])
    noise[out] = np.inf
    matrix = np.asarray(bracket(HeterodyneModel.from_vector(vector), t, Q, PHI))[np.ix_(~out, ~out)]
    expected = np.zeros_like(z)
    expected[~out] = np.linalg.solve(matrix + np.diag(noise[~out]), z[~out])
    found = physics_of("two-component").inverse_products(vector, t, Q, PHI, jnp.asarray(noise), z)
    # Rounding grows with the condition of the matrix, at most 47 over the noise.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13 * 47 / least * np.abs(expected).max())


def test_a_model_without_recursions_is_solved_with_its_matrix(monkeypatch):
    module = type("Plain", (), {"HeterodyneModel": HeterodyneModel, "MODEL_VERSION": "1", "bracket": bracket})
    module.fields = None
    monkeypatch.setattr(models, "knowledge", lambda *_: module)
    plain = models.physics_of.__wrapped__("plain")
    vector, t = jnp.array(GENTLE, float), 0.1 * jnp.arange(1, 30)
    noise = jnp.ones(t.size).at[4].set(jnp.inf)
    z = np.random.default_rng(1).normal(size=(t.size, 2))
    expected = physics_of("two-component").inverse_products(vector, t, Q, PHI, noise, z)
    np.testing.assert_allclose(plain.inverse_products(vector, t, Q, PHI, noise, z), expected, rtol=1e-10)
