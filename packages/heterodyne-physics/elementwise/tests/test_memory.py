"""Memory of c2 at pairs: proportional to the number of pairs, never to the square of the number of frames."""

import jax
import numpy as np
import pytest
from jaxtyping import Array
from samples import N_PAR

from heterodyne_physics_elementwise import HeterodyneModel, ShardGrid, c2_pairs, precompute_shard_grid

MEGABYTE = 2**20


def value(point: Array, grid: ShardGrid, i: Array, j: Array) -> Array:
    return c2_pairs(HeterodyneModel.from_vector(point), grid, i, j, 12.0, 0.3, 1.0)


def total(point: Array, grid: ShardGrid, i: Array, j: Array) -> Array:
    return value(point, grid, i, j).sum()


def bytes_needed(function: object, n_t: int, n_pair: int) -> int:
    """Return the memory that the compiled function takes for scratch and results."""
    grid = precompute_shard_grid(0.1 * np.arange(1, n_t + 1), 0.0054)
    index = jax.ShapeDtypeStruct((n_pair,), np.int32)
    point = jax.ShapeDtypeStruct((N_PAR,), np.float64)
    compiled = jax.jit(function).lower(point, grid, index, index).compile()  # type: ignore[arg-type]
    analysis = compiled.memory_analysis()
    return int(analysis.temp_size_in_bytes + analysis.output_size_in_bytes)


@pytest.mark.parametrize("function", [value, jax.grad(total), jax.jacfwd(value)], ids=["c2", "gradient", "jacobian"])
def test_few_pairs_of_many_frames(function: object) -> None:
    n_t = 4000
    used = bytes_needed(function, n_t, n_pair=1000)
    assert used < 4 * MEGABYTE  # one array of frames by frames alone would take 122


@pytest.mark.parametrize("function", [value, jax.grad(total)], ids=["c2", "gradient"])
def test_memory_grows_linearly_with_the_pairs(function: object) -> None:
    few, many, more = (bytes_needed(function, 200, n) for n in (50_000, 100_000, 200_000))
    # Linear growth doubles the difference; alignment and the arrays over frames are far below a percent.
    assert (more - many) / (many - few) == pytest.approx(2.0, rel=0.01)
    per_pair = (more - many) / 100_000
    assert 8 <= per_pair < 40 * 8, "its result, and at most a few dozen numbers for each pair"
