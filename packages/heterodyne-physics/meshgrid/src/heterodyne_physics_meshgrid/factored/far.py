"""Sums over pairs of frames in different blocks, by products of small matrices.

Relative to the border between two adjacent blocks, with r, s, θ the integrals from a frame to the border (θ negative
after it) and f = cos χ e^{-r}, g = sin χ e^{-s}, frame i before and frame j after the border give

    M_ij = Σ_a c_a(i) c_a(j),    c = (f², g², √2 f g cos θ, √2 f g sin θ).

The derivatives t_m of c by the profiles are ∂c/∂χ, and constant combinations of c itself for r, s and θ. With the
weighted moments Q = Σ_j w_j c(j) c(j)ᵀ of the block on the other side, the product of two derivatives at one frame is
Σ_i w_i t_m(i)ᵀ Q t_n(i); the mixed term, one derivative on each side, is a product of moments Σ_i w_i t_m(i) c(i)ᵀ of
both blocks.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from heterodyne_physics_meshgrid.factored.halving import (
    LEAF,
    Level,
    blocks_beside_leaves,
    levels,
    sides,
    spread,
    to_borders,
)
from heterodyne_physics_meshgrid.factored.keeping import kept
from heterodyne_physics_meshgrid.factored.maps import Tiles
from heterodyne_physics_meshgrid.factored.profiles import GROUPS, PROFILES, AlongFlow, Areas, Mixing, decay

COLUMNS = 4
STRIP = 256
"""Number of rows of a tile that are read at once, so that they stay in the cache for the second product."""

_MIXING, _REFERENCE, _SAMPLE, _PHASE = range(len(PROFILES))

_TURNS = {_REFERENCE: np.diag([-2.0, 0.0, -1.0, -1.0]), _SAMPLE: np.diag([0.0, -2.0, -1.0, -1.0])}
_TURNS[_PHASE] = np.zeros((COLUMNS, COLUMNS))
_TURNS[_PHASE][[2, 3], [3, 2]] = -1.0, 1.0
"""Derivatives of the columns by r, s and θ as combinations of the columns, (column, column)."""

_CUTS = np.cumsum([GROUPS[m].stop - GROUPS[m].start for m in _TURNS])[:-1].tolist()
"""Where the parts of s and θ begin among those of r, s and θ."""


class Borders(NamedTuple):
    """Quantities of the frames of all levels, common to all azimuths; in the order of `spread`."""

    f: Float[Array, " n_all"]
    g: Float[Array, " n_all"]
    f_by_mixing: Float[Array, " n_all"]
    g_by_mixing: Float[Array, " n_all"]
    mixing: Float[Array, "k_x n_all"]
    areas: Areas


class FarSums(NamedTuple):
    """Sums <M, M>, <1, M>, <D, M> (`values`, 3); of the same with the derivatives by part (`linear`, (n_part, 3)); and
    of the derivatives with each other (`gram`).
    """

    values: Float[Array, " 3"]
    linear: Float[Array, "n_part 3"]
    gram: Float[Array, "n_part n_part"]


def borders(mixing: Mixing, areas: Areas) -> Borders:
    """Return the frames' fields referred to the borders."""
    # All rows at once, because every level is written out in the compiled function.
    reach = Areas(*_split(to_borders(jnp.concatenate(areas)), areas))
    rows = mixing.cosine[None], mixing.sine[None], mixing.derivatives
    (cosine,), (sine,), derivatives = _split(spread(jnp.concatenate(rows)), rows)
    e_r, e_s = decay(reach.reference[0]), decay(reach.sample[0])
    return Borders(cosine * e_r, sine * e_s, -sine * e_r, cosine * e_s, derivatives, reach)


def _split(rows: Float[Array, "k n"], like: Sequence[Array]) -> list[Array]:
    """Return rows in groups of as many as those of `like`."""
    return jnp.split(rows, np.cumsum([len(group) for group in like])[:-1].tolist())


