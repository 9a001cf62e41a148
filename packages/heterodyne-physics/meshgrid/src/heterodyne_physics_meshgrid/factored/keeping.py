"""Values that the compiler computes once.

It fuses what is cheap to compute into every loop that reads it, and computes it there again: cosines for every row that
they are multiplied with. Kept, the sums over pairs take less than half the time.
"""

from __future__ import annotations

import jax


def kept[T](values: T) -> T:
    """Return the same values, computed once and stored (`jax.lax.optimization_barrier`)."""
    once: T = jax.lax.optimization_barrier(values)
    return once
