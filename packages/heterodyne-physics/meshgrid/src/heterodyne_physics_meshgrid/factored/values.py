"""The same sums over pairs of frames for the model alone: what a likelihood needs, at the price of a value.

They can be differentiated, in reverse mode too: a gradient reads the data once, as the value does, and costs about
twice as much. Many vectors at once (``jax.vmap``) share one pass over the data.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid.factored.far import COLUMNS, STRIP, Borders, borders, data_products
from heterodyne_physics_meshgrid.factored.halving import Level, levels, sides, spread
from heterodyne_physics_meshgrid.factored.maps import Angle, HalvedMaps, Tiles, angles_of
from heterodyne_physics_meshgrid.factored.near import brackets_at, pair_weights, pairs_inside_leaves, single_pairs
from heterodyne_physics_meshgrid.factored.profiles import along_flow, profiles


class ModelSums(NamedTuple):
    """<1, M>, <M, M> and <D, M> per azimuth, (n_phi,), with D = c2 - BASELINE."""

    ones: Float[Array, " n_phi"]
    squares: Float[Array, " n_phi"]
    data: Float[Array, " n_phi"]


def model_sums(
    vector: Float[Array, " n_par"], q: Float[Array, ""], phi: Float[Array, " n_phi"], maps: HalvedMaps
) -> ModelSums:
    """Return the sums at a parameter vector; arguments as those of `inner_products`."""
    mixing, areas = profiles(vector, maps.t, maps.steps, q, derivatives=False)
    inside = pairs_inside_leaves(mixing, areas)
    frames = borders(mixing, areas) if maps.far else None

    def one_angle(angle: Angle) -> ModelSums:
        along = along_flow(vector, q, angle.phi).value
        m = brackets_at(inside, along)
        weighted = pair_weights(angle.weight) * m
        ones, squares, data = jnp.sum(weighted), weighted @ m, m @ angle.near.astype(m.dtype).ravel()
        if frames is not None:
            far = _far_sums(frames, along, angle.weight, angle.far)
            ones, squares, data = ones + far.ones, squares + far.squares, data + far.data
        if angle.excluded_i.size:
            apart = brackets_at(single_pairs(mixing, areas, angle.excluded_i, angle.excluded_j), along)
            taken = apart * angle.excluded_weight
            ones, squares = ones - jnp.sum(taken), squares - taken @ apart
        return ModelSums(ones, squares, data)

    return jax.lax.map(one_angle, angles_of(phi, maps))


def _far_sums(
    b: Borders, along: Float[Array, ""], weight: Float[Array, " n_pad"], tiles: tuple[Tiles, ...]
) -> ModelSums:
    """Return the sums over all pairs in different leaves, of one azimuth."""
    n_pad = weight.size
    phase, beat = sides(n_pad) * (along * b.areas.displacement[0]), jnp.sqrt(2.0) * b.f * b.g
    columns = jnp.stack([b.f**2, b.g**2, beat * jnp.cos(phase), beat * jnp.sin(phase)])
    cuts = np.cumsum([level.frames for level in levels(n_pad)])[:-1].tolist()
    of_levels = zip(
        levels(n_pad), tiles, jnp.split(columns, cuts, axis=1), jnp.split(spread(weight), cuts), strict=True
    )
    found = [_of_level(level, part, w, tile) for level, tile, part, w in of_levels]
    return ModelSums(*(sum(part, start=jnp.zeros(())) for part in zip(*found, strict=True)))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _of_level(level: Level, columns: Float[Array, "column n"], weight: Float[Array, " n"], tile: Tiles) -> ModelSums:
    """Return the share of one level; weights and data are constants."""
    first, second = _moments(level, columns, weight)
    blocks = columns.reshape(COLUMNS, level.pairs, 2, level.size).transpose(2, 1, 0, 3)
    data = _product(tile.whole, blocks[0, : level.whole], blocks[1, : level.whole])
    if level.whole < level.pairs:
        data += _product(tile.rest[None], blocks[0, -1:], blocks[1, -1:, :, : level.rest])
    return ModelSums(jnp.sum(first[::2] * first[1::2]), jnp.sum(second[::2] * second[1::2]), data)


@functools.partial(_of_level.defjvp, symbolic_zeros=True)
def _of_level_along(level: Level, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[ModelSums, ModelSums]:
    columns, weight, tile = primals
    first, second = _moments(level, columns, weight)
    other_first, other_second = (_other_side(level, moments) for moments in (first, second))
    cut = columns.reshape(COLUMNS, 2 * level.pairs, level.size)
    # What a column is multiplied with at its frame: the sum is linear in it.
    by_ones = weight * jnp.broadcast_to(other_first.T[:, :, None], cut.shape).reshape(columns.shape)
    by_squares = weight * jnp.einsum("bac,cbi->abi", other_second, cut).reshape(columns.shape)
    by_data = data_products(level, tile, cut)
    values = ModelSums(
        jnp.sum(first[::2] * first[1::2]), jnp.sum(second[::2] * second[1::2]), jnp.sum(columns * by_data) / 2
    )
    return values, ModelSums(*(jnp.sum(by * tangents[0]) for by in (by_ones, 2.0 * by_squares, by_data)))


def _moments(
    level: Level, columns: Float[Array, "column n"], weight: Float[Array, " n"]
) -> tuple[Float[Array, "block column"], Float[Array, "block column column"]]:
    """Return Σ w c and Σ w c cᵀ of every block."""
    weighted, cut = ((part).reshape(COLUMNS, 2 * level.pairs, level.size) for part in (columns * weight, columns))
    return jnp.sum(weighted, axis=2).T, jnp.einsum("abi,cbi->bac", weighted, cut)


def _other_side(level: Level, values: Float[Array, "block ..."]) -> Float[Array, "block ..."]:
    """Return for every block what belongs to the other one of its pair."""
    return jnp.flip(values.reshape(level.pairs, 2, *values.shape[1:]), axis=1).reshape(values.shape)


def _product(
    data: Float[Array, "pair i j"], left: Float[Array, "pair column i"], right: Float[Array, "pair column j"]
) -> Float[Array, ""]:
    """Return Σ left_i D_ij right_j, in float64 whatever the data are stored in."""
    pairs, size, _ = data.shape
    if size <= STRIP or pairs == 0:
        return jnp.sum(left * jnp.einsum("pij,paj->pai", data.astype(left.dtype), right))

    def add(total: Array, strip: tuple[Array, Array, Array]) -> tuple[Array, None]:
        rows, part, whole = strip
        return total + jnp.sum(part * (rows.astype(part.dtype) @ whole).T), None

    count = size // STRIP
    strips = (
        data.reshape(pairs * count, STRIP, -1),
        left.reshape(pairs, COLUMNS, count, STRIP).swapaxes(1, 2).reshape(pairs * count, COLUMNS, STRIP),
        jnp.repeat(right.swapaxes(1, 2), count, axis=0),
    )
    return jax.lax.scan(add, jnp.zeros((), left.dtype), strips)[0]
