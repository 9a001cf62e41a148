"""Pairs of frames evaluated one by one: those inside leaves, and single pairs."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from heterodyne_physics_meshgrid.factored.halving import LEAF
from heterodyne_physics_meshgrid.factored.keeping import kept
from heterodyne_physics_meshgrid.factored.profiles import AlongFlow, Areas, Mixing, decay

type Frames = Int[Array, " n_pair"] | Int[np.ndarray, " n_pair"]


class Pairs(NamedTuple):
    """Quantities of pairs i < j, common to all azimuths: M and its derivatives by the parts of χ, r and s are `plain` +
    cos θ · `beat`, those by the parts of θ are multiples of sin θ times `beat` of M; `displacement` is between frames.
    """

    plain: Float[Array, "k ..."]
    beat: Float[Array, "k ..."]
    displacement: Float[Array, "1+k_v ..."]


def _pairs(at_i: Mixing, at_j: Mixing, between: Areas) -> Pairs:
    e_r, e_s = decay(between.reference[0]), decay(between.sample[0])
    u, w = at_i.cosine * at_j.cosine * e_r, at_i.sine * at_j.sine * e_s
    # By χ at i, then at j.
    u_by = -at_i.sine * at_j.cosine * e_r, -at_i.cosine * at_j.sine * e_r
    w_by = at_i.cosine * at_j.sine * e_s, at_i.sine * at_j.cosine * e_s
    mixing = at_i.derivatives, at_j.derivatives
    both = u * w
    plain = [
        (u**2 + w**2)[None],
        2.0 * sum((u * by_u + w * by_w) * by for by_u, by_w, by in zip(u_by, w_by, mixing, strict=True)),
        -2.0 * u**2 * between.reference[1:],
        -2.0 * w**2 * between.sample[1:],
    ]
    beat = [
        2.0 * both[None],
        2.0 * sum((w * by_u + u * by_w) * by for by_u, by_w, by in zip(u_by, w_by, mixing, strict=True)),
        -2.0 * both * between.reference[1:],
        -2.0 * both * between.sample[1:],
    ]
    return Pairs(jnp.concatenate(plain), jnp.concatenate(beat), between.displacement)


def _differences(steps: Float[Array, "k n ..."], i: Frames, j: Frames) -> Array:
    """Return the sums of steps from i up to j, (k, n_pair, ...)."""
    # Without subtracting the own step, because rounding errors of a step much larger than the others would remain.
    from_begin = jnp.concatenate([jnp.zeros_like(steps[:, :1]), jnp.cumsum(steps, 1)[:, :-1]], 1)
    return from_begin[:, j] - from_begin[:, i]


def pairs_inside_leaves(mixing: Mixing, areas: Areas) -> Pairs:
    """Return the pairs inside leaves, (n_inside, n_leaf), in the order of ``np.triu_indices(LEAF, 1)``."""
    i, j = np.triu_indices(LEAF, 1)

    def leaves(values: Float[Array, "*k n_pad"]) -> Float[Array, "*k leaf n_leaf"]:
        return values.reshape(*values.shape[:-1], values.shape[-1] // LEAF, LEAF).swapaxes(-1, -2)

    def between(values: Float[Array, "k n_pad"]) -> Float[Array, "k n_inside n_leaf"]:
        steps = leaves(values)
        return _differences(steps, i, j)

    def at(frames: Int[np.ndarray, " n_inside"]) -> Mixing:
        return Mixing(*(leaves(values)[..., frames, :] for values in mixing))

    return _pairs(at(i), at(j), Areas(*map(between, areas)))


def single_pairs(mixing: Mixing, areas: Areas, i: Int[Array, " n_pair"], j: Int[Array, " n_pair"]) -> Pairs:
    """Return the pairs (i, j), (n_pair,)."""

    def between(values: Float[Array, "k n_pad"]) -> Float[Array, "k n_pair"]:
        return _differences(values, i, j)

    def at(frames: Int[Array, " n_pair"]) -> Mixing:
        return Mixing(*(values[..., frames] for values in mixing))

    return _pairs(at(i), at(j), Areas(*map(between, areas)))


def brackets_at(p: Pairs, displacement_to_phase: Float[Array, ""]) -> Float[Array, " n_pair"]:
    """Return M at the pairs of one azimuth."""
    phase = displacement_to_phase * p.displacement[0]
    return (p.plain[0] + p.beat[0] * jnp.cos(phase)).reshape(-1)


def maps_at(p: Pairs, flow: AlongFlow) -> Float[Array, "1+n_part n_pair"]:
    """Return M and its derivatives, by part, at the pairs of one azimuth."""
    phase = flow.phase(p.displacement)
    cosine, across = kept((jnp.cos(phase[0]), jnp.sin(phase[0]) * p.beat[0]))
    found = [p.plain + cosine * p.beat, -across * phase[1:]]
    return jnp.concatenate(found).reshape(sum(map(len, found)), -1)


def pair_weights(weight: Float[Array, " n_pad"]) -> Float[Array, " n_near"]:
    """Return w_i w_j of the pairs inside leaves."""
    leaves = weight.reshape(-1, LEAF).T
    i, j = np.triu_indices(LEAF, 1)
    return (leaves[i] * leaves[j]).reshape(-1)
