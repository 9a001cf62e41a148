"""The backends under the names that their common tests use; tests/integration/test_parity.py compares them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Backend:
    """A physics package.

    `model`: its HeterodyneModel. `all_pairs(model, t, q, phi, contrast, offset)`: c2 of every pair of frames at one
    azimuth, (n_t, n_t). `at_pairs(..., pairs)`: c2 of some pairs of frames (n_pair, 2), (n_pair,).
    `integral_from_first(f, t)`: the integral of f (n_t,) from the first frame to each frame.
    """

    name: str
    model: Any
    all_pairs: Callable[..., Any]
    at_pairs: Callable[..., Any]
    integral_from_first: Callable[..., Any]


def _meshgrid() -> Backend:
    package = import_module("heterodyne_physics_meshgrid")

    def at_pairs(model: Any, t: Any, q: Any, phi: Any, contrast: Any, offset: Any, pairs: Any) -> Any:
        return package.c2_meshgrid(model, t, q, phi, contrast, offset)[pairs[:, 0], pairs[:, 1]]

    def integral_from_first(f: Any, t: Any) -> Any:
        return package.create_time_integral_matrix(f, jnp.diff(jnp.asarray(t)))[0]

    return Backend("meshgrid", package.HeterodyneModel, package.c2_meshgrid, at_pairs, integral_from_first)


def _elementwise() -> Backend:
    package = import_module("heterodyne_physics_elementwise")

    def all_pairs(model: Any, t: Any, q: Any, phi: Any, contrast: Any, offset: Any) -> Any:
        frames = np.arange(np.shape(t)[0])
        grid = package.precompute_shard_grid(t, q)
        return package.c2_pairs(model, grid, frames[:, None], frames, phi, contrast, offset)

    def at_pairs(model: Any, t: Any, q: Any, phi: Any, contrast: Any, offset: Any, pairs: Any) -> Any:
        grid = package.precompute_shard_grid(t, q)
        return package.c2_pairs(model, grid, pairs[:, 0], pairs[:, 1], phi, contrast, offset)

    def integral_from_first(f: Any, t: Any) -> Any:
        return package.trapezoid_cumsum(f, jnp.diff(jnp.asarray(t)))

    return Backend("elementwise", package.HeterodyneModel, all_pairs, at_pairs, integral_from_first)


_BACKENDS = {"heterodyne_physics_meshgrid": _meshgrid, "heterodyne_physics_elementwise": _elementwise}


def installed() -> list[Backend]:
    """Return the backends of the packages that are installed, at least one."""
    found = [make() for package, make in _BACKENDS.items() if find_spec(package) is not None]
    assert found, "no physics package is installed"
    return found
