"""The four factors of a model map, referred to the borders of blocks so that every one of them is at most 1."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid._generated.model import HeterodyneModel
from heterodyne_physics_meshgrid.correlation import cosine_of_degrees
from heterodyne_physics_meshgrid.factored.blocks import BLOCK
from heterodyne_physics_meshgrid.factored.jets import Jet, cosine_and_sine, exponential, product


class Profiles(NamedTuple):
    """What the pair formula takes of every frame, in blocks; jets, or plain values without the leading axis.

    `reference` and `sample` are the shares ρ = (1-x)/√n and σ = x/√n; `decay_r`, `decay_s`, `phase` are the
    integrals of q² J_r/2, q² J_s/2 and q cos(phi+phi0) v from the first frame of the block to the frame, `over_*`
    those to the first frame of the next block.
    """

    reference: Float[Array, "*K n_block block"]
    sample: Float[Array, "*K n_block block"]
    decay_r: Float[Array, "*K n_block block"]
    decay_s: Float[Array, "*K n_block block"]
    phase: Float[Array, "*K n_block block"]
    over_r: Float[Array, "*K n_block"]
    over_s: Float[Array, "*K n_block"]
    over_phase: Float[Array, "*K n_block"]


class Factors(NamedTuple):
    """M_ij = left_i T_{I+1} ... T_{J-1} right_j for i in block I, j in block J > I.

    Jets. `left` reaches from the frame to the border behind its block, `right` from the border before its block to the
    frame, `across` over a whole block. Columns: reference, sample, and cosine and sine of the beat.
    """

    left: Float[Array, "K n_block block 4"]
    right: Float[Array, "K n_block block 4"]
    across: Float[Array, "K n_block 4 4"]


def profiles(
    model: HeterodyneModel, t: Float[Array, " n_pad"], steps: Float[Array, " n_pad"], q: Array, phi: Array
) -> Profiles:
    """Return the profiles of a model at padded ages `t` in s with the steps behind them."""
    x = model.x(t).reshape(-1, BLOCK)
    norm = jnp.sqrt(x**2 + (1.0 - x) ** 2)

    def integrals(f: Float[Array, " n_pad"]) -> tuple[Float[Array, "n_block block"], Float[Array, " n_block"]]:
        # Trapezoids between a frame and its successor; sums start anew in every block, so none grows large.
        following = jnp.append(f[1:], f[-1])
        areas = (steps * (f + following) / 2).reshape(-1, BLOCK)
        sums = jnp.cumsum(areas, axis=1)
        return jnp.concatenate([jnp.zeros_like(sums[:, :1]), sums[:, :-1]], axis=1), sums[:, -1]

    half = q**2 / 2
    decay_r, over_r = integrals(half * model.J_r(t))
    decay_s, over_s = integrals(half * model.J_s(t))
    phase, over_phase = integrals(q * cosine_of_degrees(phi + model.phi0) * model.v(t))
    return Profiles((1.0 - x) / norm, x / norm, decay_r, decay_s, phase, over_r, over_s, over_phase)


def inside_blocks(p: Profiles) -> Jet:
    """Return M_ij for all pairs inside a block, (K, n_block, block, block); of use for i < j only, bounded everywhere.

    With the fields u = ρρ e^{-r}, w = σσ e^{-s} and the phase θ, dM = 2 (u + w cos θ) du + 2 (w + u cos θ) dw
    - 2 u w sin θ dθ: three maps and sums of what belongs to i and what belongs to j.
    """

    def outer(f: Jet) -> Jet:
        return f[1:, :, :, None] * f[0, :, None, :] + f[0, :, :, None] * f[1:, :, None, :]

    def between(f: Jet) -> Jet:
        return f[:, :, None, :] - f[:, :, :, None]

    decay_r, decay_s, phase = between(p.decay_r), between(p.decay_s), between(p.phase)
    # Where j < i the integral is negative: held at 0, so that what is thrown away cannot overflow.
    e_r, e_s = jnp.exp(-jnp.maximum(decay_r[0], 0.0)), jnp.exp(-jnp.maximum(decay_s[0], 0.0))
    u = p.reference[0, :, :, None] * p.reference[0, :, None, :] * e_r
    w = p.sample[0, :, :, None] * p.sample[0, :, None, :] * e_s
    cosine, sine = jnp.cos(phase[0]), jnp.sin(phase[0])
    by_u, by_w, by_phase = 2.0 * (u + w * cosine), 2.0 * (w + u * cosine), -2.0 * u * w * sine
    derivatives = (
        (by_u * e_r) * outer(p.reference)
        - (by_u * u) * decay_r[1:]
        + (by_w * e_s) * outer(p.sample)
        - (by_w * w) * decay_s[1:]
        + by_phase * phase[1:]
    )
    return jnp.concatenate([(u**2 + w**2 + 2.0 * u * w * cosine)[None], derivatives])


def _columns(reference: Jet, sample: Jet, decay_r: Jet, decay_s: Jet, phase: Jet, direction: float) -> Jet:
    """Return the four columns at frames, (K, n_block, block, 4)."""
    u, w = product(reference, exponential(-decay_r)), product(sample, exponential(-decay_s))
    beat = jnp.sqrt(2.0) * product(u, w)
    cosine, sine = cosine_and_sine(phase)
    return jnp.stack([product(u, u), product(w, w), product(beat, cosine), direction * product(beat, sine)], axis=-1)


def factors(p: Profiles) -> Factors:
    """Return the factors for pairs of different blocks."""
    left = _columns(
        p.reference,
        p.sample,
        p.over_r[:, :, None] - p.decay_r,
        p.over_s[:, :, None] - p.decay_s,
        p.over_phase[:, :, None] - p.phase,
        1.0,
    )
    # cos(a + b) = cos a cos b - sin a sin b: the sign goes to the right factor.
    right = _columns(p.reference, p.sample, p.decay_r, p.decay_s, p.phase, -1.0)
    g, h = exponential(-p.over_r), exponential(-p.over_s)
    both = product(g, h)
    c, s = (product(both, turn) for turn in cosine_and_sine(p.over_phase))
    zero = jnp.zeros_like(c)
    rows = (
        (product(g, g), zero, zero, zero),
        (zero, product(h, h), zero, zero),
        (zero, zero, c, s),
        (zero, zero, -s, c),
    )
    return Factors(left, right, jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2))


def at_pairs(p: Profiles, i: Array, j: Array) -> Jet:
    """Return M at single pairs i < j of frames, whatever their blocks, (K, n_pair)."""

    def integral(values: Jet, over: Jet) -> Jet:
        before = jnp.concatenate([jnp.zeros_like(over[:, :1]), jnp.cumsum(over, axis=1)[:, :-1]], axis=1)
        total = (values + before[:, :, None]).reshape(values.shape[0], -1)
        return total[:, j] - total[:, i]

    def share(values: Jet) -> Jet:
        flat = values.reshape(values.shape[0], -1)
        return product(flat[:, i], flat[:, j])

    u = product(share(p.reference), exponential(-integral(p.decay_r, p.over_r)))
    w = product(share(p.sample), exponential(-integral(p.decay_s, p.over_s)))
    cosine, _ = cosine_and_sine(integral(p.phase, p.over_phase))
    return product(u, u) + product(w, w) + 2.0 * product(product(u, w), cosine)
