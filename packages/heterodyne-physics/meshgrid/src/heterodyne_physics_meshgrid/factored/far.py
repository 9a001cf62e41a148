"""Sums over pairs of frames in different blocks, by products of small matrices.

Relative to the border between two adjacent blocks, with r, s, θ the integrals from a frame to the border (θ negative
after it) and f = cos χ e^{-r}, g = sin χ e^{-s}, frame i before and frame j after the border give

    M_ij = Σ_a c_a(i) c_a(j),    c = (f², g², √2 f g cos θ, √2 f g sin θ).

The derivatives of c by the profiles χ, r, s, θ are linear in eight features: c itself and ∂c/∂χ. So with the weighted
moments Q = Σ_j w_j c(j) c(j)ᵀ of the block on the other side, the square of a derivative is Σ_i w_i ∂c(i)ᵀ Q ∂c(i),
linear in products of two features; the mixed term, one derivative on each side, is a product of first moments of the
blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid.factored.halving import Level, levels, sides, spread, to_borders
from heterodyne_physics_meshgrid.factored.maps import Tiles
from heterodyne_physics_meshgrid.factored.profiles import GROUPS, PARTS, PROFILES, AlongFlow, Areas, Mixing, decay

COLUMNS, _FEATURES = 4, 8
STRIP = 256
"""Number of rows of a tile that are read at once, so that they stay in the cache for the second product."""


def _tangents() -> Float[np.ndarray, "profile column feature"]:
    """Return the derivatives of the columns by the profiles as combinations of features."""
    found = np.zeros((len(PROFILES), COLUMNS, _FEATURES))
    mixing, reference, sample, phase = found
    mixing[range(4), range(4, 8)] = 1.0
    reference[0, 0], reference[2, 2], reference[3, 3] = -2.0, -1.0, -1.0
    sample[1, 1], sample[2, 2], sample[3, 3] = -2.0, -1.0, -1.0
    phase[2, 3], phase[3, 2] = -1.0, 1.0
    return found


_TANGENTS = _tangents()
_PROFILE_PAIRS = tuple((m, n) for m in range(len(PROFILES)) for n in range(m, len(PROFILES)))
_SQUARES = _FEATURES * COLUMNS + COLUMNS**2
"""Products of two features: all eight with the columns, and those of ∂c/∂χ with each other."""


def _square_index(e: int, f: int) -> int:
    """Return the index of the product of features e and f."""
    if f >= COLUMNS > e:
        e, f = f, e
    return e * COLUMNS + f if f < COLUMNS else _FEATURES * COLUMNS + (e - COLUMNS) * COLUMNS + f - COLUMNS


def _quadratic() -> Float[np.ndarray, "moment form*square"]:
    """Return the matrix from moments Q_ab to the coefficients, on the squares, of two kinds of forms:
    ∂_m cᵀ Q ∂_n c for all `_PROFILE_PAIRS`, and ∂_m cᵀ Q c for all profiles.
    """
    found = np.zeros((COLUMNS, COLUMNS, len(_PROFILE_PAIRS) + len(PROFILES), _SQUARES))
    for a, b, e in np.ndindex(COLUMNS, COLUMNS, _FEATURES):
        for form, (m, n) in enumerate(_PROFILE_PAIRS):
            for f in range(_FEATURES):
                found[a, b, form, _square_index(e, f)] += _TANGENTS[m, a, e] * _TANGENTS[n, b, f]
        for m in range(len(PROFILES)):
            found[a, b, len(_PROFILE_PAIRS) + m, _square_index(e, b)] += _TANGENTS[m, a, e]
    return found.reshape(COLUMNS**2, -1)


_QUADRATIC = _quadratic()
_LINEAR = _TANGENTS.transpose(1, 0, 2).reshape(COLUMNS, -1)
"""From first moments to the coefficients of ∂_m c · moment on the features."""

_PART_TANGENTS = _TANGENTS[[profile for _, profile in PARTS]]


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
    reach = Areas(*map(to_borders, areas))
    e_r, e_s = decay(reach.reference[0]), decay(reach.sample[0])
    cosine, sine = spread(mixing.cosine), spread(mixing.sine)
    return Borders(cosine * e_r, sine * e_s, -sine * e_r, cosine * e_s, spread(mixing.derivatives), reach)


def far_sums(b: Borders, flow: AlongFlow, weight: Float[Array, " n_pad"], tiles: tuple[Tiles, ...]) -> FarSums:
    """Return the sums over all pairs in different leaves, of one azimuth."""
    n_pad = weight.size
    sign, w = sides(n_pad), spread(weight)
    phase = sign * flow.phase(b.areas.displacement)
    cosine, sine = jnp.sqrt(2.0) * jnp.cos(phase[0]), jnp.sqrt(2.0) * jnp.sin(phase[0])
    beat, beat_by_mixing = b.f * b.g, b.f * b.g_by_mixing + b.f_by_mixing * b.g
    features = jnp.stack(
        [
            b.f**2,
            b.g**2,
            beat * cosine,
            beat * sine,
            2.0 * b.f * b.f_by_mixing,
            2.0 * b.g * b.g_by_mixing,
            beat_by_mixing * cosine,
            beat_by_mixing * sine,
        ]
    )
    parts = jnp.concatenate([b.mixing, b.areas.reference[1:], b.areas.sample[1:], phase[1:]])
    weighted = features * w
    rows = jnp.concatenate([jnp.ones_like(parts[:1]), parts])
    found: list[_OfLevel] = []
    begin = 0
    for level, tile in zip(levels(n_pad), tiles, strict=True):
        here = slice(begin, begin + level.frames)
        found.append(_of_level(level, tile, features[:, here], weighted[:, here], rows[:, here]))
        begin += level.frames
    forms, ones, data = (jnp.concatenate(arrays, axis=1) for arrays in zip(*(o[2:] for o in found), strict=True))
    with_one = jnp.sum(jnp.stack([o.values for o in found]), axis=0)
    columns = features[:COLUMNS]
    values = jnp.append(with_one, jnp.sum(columns * data) / 2)
    with_data = jnp.stack([jnp.sum(_tangent(m, features) * data, axis=0) for m in range(len(PROFILES))])
    right = jnp.stack([forms[len(_PROFILE_PAIRS) :], ones, with_data], axis=1)
    linear = jnp.concatenate([parts[group] @ right[m].T for m, group in enumerate(GROUPS)])
    mixed = jnp.sum(jnp.stack([o.mixed for o in found]), axis=0)
    return FarSums(values, linear, _same_side(parts, forms) + mixed + mixed.T)


class _OfLevel(NamedTuple):
    """Contribution of one level. `values` <M, M> and <1, M>; `mixed` derivatives of one frame with those of the other.

    The rest per frame: `forms` as in `_quadratic`, `ones` ∂_m c · Σ_j w_j c(j), and `data` Σ_j w_i w_j D_ij c(j).
    """

    values: Float[Array, " 2"]
    mixed: Float[Array, "n_part n_part"]
    forms: Float[Array, "form n"]
    ones: Float[Array, "profile n"]
    data: Float[Array, "column n"]


def _of_level(
    level: Level,
    tile: Tiles,
    features: Float[Array, "feature n"],
    weighted: Float[Array, "feature n"],
    rows: Float[Array, "1+n_part n"],
) -> _OfLevel:
    blocks = 2 * level.pairs

    def cut(values: Float[Array, "k n"]) -> Float[Array, "k block size"]:
        return values.reshape(len(values), blocks, level.size)

    def products(left: Float[Array, "k n"], right: Float[Array, "l n"]) -> Float[Array, "k*l block size"]:
        return cut((left[:, None] * right).reshape(-1, level.frames))

    def other(values: Float[Array, "block k"]) -> Float[Array, "block k"]:
        return jnp.flip(values.reshape(level.pairs, 2, -1), axis=1).reshape(blocks, -1)

    with_columns = products(weighted, features[:COLUMNS])
    squares = jnp.concatenate([with_columns, products(weighted[COLUMNS:], features[COLUMNS:])])
    moments = jnp.einsum("kbi,xbi->bkx", cut(rows), with_columns)
    second, first = moments[:, 0, : COLUMNS**2], jnp.sum(cut(weighted[:COLUMNS]), axis=2).T
    # Every pair was counted from both of its blocks.
    values = jnp.stack([jnp.sum(second * other(second)), jnp.sum(first * other(first))]) / 2
    form = (other(second) @ _QUADRATIC).reshape(blocks, -1, _SQUARES)
    forms = jnp.einsum("bfx,xbi->fbi", form, squares)
    linear = (other(first) @ _LINEAR).reshape(blocks, len(PROFILES), _FEATURES)
    ones = jnp.einsum("bme,ebi->mbi", linear, cut(weighted))
    of_parts = moments[:, 1:].reshape(blocks, len(PARTS), _FEATURES, COLUMNS)
    derivatives = jnp.einsum("kae,bkec->kbac", _PART_TANGENTS, of_parts)
    derivatives = derivatives.reshape(len(PARTS), level.pairs, 2, COLUMNS, COLUMNS)
    mixed = jnp.einsum("kpac,lpca->kl", derivatives[:, :, 0], derivatives[:, :, 1])
    n = level.frames
    data = data_products(level, tile, cut(features[:COLUMNS]))
    return _OfLevel(values, mixed, forms.reshape(-1, n), ones.reshape(-1, n), data)


def _same_side(parts: Float[Array, "n_part n"], forms: Float[Array, "form n"]) -> Float[Array, "n_part n_part"]:
    """Return Σ_i w_i ∂_k c(i)ᵀ Q ∂_l c(i)."""
    blocks: dict[tuple[int, int], Array] = {}
    for form, (m, n) in enumerate(_PROFILE_PAIRS):
        blocks[m, n] = (parts[GROUPS[m]] * forms[form]) @ parts[GROUPS[n]].T
        blocks[n, m] = blocks[m, n].T
    every = range(len(PROFILES))
    return jnp.concatenate([jnp.concatenate([blocks[m, n] for n in every], axis=1) for m in every])


def _tangent(profile: int, features: Float[Array, "feature n"]) -> Float[Array, "column n"]:
    """Return the derivative of the columns by a profile."""
    columns = []
    for weights in _TANGENTS[profile]:
        terms = [weight * features[e] for e, weight in enumerate(weights) if weight]
        columns.append(sum(terms, start=jnp.zeros_like(features[0])))
    return jnp.stack(columns)


def data_products(level: Level, tile: Tiles, columns: Float[Array, "column block size"]) -> Float[Array, "column n"]:
    """Return Σ_j w_i w_j D_ij c(j) at every frame, the only place where the N² data are read."""
    both = columns.reshape(COLUMNS, level.pairs, 2, level.size)
    left, right = both[:, :, 0].swapaxes(0, 1), both[:, :, 1].swapaxes(0, 1)
    to_left, to_right = _two_products(tile.whole, left[: level.whole], right[: level.whole])
    if level.whole < level.pairs:
        last_left, last_right = _two_products(tile.rest[None], left[-1:], right[-1:, :, : level.rest])
        last_right = jnp.pad(last_right, ((0, 0), (0, 0), (0, level.size - level.rest)))
        to_left, to_right = jnp.concatenate([to_left, last_left]), jnp.concatenate([to_right, last_right])
    return jnp.stack([to_left, to_right], axis=2).swapaxes(0, 1).reshape(COLUMNS, -1)


def _two_products(
    data: Float[Array, "pair i j"], left: Float[Array, "pair column i"], right: Float[Array, "pair column j"]
) -> tuple[Float[Array, "pair column i"], Float[Array, "pair column j"]]:
    """Return Σ_j D_ij right_j and Σ_i left_i D_ij, in float64 for any dtype of the data."""
    pairs, size, _ = data.shape
    dtype = left.dtype
    if size <= STRIP or pairs == 0:
        data = data.astype(dtype)
        return jnp.einsum("pij,paj->pai", data, right), jnp.einsum("pij,pai->paj", data, left)

    def products(strip: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        rows, part, whole = strip
        rows = rows.astype(dtype)
        return rows @ whole, part @ rows

    count = size // STRIP
    to_left, to_right = jax.lax.map(
        products,
        (
            data.reshape(pairs * count, STRIP, -1),
            left.reshape(pairs, COLUMNS, count, STRIP).swapaxes(1, 2).reshape(pairs * count, COLUMNS, STRIP),
            jnp.repeat(right.swapaxes(1, 2), count, axis=0),
        ),
    )
    return (
        to_left.reshape(pairs, size, COLUMNS).swapaxes(1, 2),
        to_right.reshape(pairs, count, COLUMNS, -1).sum(axis=1),
    )
