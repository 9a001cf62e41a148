"""Values of the density at many places: side by side, for they share a pass over the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.density import ShardProblem, log_density

type FloatArray = npt.NDArray[np.float64]
type Map = Callable[[Callable[[FloatArray], FloatArray], Iterable[FloatArray]], Iterator[FloatArray]]

_AT_ONCE = 64
"""Places evaluated side by side."""


def values_at(
    points: FloatArray, problem: ShardProblem, centre: FloatArray, spread: FloatArray, by: Map = map
) -> FloatArray:
    """Return ln of the density (n,) of the sampled vectors ``centre + spread @ z``, z the rows of `points` (n, n_dim).

    `by` maps blocks to their values: `map`, or that of an executor.
    """
    at, along = jnp.asarray(centre), jnp.asarray(spread)

    def block(rows: FloatArray) -> FloatArray:
        # The setting belongs to a thread. All blocks have one size, and are compiled once.
        with jax.enable_x64(True):
            full = np.zeros((_AT_ONCE, rows.shape[1]))
            full[: len(rows)] = rows
            return np.asarray(_densities(jnp.asarray(full), problem, at, along))[: len(rows)]

    return np.concatenate(list(by(block, [points[k : k + _AT_ONCE] for k in range(0, len(points), _AT_ONCE)])))


@jax.jit
def _densities(
    points: Float[Array, "n n_dim"], problem: ShardProblem, centre: Float[Array, " n_dim"], spread: Array
) -> Float[Array, " n"]:
    return jax.vmap(lambda z: log_density(centre + spread @ z, problem))(points)
