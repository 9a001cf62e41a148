"""Compiled code is reused: other parameters, ages, wavevectors and scaling of the same shape compile nothing."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import Backend
from jaxtyping import Array
from samples import random_points

COMPILATIONS: list[str] = []
"""One entry for everything that JAX has traced or compiled in this process."""


def _listen(event: str, duration: float, **details: object) -> None:
    if event.startswith("/jax/core/compile/"):
        COMPILATIONS.append(f"{event} {details.get('fun_name', '')}")


jax.monitoring.register_event_duration_secs_listener(_listen)


def compiled_by(call: Callable[[], Array]) -> list[str]:
    """Return what JAX traced or compiled while `call` ran."""
    before = len(COMPILATIONS)
    jax.block_until_ready(call())
    return COMPILATIONS[before:]


def evaluation(backend: Backend, point: np.ndarray, scale: float, n_t: int) -> Callable[[], Array]:
    t = 0.1 * scale * np.arange(1, n_t + 1)
    model = backend.model.from_vector(point)
    return lambda: backend.all_pairs(model, t, 0.005 * scale, 30.0 * scale, 0.3 * scale, 1.0 + 0.1 * scale)


def test_second_call_compiles_nothing(backend: Backend) -> None:
    first, second, third = random_points(3, seed=1)
    assert compiled_by(evaluation(backend, first, 1.0, n_t=23)), "a new shape must compile, or this test sees nothing"
    assert compiled_by(evaluation(backend, second, 0.7, n_t=23)) == []
    assert compiled_by(evaluation(backend, third, 0.0, n_t=23)) == []


def test_another_length_compiles_once(backend: Backend) -> None:
    first, second = random_points(2, seed=2)
    assert compiled_by(evaluation(backend, first, 1.0, n_t=29))
    assert compiled_by(evaluation(backend, second, 0.9, n_t=29)) == []


@pytest.mark.parametrize("derivative", [jax.jacfwd, jax.jacrev])
def test_derivatives_compile_once(backend: Backend, derivative: Callable[..., Callable[..., Array]]) -> None:
    def correlation(point: Array, t: Array, q: Array) -> Array:
        return jnp.sum(backend.all_pairs(backend.model.from_vector(point), t, q, 12.0, 0.3, 1.0))

    gradient = jax.jit(derivative(correlation))
    first, second = random_points(2, seed=3)
    assert compiled_by(lambda: gradient(first, 0.1 * np.arange(1, 20), 0.005))
    assert compiled_by(lambda: gradient(second, 0.7 * np.arange(1, 20), 0.008)) == []
