"""Public functions at random and extreme parameters inside the bounds: everything that comes out is finite.

Every check takes `n` vectors (n, n_par) and a scene and returns, by what it is of, which of the vectors gave finite
numbers. Sampled densities, whose argument is unconstrained, get coordinates far out on the line instead.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from draws import Scene, points, scene
from jaxtyping import Array

import heterodyne_physics_elementwise as elementwise
import heterodyne_physics_meshgrid as meshgrid
from heterodyne_data import Bands
from heterodyne_nlsq.simulation import NOISES, Experiment, simulate
from heterodyne_physics_meshgrid.factored import halve_maps, inner_products
from heterodyne_physics_meshgrid.pair_products import pair_products
from heterodyne_report import describe_courses, time_courses
from heterodyne_spec import HeterodyneError, load_model

type FloatArray = npt.NDArray[np.float64]
type Flags = Mapping[str, npt.NDArray[np.bool_]]
type Check = Callable[[FloatArray, Scene], Flags]

NAMES = load_model().names
AT_ONCE = 64


@dataclass
class Findings:
    """How many values of each function were asked for, and where one was not finite."""

    asked: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)


def _all_finite(tree: Any) -> Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _with_derivatives(function: Callable[..., Array], vector: Array, *rest: Any) -> Array:
    """Return whether value, forward-mode Jacobian and the reverse-mode gradient of a sum are finite, (3,)."""

    def weighted(vector: Array) -> Array:
        value = function(vector, *rest)
        return jnp.sum(value * jnp.cos(jnp.arange(value.size)).reshape(value.shape))

    parts = (function(vector, *rest), jax.jacfwd(function)(vector, *rest), jax.grad(weighted)(vector))
    return jnp.stack([_all_finite(part) for part in parts])


@functools.partial(jax.jit, static_argnums=0)
def _of_each(function: Callable[..., Array], vectors: Array, *rest: Any) -> Array:
    return jax.lax.map(lambda vector: _with_derivatives(function, vector, *rest), vectors, batch_size=AT_ONCE)


def _flags(name: str, finite: Array) -> Flags:
    kinds = ("value", "forward derivatives", "reverse derivatives")
    return {f"{name}: {kind}": np.asarray(row) for kind, row in zip(kinds, np.asarray(finite).T, strict=True)}


def _meshgrid(free: Array, t: Array, q: Array, phi: Array) -> Array:
    model = meshgrid.HeterodyneModel.from_vector(free[:-2])
    return meshgrid.c2_meshgrid(model, t, q, phi, free[-2], free[-1])


def _elementwise(free: Array, t: Array, q: Array, phi: Array) -> Array:
    model, grid = elementwise.HeterodyneModel.from_vector(free[:-2]), elementwise.precompute_shard_grid(t, q)
    i, j = np.indices((t.size, t.size))
    return elementwise.c2_pairs(model, grid, i, j, phi, free[-2], free[-1])


def _pointwise(backend: Any, vector: Array, t: Array) -> Array:
    model = backend.HeterodyneModel.from_vector(vector)
    return jnp.stack([getattr(model, name)(t) for name in ("J_r", "J_s", "v", "x")])


def _in_pairs(vector: Array, t: Array, q: Array, phi: Array, z: Array) -> Array:
    return pair_products(vector, t, q, phi, z, 1)


_of_meshgrid = functools.partial(_pointwise, meshgrid)
_of_elementwise = functools.partial(_pointwise, elementwise)


def c2(vectors: FloatArray, s: Scene) -> Flags:
    """c2 of both backends."""
    free = np.hstack([vectors, np.broadcast_to([s.contrast, s.offset], (len(vectors), 2))])
    both = {"c2_meshgrid": _meshgrid, "c2_pairs": _elementwise}
    return {k: v for name, f in both.items() for k, v in _flags(name, _of_each(f, free, s.t, s.q, s.phi)).items()}


def laws(vectors: FloatArray, s: Scene) -> Flags:
    """J_r, J_s, v and x of both backends, and of the specification's own evaluation."""
    both = {"J_r, J_s, v, x, meshgrid": _of_meshgrid, "J_r, J_s, v, x, elementwise": _of_elementwise}
    found = {k: v for name, f in both.items() for k, v in _flags(name, _of_each(f, vectors, s.t)).items()}
    spec = load_model()
    rows = []
    # A warning is a line that a user would see.
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for vector in vectors:
            values = dict(zip(NAMES, vector.tolist(), strict=True))
            rows.append(all(np.isfinite(spec.evaluate(f.name, values, s.t)).all() for f in spec.functions))
    return {**found, "J_r, J_s, v, x, specification": np.array(rows)}


