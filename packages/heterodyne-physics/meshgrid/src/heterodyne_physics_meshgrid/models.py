"""Interface of the modules about a model in this package.

A module about a model (`heterodyne_physics_meshgrid.two_component`, or ``physics_meshgrid`` of a plug-in: see
`heterodyne_spec.models`) has

* ``HeterodyneModel`` and ``MODEL_VERSION`` of the generated module,
* ``bracket(model, t, q, phi)``: (c2 - offset) / contrast for all pairs of frames, (\\*angles, n_t, n_t),
* ``fields(model, t, q, phi)``: the `heterodyne_physics_meshgrid.FieldLaws` of one azimuth,

and, optionally, functions that are faster than those with the whole matrix,

* ``pair_products(vector, t, q, phi, z, n_near, later)``: products of the matrix with vectors over frames,
* ``quadratic_forms(vector, t, q, phi, z, n_near)``: quadratic forms in such vectors, with derivatives,
* ``inverse_products(vector, t, q, phi, noise, z)``: those of the inverse of the matrix plus a diagonal,
* ``model_maps(vector, t, q, phi, contrast, offset, into=None)``: c2 of all azimuths in float32,
* ``inner_products(vector, q, phi, maps)`` and ``model_sums(vector, q, phi, maps)``: exact sums over all pairs, as in
  `heterodyne_physics_meshgrid.factored`; the one has derivatives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_spec import ConfigError, Problem, knowledge

type FloatArray = npt.NDArray[np.float64]


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False)
class Physics:
    """A model on the full grid of frames; to compiled functions a constant. The fields are those of the module's
    interface; the sums are None where the model has none.
    """

    name: str
    model: Any
    version: str
    bracket: Callable[..., Array]
    fields: Callable[..., Any]
    pair_products: Callable[..., Array]
    quadratic_forms: Callable[..., Array]
    inverse_products: Callable[..., Array]
    model_maps: Callable[..., npt.NDArray[np.float32]]
    inner_products: Callable[..., Any] | None
    model_sums: Callable[..., Any] | None

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
    module: Any = knowledge("heterodyne_physics_meshgrid", name)
    if module is None:
        expected = "a model with a module for heterodyne-physics-meshgrid"
        raise ConfigError(name, [Problem("model.name", f"'{name}'", expected, "install the package that provides it")])
    model, bracket = module.HeterodyneModel, module.bracket

    def products(
        vector: Float[Array, " n_par"],
        t: Float[Array, " n_t"],
        q: Array,
        phi: Array,
        z: Float[Array, "n_t k"],
        n_near: int = 1,
        later: bool = False,
    ) -> Float[Array, "n_t k"]:
        matrix = bracket(model.from_vector(vector), t, q, phi)
        used = jnp.tril(matrix, -n_near) + (jnp.triu(matrix, n_near) if later else 0.0)
        return used @ z

    pair_products = getattr(module, "pair_products", products)

    def forms(
        vector: Float[Array, " n_par"],
        t: Float[Array, " n_t"],
        q: Array,
        phi: Array,
        z: Float[Array, "n_t k"],
        n_near: int = 1,
    ) -> Float[Array, "1+n_par k"]:
        def form(values: Array) -> Array:
            return jnp.sum(z * pair_products(values, t, q, phi, z, n_near), axis=0)

        return jnp.concatenate([form(vector)[None], jax.jacfwd(form)(vector).T])

    def inverse(
        vector: Float[Array, " n_par"],
        t: Float[Array, " n_t"],
        q: Array,
        phi: Array,
        noise: Float[Array, " n_t"],
        z: Float[Array, "n_t k"],
    ) -> Float[Array, "n_t k"]:
        # A frame of infinite noise is one without a row and a column.
        used = jnp.isfinite(noise)
        matrix = jnp.where(used[:, None] & used, bracket(model.from_vector(vector), t, q, phi), 0.0)
        return jnp.linalg.solve(matrix + jnp.diag(jnp.where(used, noise, 1.0)), jnp.where(used[:, None], z, 0.0))

    def maps(
        vector: FloatArray,
        t: FloatArray,
        q: float,
        phi: FloatArray,
        contrast: FloatArray,
        offset: FloatArray,
        into: npt.NDArray[np.float32] | None = None,
    ) -> npt.NDArray[np.float32]:
        found = np.empty((len(phi), t.size, t.size), np.float32) if into is None else into
        for a, angle in enumerate(phi):
            found[a] = offset[a] + contrast[a] * _bracket(name, jnp.asarray(vector), jnp.asarray(t), q, angle)
        return found

    return Physics(
        name=name,
        model=model,
        version=module.MODEL_VERSION,
        bracket=bracket,
        fields=module.fields,
        pair_products=pair_products,
        quadratic_forms=getattr(module, "quadratic_forms", forms),
        inverse_products=getattr(module, "inverse_products", inverse),
        model_maps=getattr(module, "model_maps", maps),
        inner_products=getattr(module, "inner_products", None),
        model_sums=getattr(module, "model_sums", None),
    )


@functools.partial(jax.jit, static_argnums=0)
def _bracket(name: str, vector: Array, t: Array, q: Array, phi: Array) -> Float[Array, "n_t n_t"]:
    physics = physics_of(name)
    return physics.bracket(physics.model.from_vector(vector), t, q, phi)
