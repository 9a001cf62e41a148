"""Products of the matrix of the model with vectors over frames, in time and memory proportional to the frames.

For i < j the bracket is M_ij = u² + w² + 2 u w cos θ with u, w and θ composed of steps between consecutive frames
(`heterodyne_physics_meshgrid.factored.profiles`). A sum over all earlier frames, Σ_{j<i} M_ij z_j, is then a recursion
of four numbers, which decay or rotate at each step: it is stable for any decays.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid._generated.two_component import HeterodyneModel
from heterodyne_physics_meshgrid.angles import cosine_of_degrees


class Frames(NamedTuple):
    """Amplitudes at the frames (n_t,), and decays of the fields and their relative rotation per step (n_t - 1,)."""

    reference: Array
    sample: Array
    keep_reference: Array
    keep_sample: Array
    turn: Array


def frames_of(vector: Array, t: Array, q: Array, phi: Array) -> Frames:
    """Return the frames of a parameter vector at one azimuth."""
    model, dt = HeterodyneModel.from_vector(vector), jnp.diff(t)

    def steps(function: Array) -> Array:
        return dt * (function[:-1] + function[1:]) / 2

    x = model.x(t)
    norm = jnp.sqrt(x**2 + (1 - x) ** 2)
    along = q * cosine_of_degrees(phi + model.phi0)
    decays = (jnp.exp(-(q**2) / 2 * steps(model.J_r(t))), jnp.exp(-(q**2) / 2 * steps(model.J_s(t))))
    return Frames((1 - x) / norm, x / norm, *decays, along * steps(model.v(t)))


def _earlier(frames: Frames, z: Float[Array, "n_t k"]) -> Float[Array, "n_t k"]:
    """Return Σ_{j<i} M_ij z_j."""
    r, s, keep_r, keep_s, turn = frames
    both = keep_r * keep_s
    turned = (both * jnp.cos(turn), both * jnp.sin(turn))
    steps: tuple[Array, ...] = (keep_r**2, keep_s**2, *turned, r[:-1], s[:-1], r[1:], s[1:], z[:-1])

    def step(state: tuple[Array, ...], at: tuple[Array, ...]) -> tuple[tuple[Array, ...], Array]:
        kept_r, kept_s, cosine, sine, r0, s0, r1, s1, before = at
        of_r, of_s, real, imaginary = state
        of_r, of_s = kept_r * (of_r + r0**2 * before), kept_s * (of_s + s0**2 * before)
        real = real + r0 * s0 * before
        real, imaginary = cosine * real - sine * imaginary, sine * real + cosine * imaginary
        return (of_r, of_s, real, imaginary), r1**2 * of_r + s1**2 * of_s + 2 * r1 * s1 * real

    nothing: tuple[Array, ...] = (jnp.zeros_like(z[0]),) * 4
    _, found = jax.lax.scan(step, nothing, steps)
    return jnp.concatenate([nothing[0][None], found])


def near_products(frames: Frames, z: Array, n_near: int) -> Array:
    """Return Σ M_ij z_j over earlier j closer than `n_near` frames."""
    r, s, keep_r, keep_s, turn = frames
    n_t = z.shape[0]
    step = (jnp.append(keep_r, 0.0), jnp.append(keep_s, 0.0), jnp.append(turn, 0.0))

    def one_lag(lag: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        found, u, w, angle = state
        # One step more from frame j; frames beyond the end have amplitude zero.
        u, w, angle = (
            u * jnp.roll(step[0], 1 - lag),
            w * jnp.roll(step[1], 1 - lag),
            angle + jnp.roll(step[2], 1 - lag),
        )
        inside = jnp.arange(n_t) < n_t - lag
        a, b = r * jnp.roll(r, -lag) * u, s * jnp.roll(s, -lag) * w
        m = jnp.where(inside, a**2 + b**2 + 2 * a * b * jnp.cos(angle), 0.0)
        return found + jnp.roll(m[:, None] * z, lag, axis=0), u, w, angle

    state = (jnp.zeros_like(z), jnp.ones(n_t), jnp.ones(n_t), jnp.zeros(n_t))
    return jax.lax.fori_loop(1, n_near, one_lag, state)[0] if n_near > 1 else state[0]


def pair_products(
    vector: Float[Array, " n_par"],
    t: Float[Array, " n_t"],
    q: Float[Array, ""],
    phi: Float[Array, ""],
    z: Float[Array, "n_t k"],
    n_near: int = 1,
    later: bool = False,
) -> Float[Array, "n_t k"]:
    """Return Σ_j M_ij z_j over the frames j ≤ i - `n_near`, with `later` also over j ≥ i + `n_near`.

    `t` in s, `q` in 1/Å, `phi` in degrees. Without `later`, z' times this is the quadratic form over pairs of frames at
    least `n_near` apart, each pair once. M: He et al. 2025, SI Eqs. S-77 to S-98.
    """
    frames = frames_of(vector, t, q, phi)
    found = _earlier(frames, z) - near_products(frames, z, n_near)
    if not later:
        return found
    # M is symmetric, so that later frames are handled by reversing time.
    backward = Frames(*(part[::-1] for part in frames))
    return found + (_earlier(backward, z[::-1]) - near_products(backward, z[::-1], n_near))[::-1]
