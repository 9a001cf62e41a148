"""Check that JAX computes in float64, which entry points enable and libraries require."""

import jax
import jax.numpy as jnp


def require_float64(*trees: object) -> None:
    """Raise unless JAX runs in float64 and every floating leaf of `trees` has it.

    Raises
    ------
    RuntimeError : if it does not; float32 is not precise enough for phases of a thousand radians.
    """
    remedy = "run jax.config.update('jax_enable_x64', True) before building any array"
    if jnp.result_type(float) != jnp.float64:
        raise RuntimeError(f"the heterodyne model needs float64, and JAX runs in float32; {remedy}")
    for leaf in jax.tree.leaves(trees):
        dtype = getattr(leaf, "dtype", None)
        if dtype is not None and jnp.issubdtype(dtype, jnp.floating) and dtype != jnp.float64:
            raise RuntimeError(f"the heterodyne model needs float64, found an array of {dtype}; {remedy}")
