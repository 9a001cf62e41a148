"""Sums over pairs of frames on which the likelihood depends, from given pairs or from whole maps.

A shard holds some pairs, which the element-wise backend evaluates one by one. All pairs of a measurement at once have
exact sums that read the data once and need no model map (`heterodyne_physics_meshgrid.factored`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from heterodyne_cmc.shards import IntArray, Pairs, few_gaps
from heterodyne_data import TwoTimeData
from heterodyne_physics_elementwise import Physics, ShardGrid, c2_pairs, physics_of, precompute_shard_grid
from heterodyne_spec import DEFAULT_MODEL


class SomePairs(NamedTuple):
    """The pairs of a shard: frames i < j from 0, the correlation at them, what they count, and their grid."""

    i: Int[Array, "n_phi n_pair"]
    j: Int[Array, "n_phi n_pair"]
    value: Float[Array, "n_phi n_pair"]
    weight: Float[Array, "n_phi n_pair"]
    grid: ShardGrid
    phi: Float[Array, " n_phi"]
    physics: Physics

    @property
    def n_counting(self) -> int:
        """Number of pairs with positive weight."""
        return int(jnp.count_nonzero(self.weight))


class AllPairs(NamedTuple):
    """All pairs of a measurement; `maps` is a `heterodyne_physics_meshgrid.factored.HalvedMaps`, `physics` a
    `heterodyne_physics_meshgrid.Physics`."""

    maps: Any
    q: Float[Array, ""]
    phi: Float[Array, " n_phi"]
    physics: Any

    @property
    def n_counting(self) -> int:
        """Number of pairs with positive weight."""
        return int(jnp.sum(self.maps.n_pairs))


class Sums(NamedTuple):
    """Weighted sums over the pairs of each angle, (n_phi,): 1, M, M², r, r M, r², with M the model's bracket and r
    the residual at a reference contrast and offset."""

    one: Array
    m: Array
    mm: Array
    r: Array
    rm: Array
    rr: Array


def some_pairs(data: TwoTimeData, pairs: Pairs, model: str = DEFAULT_MODEL) -> SomePairs:
    """Return the pairs of a shard, ready for the density."""
    i, j, value, weight = (jnp.asarray(part) for part in (pairs.i, pairs.j, pairs.value, pairs.weight))
    grid = precompute_shard_grid(data.t, data.q)
    return SomePairs(i, j, value, weight, grid, jnp.asarray(data.phi), physics_of(model))


def has_exact_sums(data: TwoTimeData, pairs: tuple[IntArray, ...], model: str) -> bool:
    """Return whether a model has exact sums over all pairs, and whether they are faster."""
    from heterodyne_physics_meshgrid import physics_of as physics_on_grid

    return physics_on_grid(model).model_sums is not None and few_gaps(data, pairs)


def all_pairs(data: TwoTimeData, exclude_diagonals: int, model: str = DEFAULT_MODEL) -> AllPairs:
    """Return all usable pairs of a measurement, ready for the density."""
    from heterodyne_physics_meshgrid import physics_of as physics_on_grid
    from heterodyne_physics_meshgrid.factored import halve_maps

    weight = data.weight * data.valid
    maps = halve_maps(np.asarray(data.c2), data.t, weight, max(exclude_diagonals, 1))
    return AllPairs(maps, jnp.asarray(data.q, float), jnp.asarray(data.phi), physics_on_grid(model))


def brackets(full: Float[Array, " n_par"], pairs: SomePairs) -> Float[Array, "n_phi n_pair"]:
    """Return (c2 - offset) / contrast at the pairs."""
    return c2_pairs(pairs.physics.model.from_vector(full), pairs.grid, pairs.i, pairs.j, pairs.phi[:, None], 1.0, 0.0)


def pair_sums(full: Float[Array, " n_par"], pairs: SomePairs | AllPairs, contrast: Array, offset: Array) -> Sums:
    """Return the sums at a parameter vector, residuals taken at `contrast` and `offset` (n_phi,).

    Residuals and not the data themselves: their squares stay small against rounding.
    """
    if isinstance(pairs, AllPairs):
        return _of_all(full, pairs, contrast, offset)
    m, weight = brackets(full, pairs), pairs.weight
    r = pairs.value - offset[:, None] - contrast[:, None] * m
    return Sums(*(jnp.sum(weight * term, axis=1) for term in (jnp.ones_like(m), m, m * m, r, r * m, r * r)))


def _of_all(full: Array, pairs: AllPairs, contrast: Array, offset: Array) -> Sums:
    """Return the sums of `pair_sums`, put together from those of the model and of the data."""
    from heterodyne_physics_meshgrid.factored import BASELINE

    m, mm, dm = pairs.physics.model_sums(full, pairs.q, pairs.phi, pairs.maps)
    one, d, dd = pairs.maps.one, pairs.maps.d, pairs.maps.dd
    below = offset - BASELINE
    r = d - below * one - contrast * m
    rm = dm - below * m - contrast * mm
    return Sums(one, m, mm, r, rm, dd - below * d - contrast * dm - below * r - contrast * rm)
