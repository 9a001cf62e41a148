"""Products of the inverse of the matrix of the model plus a diagonal, in time and memory proportional to the frames.

For j < i the bracket is M_ij = c_iᵀ T_i ⋯ T_{j+1} c_j, with four numbers c per frame, c_iᵀ c_i = 1, and T the decay and
rotation of a step (`heterodyne_physics_meshgrid.pair_products`). M + diag(noise) = L D Lᵀ then has L_ij = c_iᵀ T_i ⋯
T_{j+1} w_j: factors and solutions are recursions over frames (Foreman-Mackey et al., Astron. J. 154, 220 (2017)).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from heterodyne_physics_meshgrid.pair_products import Frames, frames_of

type State = tuple[Array, ...]
"""Four numbers per column of z."""


def _columns(frames: Frames) -> Float[Array, "n_t 4"]:
    """Return c of every frame; the last number only passes through rotations."""
    r, s = frames.reference, frames.sample
    return jnp.stack([r**2, s**2, jnp.sqrt(2.0) * r * s, jnp.zeros_like(r)], axis=1)


def _steps(frames: Frames) -> Float[Array, "n_t 4"]:
    """Return the step to every frame from the one before: two decays, and cosine and sine of a decaying rotation."""
    both = frames.keep_reference * frames.keep_sample
    parts = (frames.keep_reference**2, frames.keep_sample**2, both * jnp.cos(frames.turn), both * jnp.sin(frames.turn))
    return jnp.pad(jnp.stack(parts, axis=1), ((1, 0), (0, 0)))


def _passed(step: Float[Array, " 4"], state: State, turn: float = 1.0) -> State:
    """Return T times a state, rotated forwards (`turn` 1); or Tᵀ times it (-1)."""
    cosine, sine = step[2], turn * step[3]
    turned = cosine * state[2] - sine * state[3], sine * state[2] + cosine * state[3]
    return step[0] * state[0], step[1] * state[1], *turned


def _factors(
    steps: Float[Array, "n_t 4"], columns: Float[Array, "n_t 4"], noise: Float[Array, " n_t"]
) -> tuple[Float[Array, "n_t 4"], Float[Array, " n_t"]]:
    """Return w of every frame, and the inverse of D; both are 0 for a frame of infinite noise."""

    def both_sides(step: Array, state: Float[Array, "4 4"]) -> Array:
        once = jnp.stack(_passed(step, tuple(state)))
        return jnp.stack(_passed(step, tuple(once.T)))

    def one(state: Array, at: tuple[Array, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        step, column, extra = at
        state = both_sides(step, state)
        gain = column - state @ column
        inverse = 1.0 / (column @ gain + extra)
        return state + inverse * jnp.outer(gain, gain), (inverse * gain, inverse)

    return jax.lax.scan(one, jnp.zeros((4, 4)), (steps, columns, noise))[1]


def inverse_products(
    vector: Float[Array, " n_par"],
    t: Float[Array, " n_t"],
    q: Float[Array, ""],
    phi: Float[Array, ""],
    noise: Float[Array, " n_t"],
    z: Float[Array, "n_t k"],
) -> Float[Array, "n_t k"]:
    """Return (M + diag(noise))⁻¹ z, with M_ii = 1.

    `t` in s, `q` in 1/Å, `phi` in degrees, `noise` positive; a frame of infinite noise does not take part, and has 0.
    """
    frames = frames_of(vector, t, q, phi)
    steps, columns = _steps(frames), _columns(frames)
    w, inverse = _factors(steps, columns, noise)

    def forwards(state: State, at: tuple[Array, ...]) -> tuple[State, Array]:
        step, c, gain, value = at
        state = _passed(step, state)
        value = value - (c[0] * state[0] + c[1] * state[1] + c[2] * state[2])
        return tuple(part + one * value for part, one in zip(state, gain, strict=True)), value

    def backwards(state: State, at: tuple[Array, ...]) -> tuple[State, Array]:
        step, c, gain, scale, value = at
        found = scale * value - sum(one * part for one, part in zip(gain, state, strict=True))
        later = tuple(part + one * found for part, one in zip(state, c, strict=True))
        return _passed(step, later, -1.0), found

    nothing: State = (jnp.zeros_like(z[0]),) * 4
    _, solved = jax.lax.scan(forwards, nothing, (steps, columns, w, z))
    return jax.lax.scan(backwards, nothing, (steps, columns, w, inverse, solved), reverse=True)[1]
