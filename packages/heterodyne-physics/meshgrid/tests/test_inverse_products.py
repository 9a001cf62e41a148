"""Solutions by recursions over frames against those with the full matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_pair_products import FAST, GENTLE, PHI, Q, matrix

from heterodyne_physics_meshgrid import HeterodyneModel, bracket, models, physics_of

T = 0.1 * jnp.arange(1, 48)
solved = jax.jit(physics_of("two-component").inverse_products)


@pytest.mark.parametrize("vector", [GENTLE, FAST], ids=["gentle", "decays of 1e5, many fringes"])
@pytest.mark.parametrize("least", [1e-3, 1.0])
def test_solutions_are_those_of_the_matrix(vector, least):
    vector = jnp.array(vector, float)
    rng = np.random.default_rng(0)
    z, noise = rng.normal(size=(T.size, 3)), least * rng.uniform(1.0, 2.0, T.size)
    out = np.isin(np.arange(T.size), [0, 17, 18])
    noise[out] = np.inf
    whole = np.asarray(matrix(vector, T))[np.ix_(~out, ~out)]
    expected = np.zeros_like(z)
    expected[~out] = np.linalg.solve(whole + np.diag(noise[~out]), z[~out])
    found = solved(vector, T, Q, PHI, jnp.asarray(noise), z)
    # Rounding grows with the condition of the matrix, at most 47 over the noise.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13 * 47 / least * np.abs(expected).max())


def test_a_model_without_recursions_is_solved_with_its_matrix(monkeypatch):
    module = type("Plain", (), {"HeterodyneModel": HeterodyneModel, "MODEL_VERSION": "1", "bracket": bracket})
    module.fields = None
    monkeypatch.setattr(models, "knowledge", lambda *_: module)
    plain = models.physics_of.__wrapped__("plain")
    vector, noise = jnp.array(GENTLE, float), np.ones(T.size)
    noise[4] = np.inf
    z = np.random.default_rng(1).normal(size=(T.size, 3))
    expected = solved(vector, T, Q, PHI, jnp.asarray(noise), z)
    found = jax.jit(plain.inverse_products)(vector, T, Q, PHI, jnp.asarray(noise), z)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
