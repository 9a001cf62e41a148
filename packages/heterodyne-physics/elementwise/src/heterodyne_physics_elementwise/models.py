"""Interface of the modules about a model in this package.

A module about a model (`heterodyne_physics_elementwise.two_component`, or ``physics_elementwise`` of a plug-in: see
`heterodyne_spec.models`) has ``HeterodyneModel`` and ``MODEL_VERSION`` of the generated module, and
``correlation(model, grid, first, last, phi, contrast, offset)``: c2 at pairs of frames, the earlier ``first``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_spec import ConfigError, Problem, knowledge


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False)
class Physics:
    """A model at pairs of frames; to compiled functions a constant. The fields are those of the module's interface."""

    name: str
    model: Any
    version: str
    correlation: Callable[..., Array]

    def functions(self, model: Any, ages: Float[Array, " n_age"]) -> Float[Array, "n_function n_age"]:
        """Return the functions of age of a model at ages in s, in the specification's order."""
        return jnp.stack([getattr(model, name)(ages) for name in self.model.inputs])

    def __reduce__(self) -> tuple[Any, ...]:
        # One instance per process, because compiled functions identify it by its identity.
        return physics_of, (self.name,)


@functools.cache
def physics_of(name: str) -> Physics:
    """Return the physics of a model by its identifier.

    Raises
    ------
    ConfigError : if this package has no such model.
    """
    module: Any = knowledge("heterodyne_physics_elementwise", name)
    if module is None:
        expected = "a model with a module for heterodyne-physics-elementwise"
        raise ConfigError(name, [Problem("model.name", f"'{name}'", expected, "install the package that provides it")])
    return Physics(name, module.HeterodyneModel, module.MODEL_VERSION, module.correlation)