class _Frames(NamedTuple):
    """What the sums need of the frames of all levels: columns c, their derivatives by χ, weights, and the derivatives
    of every profile by its parts.
    """

    columns: Float[Array, "column n_all"]
    by_mixing: Float[Array, "column n_all"]
    weight: Float[Array, " n_all"]
    parts: list[Float[Array, "k n_all"]]


class _Products(NamedTuple):
    """What the moments of blocks are sums of: w c; products c cᵀ w and ∂c/∂χ cᵀ w; and `rows`, 1 and the parts of r, s
    and θ, with which the former are multiplied, while the latter are with the parts of χ.
    """

    weighted: Float[Array, "column n"]
    squares: Float[Array, "column*column n"]
    by_mixing: Float[Array, "column*column n"]
    rows: Float[Array, "1+k n"]
    of_mixing: Float[Array, "k_x n"]


class _Moments(NamedTuple):
    """Moments of blocks: `first` Σ w c, and of the products of `_Products` with its rows, `of_rows` and `of_mixing`.

    Per frame `data`, Σ_j w_i w_j D_ij c(j).
    """

    first: Float[Array, "block column"]
    of_rows: Float[Array, "block 1+k column column"]
    of_mixing: Float[Array, "block k_x column column"]
    data: Float[Array, "n column"]


def far_sums(
    b: Borders, flow: AlongFlow, weight: Float[Array, " n_pad"], tiles: tuple[Tiles, ...], number: Int[Array, ""]
) -> FarSums:
    """Return the sums over all pairs in different leaves, of the azimuth of that number."""
    frames = _frames(b, flow, weight)
    products = _products(frames)
    found: list[_Moments] = []
    begin = 0
    for level, tile in zip(levels(weight.size), tiles, strict=True):
        end = begin + level.frames
        own = _Products(*(part[:, begin:end] for part in products))
        found.append(_moments(level, tile, number, frames.columns[:, begin:end], own))
        begin = end
    # What follows is the same for all levels: written once, it is compiled once.
    every = _Moments(*(jnp.concatenate(parts) for parts in zip(*found, strict=True)))
    values, mixed = _other_side(every)
    beside = jnp.asarray(blocks_beside_leaves(weight.size))
    linear, gram = _same_side(frames, every.first[beside], every.of_rows[beside, 0], every.data.T)
    with_data = jnp.sum(frames.columns * every.data.T) / 2
    return FarSums(jnp.append(values, with_data), linear, gram + mixed + mixed.T)


def _frames(b: Borders, flow: AlongFlow, weight: Float[Array, " n_pad"]) -> _Frames:
    phase = jnp.asarray(sides(weight.size)) * flow.phase(b.areas.displacement)
    cosine, sine = kept((jnp.sqrt(2.0) * jnp.cos(phase[0]), jnp.sqrt(2.0) * jnp.sin(phase[0])))
    beat, beat_by_mixing = b.f * b.g, b.f * b.g_by_mixing + b.f_by_mixing * b.g
    columns = jnp.stack([b.f**2, b.g**2, beat * cosine, beat * sine])
    of_fields = 2.0 * b.f * b.f_by_mixing, 2.0 * b.g * b.g_by_mixing
    by_mixing = jnp.stack([*of_fields, beat_by_mixing * cosine, beat_by_mixing * sine])
    parts: list[Array] = [b.mixing, b.areas.reference[1:], b.areas.sample[1:], phase[1:]]
    return kept(_Frames(columns, by_mixing, spread(weight), parts))


def _products(frames: _Frames) -> _Products:
    columns, by_mixing, w, parts = frames
    weighted = w * columns
    squares, of_mixing = ((one[:, None] * weighted).reshape(-1, w.size) for one in (columns, by_mixing))
    rows = jnp.concatenate([jnp.ones((1, w.size)), *(parts[m] for m in _TURNS)])
    return kept(_Products(weighted, squares, of_mixing, rows, parts[_MIXING]))