def products(vectors: FloatArray, s: Scene) -> Flags:
    """The model times vectors, pair by pair."""
    z = np.random.default_rng(0).normal(size=(s.t.size, 2))
    return _flags("pair_products", _of_each(_in_pairs, vectors, s.t, s.q, s.phi, z))


@jax.jit
def _sums(vectors: Array, q: Array, phi: Array, maps: Any) -> Array:
    return jax.lax.map(lambda vector: _all_finite(inner_products(vector, q, phi, maps)), vectors)


def sums(vectors: FloatArray, s: Scene) -> Flags:
    """The exact sums over all pairs, in factored form."""
    maps = 1.0 + 0.1 * np.random.default_rng(0).normal(size=(1, s.t.size, s.t.size))
    halved = halve_maps(maps, s.t, np.ones((1, s.t.size)))
    return {"inner_products": np.asarray(_sums(vectors, s.q, np.array([s.phi]), halved))}


def simulations(vectors: FloatArray, s: Scene) -> Flags:
    """Simulated measurements, and what is said of the courses of J_r, J_s, v and x, at two of the vectors."""
    found: dict[str, list[bool]] = {"simulate": [], "said of courses": []}
    dt = float(max(s.t[1] - s.t[0], 1e-9))
    for k, vector in enumerate(vectors):
        if k < 2:
            values = dict(zip(NAMES, vector.tolist(), strict=True))
            photons = None if k else 0.1
            one = Experiment(
                values, max(s.q, 1e-12), (s.phi,), 6, dt, NOISES[k + 1], pixels=50, modes=2, photons=photons
            )
            found["simulate"].append(bool(np.isfinite(_simulated(one)).all()))
            found["said of courses"].append(_spoken(values, s.t))
    return {name: np.array(rows) for name, rows in found.items()}


def _simulated(experiment: Experiment) -> FloatArray:
    try:
        return np.asarray(simulate(experiment).c2, float)
    except HeterodyneError:
        return np.ones(1)  # refused in one line


def _spoken(values: Mapping[str, float], t: FloatArray) -> bool:
    spec = load_model()
    courses = {f.name: spec.evaluate(f.name, values, t) for f in spec.functions}
    spreads = {name: np.resize([0.0, 1e-300, 1.0, 1e300, np.nan, np.inf], t.size) for name in courses}
    return all(
        "nan" not in describe_courses(time_courses(Bands(t, courses, sd)))
        for sd in (spreads, dict.fromkeys(courses, 0 * t))
    )


CHECKS: Mapping[str, Check] = {f.__name__: f for f in (c2, laws, products, sums, simulations)}


def examine(seed: int, rounds: int, n: int, until: float, checks: Mapping[str, Check] = CHECKS) -> Findings:
    """Return what `rounds` random scenes with `n` vectors each show; none is begun after the time `until`."""
    rng, findings = np.random.default_rng(seed), Findings()
    for _ in range(rounds):
        vectors, s = points(rng, n), scene(rng)
        if time.monotonic() > until:
            break
        for check in checks.values():
            note(findings, check(vectors, s), vectors, s)
    return findings


def note(findings: Findings, flags: Flags, vectors: FloatArray, s: Any) -> None:
    """Add to `findings` how many were asked for, and the first that failed."""
    for name, fine in flags.items():
        findings.asked[name] += fine.size
        if not fine.all():
            first = vectors[: fine.size][~fine][0].tolist()
            findings.defects.append(f"{name}: {np.count_nonzero(~fine)} of {fine.size}, first at {first}, {s}")
