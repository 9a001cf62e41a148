"""The same sums over pairs of frames for the model without derivatives, as needed for a likelihood.

Results of the halves are reused for a larger block: relative to a more distant border, the columns of a block (see
`far`) and their moments are scaled and rotated by the integrals in between. Exponentials and angles are computed once
per frame, at the borders of its leaf.

The sums are differentiable, including reverse mode: a gradient reads the data once, like the value. It uses the borders
of all levels, as in `far`, because the columns are simple functions of the integrals to these, and the compiled code is
three times smaller. Many vectors at once (``jax.vmap``) share one pass over the data.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from heterodyne_physics_meshgrid.factored.far import COLUMNS, Strip, borders, data_products, in_strips, strips_of
from heterodyne_physics_meshgrid.factored.halving import LEAF, Level, levels, sides, spread
from heterodyne_physics_meshgrid.factored.maps import Angle, HalvedMaps, Tiles, angles_of
from heterodyne_physics_meshgrid.factored.near import brackets_at, pair_weights, pairs_inside_leaves, single_pairs
from heterodyne_physics_meshgrid.factored.profiles import Areas, Mixing, along_flow, decay, profiles


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

    def one_angle(angle: Angle) -> ModelSums:
        along = along_flow(vector, q, angle.phi).value
        m = brackets_at(inside, along)
        weighted = pair_weights(angle.weight) * m
        ones, squares, data = jnp.sum(weighted), weighted @ m, m @ angle.near.astype(m.dtype).ravel()
        if maps.far:
            far = _far_sums(mixing, areas, along, angle.weight, maps.far, angle.number)
            ones, squares, data = ones + far.ones, squares + far.squares, data + far.data
        if angle.excluded_i.size:
            apart = brackets_at(single_pairs(mixing, areas, angle.excluded_i, angle.excluded_j), along)
            taken = apart * angle.excluded_weight
            ones, squares = ones - jnp.sum(taken), squares - taken @ apart
        return ModelSums(ones, squares, data)

    return jax.lax.map(one_angle, angles_of(phi, maps))


class _Side(NamedTuple):
    """Blocks relative to the border on one side of each: columns of their frames, and moments Σ w c and Σ w c cᵀ."""

    columns: Float[Array, "column block size"]
    first: Float[Array, "column block"]
    second: Float[Array, "column block column"]


class _Blocks(NamedTuple):
    """All blocks of one size, relative to their ends and their beginnings, and the factors for passing through them."""

    from_end: _Side
    from_begin: _Side
    through: Float[Array, "column block"]


def _after(reference: Array, sample: Array, phase: Array) -> Float[Array, "column ..."]:
    """Return the factors of the columns for integrals r, s and θ; the last two are a rotation."""
    e_r, e_s = decay(reference), decay(sample)
    return jnp.stack([e_r**2, e_s**2, e_r * e_s * jnp.cos(phase), e_r * e_s * jnp.sin(phase)])


def _leaves(mixing: Mixing, areas: Areas, along: Float[Array, ""], weight: Float[Array, " n_pad"]) -> _Blocks:
    """Return the leaves as blocks."""
    r, s, v = (area[0].reshape(-1, LEAF) for area in areas)
    steps = jnp.stack([r, s, along * v])
    to_end = jnp.flip(jnp.cumsum(jnp.flip(steps, 2), axis=2), 2)
    to_begin = jnp.cumsum(steps, axis=2) - steps
    f, g, w = (values.reshape(-1, LEAF) for values in (mixing.cosine, mixing.sine, weight))
    beat = jnp.sqrt(2.0) * f * g
    shares = jnp.stack([f**2, g**2, beat, beat])

    def side(columns: Float[Array, "column leaf LEAF"]) -> _Side:
        weighted = w * columns
        products = weighted[:, :, None] * columns.swapaxes(0, 1)
        return _Side(columns, jnp.sum(weighted, axis=2), jnp.sum(products, axis=3))

    from_end, from_begin = _after(*to_end), _after(to_begin[0], to_begin[1], -to_begin[2])
    return _Blocks(side(shares * from_end), side(shares * from_begin), from_end[:, :, 0])


def _carried(columns: Float[Array, "column block ..."], through: Float[Array, "column block"], turn: float) -> Array:
    """Return columns after passing through other blocks, rotated forwards (`turn` 1) or backwards (-1)."""
    p = through.reshape(*through.shape, *(1,) * (columns.ndim - 2))
    cosine, sine = p[2], turn * p[3]
    turned = columns[2] * cosine - columns[3] * sine, columns[2] * sine + columns[3] * cosine
    return jnp.stack([columns[0] * p[0], columns[1] * p[1], *turned])


def _further(side: _Side, through: Float[Array, "column block"], turn: float) -> _Side:
    """Return blocks relative to a more distant border, through other blocks."""
    half = _carried(side.second, through, turn)
    columns, first = (_carried(part, through, turn) for part in (side.columns, side.first))
    return _Side(columns, first, _carried(half.swapaxes(0, 2), through, turn))


def _together(first: _Side, second: _Side) -> _Side:
    """Return pairs of blocks merged into one block each."""
    columns = jnp.concatenate([first.columns, second.columns], axis=2)
    return _Side(columns, first.first + second.first, first.second + second.second)


@jax.custom_jvp
def _far_sums(
    mixing: Mixing,
    areas: Areas,
    along: Float[Array, ""],
    weight: Float[Array, " n_pad"],
    tiles: tuple[Tiles, ...],
    number: Int[Array, ""],
) -> ModelSums:
    """Return the sums over all pairs in different leaves, of one azimuth; weights and data are constants."""
    blocks = _leaves(mixing, areas, along, weight)
    ones = squares = data = jnp.zeros(())
    for level, tile in zip(levels(weight.size), tiles, strict=True):
        first, second = _in_pairs(blocks, level)
        left, right = first.from_end, second.from_begin
        ones += jnp.sum(left.first * right.first)
        squares += jnp.sum(left.second * right.second)
        data += _with_data(level, left.columns.swapaxes(0, 1), right.columns.swapaxes(0, 1), tile, number)
        blocks = _Blocks(
            _together(_further(left, second.through, 1.0), second.from_end),
            _together(first.from_begin, _further(right, first.through, -1.0)),
            _carried(first.through, second.through, 1.0),
        )
    return ModelSums(ones, squares, data)


def _in_pairs(blocks: _Blocks, level: Level) -> tuple[_Blocks, _Blocks]:
    """Return the first and the second block of every pair; one that does not exist has no columns."""

    def of(part: Array) -> tuple[Array, Array]:
        missing = 2 * level.pairs - part.shape[1]
        whole = jnp.pad(part, [(0, missing if axis == 1 else 0) for axis in range(part.ndim)])
        return whole[:, ::2], whole[:, 1::2]

    leaves, tree = jax.tree.flatten(blocks)
    first, second = zip(*map(of, leaves), strict=True)
    return jax.tree.unflatten(tree, first), jax.tree.unflatten(tree, second)


def _with_data(
    level: Level,
    left: Float[Array, "pair column i"],
    right: Float[Array, "pair column j"],
    tile: Tiles,
    number: Int[Array, ""],
) -> Float[Array, ""]:
    """Return Σ left_i D_ij right_j over the pairs of a level."""
    data = _product(tile.whole, number, left[: level.whole], right[: level.whole])
    if level.whole < level.pairs:
        data += _product(tile.rest[:, None], number, left[-1:], right[-1:, :, : level.rest])
    return data


def _product(
    data: Float[Array, "n_phi pair i j"],
    number: Int[Array, ""],
    left: Float[Array, "pair column i"],
    right: Float[Array, "pair column j"],
) -> Float[Array, ""]:
    """Return Σ left_i D_ij right_j, in float64 for any dtype of the data."""
    if not in_strips(data):
        return jnp.sum(left * jnp.einsum("pij,paj->pai", data[number].astype(left.dtype), right))

    def add(total: Array, strip: Strip) -> tuple[Array, None]:
        return total + jnp.sum(strip.left * (strip.rows(data) @ strip.right).T), None

    return jax.lax.scan(add, jnp.zeros((), left.dtype), strips_of(data, number, left, right))[0]


@functools.partial(_far_sums.defjvp, symbolic_zeros=True)
def _far_sums_along(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[ModelSums, ModelSums]:
    mixing, areas, along, weight, tiles, number = primals
    columns, turned = jax.jvp(_columns, (mixing, areas, along), jax.tree.map(_written_out, tangents[:3], is_leaf=_zero))
    cuts = np.cumsum([level.frames for level in levels(weight.size)])[:-1].tolist()
    parts = (jnp.split(part, cuts, axis=-1) for part in (columns, turned, spread(weight)))
    found = [
        _of_level(level, tile, number, *part)
        for level, tile, *part in zip(levels(weight.size), tiles, *parts, strict=True)
    ]
    values, slopes = (jax.tree.map(lambda *each: sum(each), *part) for part in zip(*found, strict=True))
    return values, slopes


def _zero(tangent: Any) -> bool:
    return isinstance(tangent, jax.custom_derivatives.SymbolicZero)


def _written_out(tangent: Any) -> Array:
    return jnp.zeros(tangent.aval.shape, tangent.aval.dtype) if _zero(tangent) else tangent


def _columns(mixing: Mixing, areas: Areas, along: Float[Array, ""]) -> Float[Array, "column n_all"]:
    """Return the columns of the frames of all levels relative to their borders, in the order of `spread`."""
    b = borders(mixing, areas)
    phase, beat = sides(mixing.cosine.size) * (along * b.areas.displacement[0]), jnp.sqrt(2.0) * b.f * b.g
    return jnp.stack([b.f**2, b.g**2, beat * jnp.cos(phase), beat * jnp.sin(phase)])


def _of_level(
    level: Level,
    tile: Tiles,
    number: Int[Array, ""],
    columns: Float[Array, "column n"],
    turned: Float[Array, "column n"],
    weight: Array,
) -> tuple[ModelSums, ModelSums]:
    """Return the contribution of one level, and its derivative along that of the columns."""
    weighted, cut = (part.reshape(COLUMNS, 2 * level.pairs, level.size) for part in (columns * weight, columns))
    first, second = jnp.sum(weighted, axis=2).T, jnp.einsum("abi,cbi->bac", weighted, cut)
    other_first, other_second = (_other_side(level, moments) for moments in (first, second))
    # The factor of a column at its frame; the sum is linear in it.
    by_ones = weight * jnp.broadcast_to(other_first.T[:, :, None], cut.shape).reshape(columns.shape)
    by_squares = weight * jnp.einsum("bac,cbi->abi", other_second, cut).reshape(columns.shape)
    by_data = data_products(level, tile, number, cut)
    values = ModelSums(
        jnp.sum(first[::2] * first[1::2]), jnp.sum(second[::2] * second[1::2]), jnp.sum(columns * by_data) / 2
    )
    return values, ModelSums(*(jnp.sum(by * turned) for by in (by_ones, 2.0 * by_squares, by_data)))


def _other_side(level: Level, values: Float[Array, "block ..."]) -> Float[Array, "block ..."]:
    """Return for every block the values of the other block of its pair."""
    return jnp.flip(values.reshape(level.pairs, 2, *values.shape[1:]), axis=1).reshape(values.shape)
