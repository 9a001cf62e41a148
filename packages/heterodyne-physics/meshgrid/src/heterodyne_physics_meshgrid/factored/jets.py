"""Values with their first derivatives by K - 1 parameters along a leading axis: ``jet[0]`` the value, ``jet[k]``
the derivative by parameter k. The few operations that the factors need, written out: nested automatic differentiation
of the same takes several times as long to compile.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

type Jet = Float[Array, "K *shape"]


def product(a: Jet, b: Jet) -> Jet:
    """Return a b."""
    both = a * b[:1] + a[:1] * b
    return both.at[0].set(a[0] * b[0])


def exponential(a: Jet) -> Jet:
    """Return e^a."""
    value = jnp.exp(a[:1])
    return (value * a).at[0].set(value[0])


def cosine_and_sine(a: Jet) -> tuple[Jet, Jet]:
    """Return cos a and sin a."""
    c, s = jnp.cos(a[:1]), jnp.sin(a[:1])
    return (-s * a).at[0].set(c[0]), (c * a).at[0].set(s[0])
