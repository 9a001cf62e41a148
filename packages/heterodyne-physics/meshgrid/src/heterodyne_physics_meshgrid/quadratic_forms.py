"""Quadratic forms of the matrix of the model in vectors over frames, with derivatives, by one recursion each way.

The derivative of M_ij by the k-th part of a profile (`heterodyne_physics_meshgrid.factored.profiles`) is a function of
the pair that all parts of the profile share, times p_k(j) - p_k(i) for the integrals r, s and θ, with p_k the integral
of the part up to a frame, and p_k at either frame for χ. In Σ_{i<j} ∂_k M_ij z_i z_j, p_k is therefore the only factor
that differs between parts: Σ_i p_k(i) z_i h(i), where h follows from the sums over earlier and over later frames.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid.factored.profiles import TO_PARAMETERS, along_flow, profiles
from heterodyne_physics_meshgrid.pair_products import Frames, frames_of, near_products


class _Sums(NamedTuple):
    """Σ z_j over the frames before each (n_t, k), times r_j² e^{-2r}, times s_j² e^{-2s}, and times r_j s_j e^{-r-s}
    cos θ and sin θ, with amplitudes r_j and s_j there."""

    reference: Float[Array, "n_t k"]
    sample: Float[Array, "n_t k"]
    real: Float[Array, "n_t k"]
    imaginary: Float[Array, "n_t k"]


def quadratic_forms(
    vector: Float[Array, " n_par"],
    t: Float[Array, " n_t"],
    q: Float[Array, ""],
    phi: Float[Array, ""],
    z: Float[Array, "n_t k"],
    n_near: int = 1,
) -> Float[Array, "1+n_par k"]:
    """Return Σ_{i<j} M_ij z_i z_j over pairs at least `n_near` frames apart, and its derivatives by the parameters.

    `t` in s, `q` in 1/Å, `phi` in degrees. M: He et al. 2025, SI Eqs. S-77 to S-98.
    """
    frames = frames_of(vector, t, q, phi)
    before = _before(frames, z)
    after = _Sums(*(part[::-1] for part in _before(Frames(*(part[::-1] for part in frames)), z[::-1])))
    r, s = frames.reference[:, None], frames.sample[:, None]
    form = jnp.sum(z * (r**2 * before.reference + s**2 * before.sample + 2 * r * s * before.real), axis=0)
    both = _Sums(*(one + other for one, other in zip(before, after, strict=True)))
    apart = _Sums(*(one - other for one, other in zip(before, after, strict=True)))
    by_profile = (
        2 * r * s * (both.sample - both.reference) + 2 * (r**2 - s**2) * both.real,
        -2 * r * (r * apart.reference + s * apart.real),
        -2 * s * (s * apart.sample + r * apart.real),
        -2 * r * s * apart.imaginary,
    )
    parts = _parts(vector, t, q, phi)
    by_part = jnp.concatenate([of @ (z * by) for of, by in zip(parts, by_profile, strict=True)])
    found = jnp.concatenate([form[None], TO_PARAMETERS.T @ by_part])
    if n_near == 1:
        return found

    def near(values: Array) -> Array:
        return jnp.sum(z * near_products(frames_of(values, t, q, phi), z, n_near), axis=0)

    return found - jnp.concatenate([near(vector)[None], jax.jacfwd(near)(vector).T])


def _before(frames: Frames, z: Float[Array, "n_t k"]) -> _Sums:
    """Return the sums over earlier frames."""
    r, s, keep_r, keep_s, turn = frames
    both = keep_r * keep_s
    steps = (keep_r**2, keep_s**2, both * jnp.cos(turn), both * jnp.sin(turn), r[:-1], s[:-1], z[:-1])

    def step(state: _Sums, at: tuple[Array, ...]) -> tuple[_Sums, _Sums]:
        kept_r, kept_s, cosine, sine, r, s, z = at
        real, imaginary = state.real + r * s * z, state.imaginary
        found = _Sums(
            kept_r * (state.reference + r**2 * z),
            kept_s * (state.sample + s**2 * z),
            cosine * real - sine * imaginary,
            sine * real + cosine * imaginary,
        )
        return found, found

    nothing = _Sums(*(jnp.zeros_like(z[0]),) * 4)
    found = jax.lax.scan(step, nothing, steps)[1]
    return _Sums(*(jnp.concatenate([first[None], rest]) for first, rest in zip(nothing, found, strict=True)))


def _parts(vector: Array, t: Array, q: Array, phi: Array) -> list[Float[Array, "k n_t"]]:
    """Return the derivatives of χ at the frames, and those of the integrals r, s and θ up to them, by part."""
    mixing, areas = profiles(vector, t, jnp.append(jnp.diff(t), 0.0), q)
    integrals = (areas.reference[1:], areas.sample[1:], along_flow(vector, q, phi).phase(areas.displacement)[1:])
    return [mixing.derivatives, *(jnp.cumsum(steps, axis=1) - steps for steps in integrals)]
