"""Derivatives of c2: against finite differences, forward against reverse, finite at corners and kinks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import Backend
from jaxtyping import Array, Float
from samples import BOUNDS, KINKS, SPEC, WINDOWS, corners, random_points, vector

Q, PHI, CONTRAST, OFFSET = 0.0054, 12.0, 0.3, 1.1
T = 0.1 * np.arange(1, 13)

INTERIOR = {
    "start-up": vector(),
    "mostly sample": vector(f0=0.2, f1=0.1, f3=0.6),
    "slowing down": vector(alpha_ref=0.5, alpha_sample=-0.4, beta=-0.3, v_offset=40.0),
    "defaults but for the fraction": np.where(np.array(SPEC.names) == "f0", 0.3, SPEC.defaults),
}
"""Points away from every kink, with phases of some radians."""


def correlation(
    backend: Backend, parameters: Float[Array, " n_free"], t: Float[Array, " n_t"], q: Array, phi: Array
) -> Array:
    """Return c2 as a function of the parameters followed by contrast and offset."""
    model = backend.model.from_vector(parameters[:-2])
    return backend.all_pairs(model, t, q, phi, parameters[-2], parameters[-1])


value = jax.jit(correlation, static_argnums=0)
forward = jax.jit(jax.jacfwd(correlation, argnums=1), static_argnums=0)


@functools.partial(jax.jit, static_argnums=0)
def reverse(backend: Backend, parameters: Array, t: Array, q: Array, phi: Array, weights: Array) -> Array:
    """Return the gradient of a weighted sum of c2."""
    return jax.grad(lambda p: jnp.sum(weights * correlation(backend, p, t, q, phi)))(parameters)


def free(point: np.ndarray) -> np.ndarray:
    return np.concatenate([point, [CONTRAST, OFFSET]])


@pytest.mark.parametrize("name", INTERIOR)
def test_forward_mode_agrees_with_central_differences(backend: Backend, name: str) -> None:
    point = free(INTERIOR[name])
    jacobian = np.asarray(forward(backend, point, T, Q, PHI))
    scale = np.concatenate([np.minimum(np.abs(BOUNDS).max(axis=1), np.maximum(np.abs(INTERIOR[name]), 1.0)), [1, 1]])
    step = 1e-3 * scale
    for k in range(point.size):
        e = step * (np.arange(point.size) == k)
        at = {m: np.asarray(value(backend, point + m * e, T, Q, PHI)) for m in (-2, -1, 1, 2)}
        difference = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step[k])
        # Five-point differences: truncation step⁴ f⁽⁵⁾/30, that is 1e-12 (phase)⁵/30 with phases up to 10 rad,
        # and rounding eps/step = 2e-13 of c2's scale, both in units of one `scale` of the parameter.
        error = np.abs(difference - jacobian[..., k]) * scale[k]
        size = max(1.0, float(np.abs(jacobian[..., k]).max()) * scale[k])
        assert error.max() <= 1e-8 * size, SPEC.names[k] if k < len(SPEC.names) else "scaling"


@pytest.mark.parametrize("name", INTERIOR)
def test_reverse_mode_agrees_with_forward_mode(backend: Backend, name: str) -> None:
    weights = np.random.default_rng(3).normal(size=(T.size, T.size))
    contributions = np.asarray(forward(backend, free(INTERIOR[name]), T, Q, PHI)) * weights[..., None]
    gradient = np.asarray(reverse(backend, free(INTERIOR[name]), T, Q, PHI, weights))
    # The two modes add the same numbers in another order: some ulp of the sum of their moduli.
    scale = np.abs(contributions).sum(axis=(0, 1))
    np.testing.assert_array_less(np.abs(gradient - contributions.sum(axis=(0, 1))), 1e-12 * scale + 1e-300)


@functools.partial(jax.jit, static_argnums=0)
def derivatives_are_finite(backend: Backend, points: Array, t: Array, q: Array, phi: Array) -> Array:
    weights = jnp.cos(jnp.arange(t.size)[:, None] + 2.0 * jnp.arange(t.size))

    def one(point: Array) -> Array:
        modes = (forward(backend, point, t, q, phi), reverse(backend, point, t, q, phi, weights))
        return jnp.array([jnp.all(jnp.isfinite(mode)) for mode in modes])

    return jax.lax.map(one, points, batch_size=len(points) // 2)


POINTS = np.array([free(point) for point in (*random_points(500, seed=11), *KINKS.values(), *corners()[::37])])
"""Random ones, kinks, corners: together, for one number of them is compiled."""


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("q", "phi"), [(0.0054, 4.9), (0.0, 4.9), (0.05, -180.0), (0.0054, 0.0)])
def test_derivatives_are_finite(backend: Backend, window: str, q: float, phi: float) -> None:
    finite = np.asarray(derivatives_are_finite(backend, POINTS, WINDOWS[window], q, phi))
    bad = POINTS[~finite.all(axis=1)]
    assert finite.all(), f"forward, reverse finite: {finite.mean(axis=0)}; first failure at {bad[0].tolist()}"
