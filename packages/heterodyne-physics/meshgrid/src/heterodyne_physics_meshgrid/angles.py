"""Angles in degrees."""

from typing import Any

import jax.numpy as jnp


def cosine_of_degrees(angle: Any, numbers: Any = jnp) -> Any:
    """Return the cosine of `angle` (...) in degrees, (...), exactly 0 at ±90°, exactly even and of period 360°.

    `numbers` is the library of the arrays, JAX or NumPy.
    """
    # The cosine of 90° in radians is 6e-17, which a fast flow (q∫v up to 1e14) turns into a phase.
    folded = numbers.abs(angle - 360.0 * numbers.round(angle / 360.0))
    return numbers.sin(numbers.deg2rad(90.0 - folded))
