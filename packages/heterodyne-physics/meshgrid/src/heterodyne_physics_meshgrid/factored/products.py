"""Sums over pairs of frames of the model and its derivatives: with itself, with 1 and with the data.

Throughout, B_0 = M is the bracket of c2, B_k its derivative by the k-th free parameter, and every sum runs over the
counting pairs i < j with weight w_i w_j.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid._generated.model import HeterodyneModel
from heterodyne_physics_meshgrid.factored.blocks import BLOCK, BlockedMaps
from heterodyne_physics_meshgrid.factored.factors import (
    Factors,
    Profiles,
    at_pairs,
    factors,
    inside_blocks,
    profiles,
)


class InnerProducts(NamedTuple):
    """The sums per azimuth, with K = 1 + number of free parameters.

    `gram` <B_k, B_l>, `ones` <1, B_k>, `data` <D, B_k> with D = c2 - BASELINE.
    """

    gram: Float[Array, "n_phi K K"]
    ones: Float[Array, "n_phi K"]
    data: Float[Array, "n_phi K"]


type _Moments = tuple[Array, Array, Array, Array]


class _Angle(NamedTuple):
    """One azimuth of `BlockedMaps`."""

    phi: Array
    data: Float[Array, "n_block block n_pad"]
    weight: Float[Array, " n_pad"]
    excluded_i: Array
    excluded_j: Array
    excluded_weight: Array


def inner_products(
    free: Float[Array, " n_free"],
    base: Float[Array, " n_par"],
    expand: Float[Array, "n_par n_free"],
    q: Float[Array, ""],
    phi: Float[Array, " n_phi"],
    maps: BlockedMaps,
) -> InnerProducts:
    """Return the sums at the parameter vector ``base + expand @ free``.

    Parameters
    ----------
    free : the free parameters.
    base, expand : the affine map from them to the full vector.
    q : wavevector in 1/Å.
    phi : azimuths in degrees.
    maps : from `block_maps`.

    Notes
    -----
    Work O(N · BLOCK · K²) beside two passes over the data; memory beside the data a few times N · BLOCK · K. Azimuths
    are gone through one after the other.
    """

    def one_angle(angle: _Angle) -> InnerProducts:
        def at(vector: Float[Array, " n_free"]) -> Profiles:
            model = HeterodyneModel.from_vector(base + expand @ vector)
            return profiles(model, maps.t, maps.steps, q, angle.phi)

        value, derivatives = at(free), jax.jacfwd(at)(free)
        jets = Profiles(
            *(jnp.concatenate([v[None], jnp.moveaxis(d, -1, 0)]) for v, d in zip(value, derivatives, strict=True))
        )
        parts = factors(jets)
        near = _near(inside_blocks(jets), angle)
        gram, ones = _far_gram(parts, angle.weight)
        data = _far_data(parts, angle.data)
        total = InnerProducts(near.gram + gram, near.ones + ones, near.data + data)
        if angle.excluded_i.size == 0:
            return total
        apart = at_pairs(jets, angle.excluded_i, angle.excluded_j)
        weighted = apart * angle.excluded_weight
        return total._replace(gram=total.gram - weighted @ apart.T, ones=total.ones - weighted.sum(axis=1))

    angles = _Angle(phi, maps.data, maps.weight, maps.excluded_i, maps.excluded_j, maps.excluded_weight)
    return jax.lax.map(one_angle, angles)


def _near(values: Float[Array, "K n_block block block"], angle: _Angle) -> InnerProducts:
    """Return the sums over pairs inside a block."""
    count = values.shape[1]
    weight = angle.weight.reshape(count, BLOCK)
    upper = jnp.triu(jnp.ones((BLOCK, BLOCK)), 1)
    pair = upper * weight[:, :, None] * weight[:, None, :]
    rows = jnp.arange(count)
    diagonal = angle.data.reshape(count, BLOCK, count, BLOCK)[rows, :, rows, :]
    flat = values.reshape(values.shape[0], -1)
    weighted = flat * pair.ravel()
    return InnerProducts(weighted @ flat.T, weighted.sum(axis=1), flat @ (upper * diagonal).ravel())


def _far_gram(f: Factors, weight: Float[Array, " n_pad"]) -> tuple[Float[Array, "K K"], Float[Array, " K"]]:
    """Return <B_k, B_l> and <1, B_k> over pairs of different blocks.

    Block after block, `past` collects the second moments of all left factors and their derivatives, carried to
    the block's border; with the second moments of the block's right factors they give its share of the sums.
    """
    size, count = f.left.shape[:2]
    w = weight.reshape(count, BLOCK)
    left, right = (jnp.moveaxis(side, 0, 2).reshape(count, BLOCK, size * 4) for side in (f.left, f.right))

    def step(state: _Moments, block: tuple[Array, Array, Array, Array]) -> tuple[_Moments, None]:
        past, past_sum, gram, ones = state
        a, c, across, weights = block
        here = ((c * weights[:, None]).T @ c).reshape(size, 4, size, 4)
        here_sum = (weights @ c).reshape(size, 4)
        before, before_sum = past.reshape(size, 4, size, 4), past_sum.reshape(size, 4)
        gram = gram + (
            jnp.einsum("kalb,ab->kl", before, here[0, :, 0, :])
            + jnp.einsum("kab,alb->kl", before[:, :, 0, :], here[0])
            + jnp.einsum("alb,kab->kl", before[0], here[:, :, 0, :])
            + jnp.einsum("ab,kalb->kl", before[0, :, 0, :], here)
        )
        ones = ones + before_sum @ here_sum[0] + here_sum @ before_sum[0]
        carried = _carry(_carry(before, across).transpose(2, 3, 0, 1), across).reshape(past.shape)
        past = carried + (a * weights[:, None]).T @ a
        past_sum = _carry(before_sum, across).ravel() + weights @ a
        return (past, past_sum, gram, ones), None

    start = (jnp.zeros((size * 4, size * 4)), jnp.zeros(size * 4), jnp.zeros((size, size)), jnp.zeros(size))
    (_, _, gram, ones), _ = jax.lax.scan(step, start, (left, right, jnp.moveaxis(f.across, 0, 1), w))
    # The product rule counted B_0 itself twice.
    halve = jnp.ones(size).at[0].set(0.5)
    return gram * halve[:, None] * halve, ones * halve


def _carry(moments: Float[Array, "K 4 ..."], across: Float[Array, "K 4 4"]) -> Float[Array, "K 4 ..."]:
    """Return factors (or moments of them) and their derivatives carried over a block: A^k -> A^k T + A T^k."""
    own = jnp.einsum("kb...,bc->kc...", moments, across[0])
    return own.at[1:].add(jnp.einsum("b...,kbc->kc...", moments[0], across[1:]))


def _far_data(f: Factors, data: Float[Array, "n_block block n_pad"]) -> Float[Array, " K"]:
    """Return <D, B_k> over pairs of different blocks: the one place where the N² data are read, twice.

    Forward over the blocks for the sums with the left factors, backward for those with the right ones; the derivatives
    of the factors are contracted with the two at the end (reverse-mode differentiation, written out).
    """
    left, right, across = f.left[0], f.right[0], f.across[0]
    count, n_pad = data.shape[0], data.shape[2]

    def forward(reached: Array, block: tuple[Array, Array, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        rows, a, over, start = block
        to_right = rows.astype(reached.dtype) @ reached
        following = jax.lax.dynamic_update_slice(reached @ over, a, (start, 0))
        return following, (to_right, reached)

    starts = jnp.arange(count) * BLOCK
    _, (to_right, reached) = jax.lax.scan(forward, jnp.zeros((n_pad, 4)), (data, left, across, starts))

    def backward(wanted: Array, block: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        rows, c, over, start, a = block
        to_left = jax.lax.dynamic_slice(wanted, (start, 0), (BLOCK, 4))
        to_across = a.T @ wanted
        return rows.astype(c.dtype).T @ c + wanted @ over.T, (to_left, to_across)

    _, (to_left, to_across) = jax.lax.scan(
        backward, jnp.zeros((n_pad, 4)), (data, right, across, starts, reached), reverse=True
    )
    derivatives = (
        jnp.einsum("kbia,bia->k", f.left, to_left)
        + jnp.einsum("kbia,bia->k", f.right, to_right)
        + jnp.einsum("kbac,bac->k", f.across, to_across)
    )
    return derivatives.at[0].set(jnp.sum(right * to_right))
