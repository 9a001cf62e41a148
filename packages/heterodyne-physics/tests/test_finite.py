"""c2 is finite everywhere inside the bounds: at all corners, at kinks and at random points."""

import functools

import jax
import numpy as np
import pytest
from backends import Backend
from jaxtyping import Array, Bool, Float
from samples import KINKS, N_PAR, WINDOWS, corners, random_points

CONTRAST, OFFSET = 1.0, 0.5
POINTS = np.concatenate([corners(), random_points(4000, seed=7), list(KINKS.values())])
"""Corners, random ones, kinks: together, for one number of them is compiled."""


@functools.partial(jax.jit, static_argnums=0)
def inside_its_range(
    backend: Backend, points: Float[Array, "n n_par"], t: Float[Array, " n_t"], q: Array, phi: Array
) -> Bool[Array, " n"]:
    """Return for every vector whether c2 is finite and between offset and offset + contrast."""

    def one(point: Float[Array, " n_par"]) -> Bool[Array, ""]:
        c2 = backend.all_pairs(backend.model.from_vector(point), t, q, phi, CONTRAST, OFFSET)
        rounding = 1e-14
        return jax.numpy.all((c2 >= OFFSET - rounding) & (c2 <= OFFSET + CONTRAST + rounding))  # False for NaN

    return jax.vmap(one)(points)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("q", "phi"), [(0.0, 0.0), (0.0054, 4.9), (0.05, -180.0), (1.0, 90.0)])
def test_c2_is_finite(backend: Backend, window: str, q: float, phi: float) -> None:
    good = np.asarray(inside_its_range(backend, POINTS, WINDOWS[window], q, phi))
    assert good.all(), f"{np.count_nonzero(~good)} vectors fail, first {POINTS[~good][0].tolist()}"


def test_there_are_as_many_corners_as_there_should_be() -> None:
    assert len(np.unique(corners(), axis=0)) == 2**N_PAR
