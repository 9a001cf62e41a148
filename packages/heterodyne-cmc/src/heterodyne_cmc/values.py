"""Vectorised evaluation of the density at many points, which share a pass over the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import Density

type FloatArray = npt.NDArray[np.float64]
type Map = Callable[[Callable[[FloatArray], list[FloatArray]], Iterable[FloatArray]], Iterator[list[FloatArray]]]
"""Function that processes the blocks: `map`, or that of an executor."""

_AT_ONCE = 64
"""Number of points evaluated at once."""


def values_at(
    points: FloatArray, problem: Density, centre: FloatArray, spread: FloatArray, by: Map = map
) -> FloatArray:
    """Return ln of the density (n,) of the vectors ``centre + spread @ z``, z the rows of `points` (n, n_dim)."""
    at, along = jnp.asarray(centre), jnp.asarray(spread)
    (values,) = in_blocks(lambda rows: [_densities(rows, problem, at, along)], points, by)
    return values


def in_blocks(of: Callable[[Array], Sequence[Array]], rows: FloatArray, by: Map = map) -> list[FloatArray]:
    """Return the arrays (n, ...) that a compiled function gives for `rows` (n, n_dim), evaluated in blocks."""

    def block(some: FloatArray) -> list[FloatArray]:
        # The setting is local to a thread. All blocks have one size, and are compiled once.
        with jax.enable_x64(True):
            full = np.zeros((_AT_ONCE, some.shape[1]))
            full[: len(some)] = some
            return [np.asarray(part)[: len(some)] for part in of(jnp.asarray(full))]

    done = by(block, [rows[k : k + _AT_ONCE] for k in range(0, len(rows), _AT_ONCE)])
    return [np.concatenate(parts) for parts in zip(*done, strict=True)]


@jax.jit
def _densities(
    points: Float[Array, "n n_dim"], problem: Density, centre: Float[Array, " n_dim"], spread: Array
) -> Float[Array, " n"]:
    return jax.vmap(lambda z: problem.log_density(centre + spread @ z))(points)