def _moments(
    level: Level, tile: Tiles, number: Int[Array, ""], columns: Float[Array, "column n"], own: _Products
) -> _Moments:
    """Return the moments of the blocks of one level."""
    blocks = 2 * level.pairs

    def cut(values: Float[Array, "k n"]) -> Float[Array, "k block size"]:
        return values.reshape(len(values), blocks, level.size)

    def of(rows: Float[Array, "k n"], products: Float[Array, "x n"]) -> Float[Array, "block k column column"]:
        found = jnp.einsum("kbi,xbi->bkx", cut(rows), cut(products))
        return found.reshape(blocks, len(rows), COLUMNS, COLUMNS)

    return _Moments(
        jnp.sum(cut(own.weighted), axis=2).T,
        of(own.rows, own.squares),
        of(own.of_mixing, own.by_mixing),
        data_products(level, tile, number, cut(columns)).T,
    )


def _other_side(every: _Moments) -> tuple[Float[Array, " 2"], Float[Array, "n_part n_part"]]:
    """Return <M, M> and <1, M>, and the sums of derivatives at one frame with those at the other."""
    of_parts = jnp.split(every.of_rows[:, 1:], _CUTS, axis=1)
    turned = [jnp.einsum("ae,bkec->bkac", turn, part) for turn, part in zip(_TURNS.values(), of_parts, strict=True)]
    derivatives = jnp.concatenate([every.of_mixing, *turned], axis=1)
    second = every.of_rows[:, 0]
    values = jnp.stack([jnp.sum(second[::2] * second[1::2]), jnp.sum(every.first[::2] * every.first[1::2])])
    return values, jnp.einsum("pkac,plca->kl", derivatives[::2], derivatives[1::2])


def _same_side(
    frames: _Frames,
    first: Float[Array, "leaf column"],
    second: Float[Array, "leaf column column"],
    data: Float[Array, "column n_all"],
) -> tuple[Float[Array, "n_part 3"], Float[Array, "n_part n_part"]]:
    """Return the sums with one derivative, and those with both derivatives at the same frame."""
    c, by_mixing, w, data = (
        part.reshape(*part.shape[:-1], -1, LEAF) for part in (frames.columns, frames.by_mixing, frames.weight, data)
    )
    first, second = first.T[..., None], jnp.moveaxis(second, 0, 2)[..., None]
    # None where a column does not change.
    tangents: list[list[Array | None]] = [
        list(by_mixing),
        [-2.0 * c[0], None, -c[2], -c[3]],
        [None, -2.0 * c[1], -c[2], -c[3]],
        [None, None, -c[3], c[2]],
    ]
    every = range(len(PROFILES))
    turned = [[_dot(row, tangent) for row in second] for tangent in tangents]
    forms = {(m, n): (w * _dot(turned[n], tangents[m])).ravel() for m in every for n in every if m <= n}
    ones = [(w * _dot(first, tangent)).ravel() for tangent in tangents]
    with_data = [_dot(data, tangent).ravel() for tangent in tangents]
    forms, ones, with_data = kept((forms, ones, with_data))
    gram = _symmetric({(m, n): (frames.parts[m] * form) @ frames.parts[n].T for (m, n), form in forms.items()})
    linear = []
    for m in every:
        # The derivatives by r and s together are -2 c.
        with_value = -sum(forms[min(m, n), max(m, n)] for n in (_REFERENCE, _SAMPLE)) / 2
        linear.append(frames.parts[m] @ jnp.stack([with_value, ones[m], with_data[m]], axis=1))
    return jnp.concatenate(linear), gram


def _dot(values: Sequence[Array] | Array, tangent: Sequence[Array | None]) -> Array:
    return functools.reduce(jnp.add, (a * b for a, b in zip(values, tangent, strict=True) if b is not None))


def _symmetric(blocks: dict[tuple[int, int], Array]) -> Array:
    """Return a symmetric matrix of its blocks (m, n) with m <= n."""
    every = sorted({m for m, _ in blocks})
    rows = [[blocks[m, n] if m <= n else blocks[n, m].T for n in every] for m in every]
    return jnp.concatenate([jnp.concatenate(row, axis=1) for row in rows])


