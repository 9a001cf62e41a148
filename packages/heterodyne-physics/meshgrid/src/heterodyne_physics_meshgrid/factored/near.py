"""Pairs of frames evaluated one by one: those inside leaves, and single excluded pairs."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from heterodyne_physics_meshgrid.factored.halving import LEAF
from heterodyne_physics_meshgrid.factored.profiles import AlongFlow, Areas, Mixing, decay

type Frames = Int[Array, " n_pair"] | Int[np.ndarray, " n_pair"]


class Pairs(NamedTuple):
    """Quantities of pairs i < j, common to all azimuths: the two fields u, w, their derivatives by χ at i and at j, the
    derivatives of χ there, and the integrals between the two frames.
    """

    u: Float[Array, " ..."]
    w: Float[Array, " ..."]
    u_by_i: Float[Array, " ..."]
    u_by_j: Float[Array, " ..."]
    w_by_i: Float[Array, " ..."]
    w_by_j: Float[Array, " ..."]
    mixing_i: Float[Array, "k_x ..."]
    mixing_j: Float[Array, "k_x ..."]
    between: Areas


def _pairs(at_i: Mixing, at_j: Mixing, between: Areas) -> Pairs:
    e_r, e_s = decay(between.reference[0]), decay(between.sample[0])
    return Pairs(
        u=at_i.cosine * at_j.cosine * e_r,
        w=at_i.sine * at_j.sine * e_s,
        u_by_i=-at_i.sine * at_j.cosine * e_r,
        u_by_j=-at_i.cosine * at_j.sine * e_r,
        w_by_i=at_i.cosine * at_j.sine * e_s,
        w_by_j=at_i.sine * at_j.cosine * e_s,
        mixing_i=at_i.derivatives,
        mixing_j=at_j.derivatives,
        between=between,
    )


def _differences(steps: Float[Array, "k n ..."], i: Frames, j: Frames) -> Array:
    """Return the sums of steps from i up to j, (k, n_pair, ...)."""
    # Without subtracting the own step, because rounding errors of a step much larger than the others would remain.
    from_begin = jnp.cumsum(steps, axis=1)[:, :-1]
    from_begin = jnp.concatenate([jnp.zeros_like(steps[:, :1]), from_begin], axis=1)
    return from_begin[:, j] - from_begin[:, i]


def pairs_inside_leaves(mixing: Mixing, areas: Areas) -> Pairs:
    """Return the pairs inside leaves, (n_inside, n_leaf), in the order of ``np.triu_indices(LEAF, 1)``."""
    i, j = np.triu_indices(LEAF, 1)

    def leaves(values: Float[Array, "*k n_pad"]) -> Float[Array, "*k leaf n_leaf"]:
        return jnp.moveaxis(values.reshape(*values.shape[:-1], values.shape[-1] // LEAF, LEAF), -1, -2)

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
    phase = displacement_to_phase * p.between.displacement[0]
    return jnp.ravel(p.u**2 + p.w**2 + 2.0 * p.u * p.w * jnp.cos(phase))


def maps_at(p: Pairs, flow: AlongFlow) -> Float[Array, "1+n_part n_pair"]:
    """Return M and its derivatives, by part, at the pairs of one azimuth."""
    reference, sample, phase = p.between.reference, p.between.sample, flow.phase(p.between.displacement)
    cosine, sine = jnp.cos(phase[0]), jnp.sin(phase[0])
    by_u, by_w = 2.0 * (p.u + p.w * cosine), 2.0 * (p.w + p.u * cosine)
    by_i, by_j = by_u * p.u_by_i + by_w * p.w_by_i, by_u * p.u_by_j + by_w * p.w_by_j
    found = jnp.concatenate(
        [
            (p.u**2 + p.w**2 + 2.0 * p.u * p.w * cosine)[None],
            by_i * p.mixing_i + by_j * p.mixing_j,
            -(by_u * p.u) * reference[1:],
            -(by_w * p.w) * sample[1:],
            -(2.0 * p.u * p.w * sine) * phase[1:],
        ]
    )
    return found.reshape(len(found), -1)


def pair_weights(weight: Float[Array, " n_pad"]) -> Float[Array, " n_near"]:
    """Return w_i w_j of the pairs inside leaves."""
    leaves = weight.reshape(-1, LEAF).T
    i, j = jnp.triu_indices(LEAF, 1)
    return (leaves[i] * leaves[j]).ravel()
