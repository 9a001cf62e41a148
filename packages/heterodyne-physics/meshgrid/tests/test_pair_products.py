"""Recursions over frames against the full matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from heterodyne_physics_meshgrid import HeterodyneModel, bracket
from heterodyne_physics_meshgrid.pair_products import pair_products
from heterodyne_physics_meshgrid.quadratic_forms import quadratic_forms

Q, PHI = jnp.asarray(0.0054), jnp.asarray(10.0)
GENTLE = [900, 0.25, 180, 5200, -0.1, -900, 470, -0.43, -20, 0.16, -0.05, 0.9, 0.52, -2.1]
FAST = [9e5, 1.0, 0, 1e6, -0.5, 1e5, 9e3, 1.0, 90, 0.3, -0.2, 0.0, 0.6, 4.0]


products = jax.jit(pair_products, static_argnums=(5, 6))
derivatives = jax.jit(jax.jacfwd(pair_products), static_argnums=(5, 6))
forms = jax.jit(quadratic_forms, static_argnums=5)


@jax.jit
def matrix(values, t):
    return bracket(HeterodyneModel.from_vector(values), t, Q, PHI)


slopes_of_matrix = jax.jit(jax.jacfwd(matrix))


@pytest.mark.parametrize("n_near", [1, pytest.param(2, marks=pytest.mark.slow), 7])
@pytest.mark.parametrize("vector", [GENTLE, FAST], ids=["gentle", "decays of 1e5, many fringes"])
def test_products_and_their_derivatives_are_those_of_the_matrix(vector, n_near):
    vector, t = jnp.array(vector, float), 0.1 * jnp.arange(1, 48)
    z = np.random.default_rng(0).normal(size=(t.size, 3))
    lag = np.subtract.outer(np.arange(t.size), np.arange(t.size))
    for later, pairs in ((False, lag >= n_near), (True, np.abs(lag) >= n_near)):
        expected = np.where(pairs, matrix(vector, t), 0.0) @ z
        np.testing.assert_allclose(products(vector, t, Q, PHI, z, n_near, later), expected, rtol=1e-9, atol=1e-9)
        slopes = np.einsum("ijp,jk->ikp", np.where(pairs[..., None], slopes_of_matrix(vector, t), 0.0), z)
        found = derivatives(vector, t, Q, PHI, z, n_near, later)
        for k in range(vector.size):
            size = np.abs(slopes[..., k]).max() + 1e-30
            np.testing.assert_allclose(found[..., k] / size, slopes[..., k] / size, atol=1e-7)
        if not later:
            expected = np.concatenate([(z * expected).sum(0)[None], np.einsum("ik,ikp->pk", z, slopes)])
            found = forms(vector, t, Q, PHI, z, n_near)
            size = np.abs(expected).max(axis=1, keepdims=True) + 1e-30
            np.testing.assert_allclose(found / size, expected / size, atol=1e-6)