def data_products(
    level: Level, tile: Tiles, number: Int[Array, ""], columns: Float[Array, "column block size"]
) -> Float[Array, "column n"]:
    """Return Σ_j w_i w_j D_ij c(j) at every frame, the only place where the N² data are read."""
    both = columns.reshape(COLUMNS, level.pairs, 2, level.size)
    left, right = both[:, :, 0].swapaxes(0, 1), both[:, :, 1].swapaxes(0, 1)
    to_left, to_right = _two_products(tile.whole, number, left[: level.whole], right[: level.whole])
    if level.whole < level.pairs:
        last_left, last_right = _two_products(tile.rest[:, None], number, left[-1:], right[-1:, :, : level.rest])
        last_right = jnp.pad(last_right, ((0, 0), (0, 0), (0, level.size - level.rest)))
        to_left, to_right = jnp.concatenate([to_left, last_left]), jnp.concatenate([to_right, last_right])
    return jnp.stack([to_left, to_right], axis=2).swapaxes(0, 1).reshape(COLUMNS, -1)


class Strip(NamedTuple):
    """Where a strip of rows begins in the data of all azimuths, and the columns at both of its sides."""

    azimuth: Int[Array, ""]
    pair: Int[Array, ""]
    row: Int[Array, ""]
    left: Float[Array, "column STRIP"]
    right: Float[Array, "j column"]

    def rows(self, data: Float[Array, "n_phi pair i j"]) -> Float[Array, "STRIP j"]:
        """Return its rows of the data, in float64 for any dtype."""
        begin, size = (self.azimuth, self.pair, self.row, 0), (1, 1, STRIP, data.shape[3])
        return jax.lax.dynamic_slice(data, begin, size)[0, 0].astype(self.right.dtype)


def in_strips(data: Float[Array, "n_phi pair i j"]) -> bool:
    """Return whether the tiles are so large that they are read in strips."""
    return data.shape[2] > STRIP and data.shape[1] > 0


def strips_of(
    data: Float[Array, "n_phi pair i j"],
    number: Int[Array, ""],
    left: Float[Array, "pair column i"],
    right: Float[Array, "pair column j"],
) -> Strip:
    """Return all strips of an azimuth, along the first axis."""
    _, pairs, size, _ = data.shape
    count = size // STRIP
    pair, row = np.divmod(np.arange(pairs * count), count)
    return Strip(
        jnp.broadcast_to(number, pair.shape),
        jnp.asarray(pair),
        jnp.asarray(row * STRIP),
        left.reshape(pairs, COLUMNS, count, STRIP).swapaxes(1, 2).reshape(pairs * count, COLUMNS, STRIP),
        jnp.repeat(right.swapaxes(1, 2), count, axis=0),
    )


def _two_products(
    data: Float[Array, "n_phi pair i j"],
    number: Int[Array, ""],
    left: Float[Array, "pair column i"],
    right: Float[Array, "pair column j"],
) -> tuple[Float[Array, "pair column i"], Float[Array, "pair column j"]]:
    """Return Σ_j D_ij right_j and Σ_i left_i D_ij, in float64 for any dtype of the data."""
    if not in_strips(data):
        own = data[number].astype(left.dtype)
        return jnp.einsum("pij,paj->pai", own, right), jnp.einsum("pij,pai->paj", own, left)

    def products(strip: Strip) -> tuple[Array, Array]:
        rows = strip.rows(data)
        return rows @ strip.right, strip.left @ rows

    pairs, size = data.shape[1:3]
    to_left, to_right = jax.lax.map(products, strips_of(data, number, left, right))
    return (
        to_left.reshape(pairs, size, COLUMNS).swapaxes(1, 2),
        to_right.reshape(pairs, size // STRIP, COLUMNS, -1).sum(axis=1),
    )
