"""Posterior-predictive maps: mean and standard deviation of every entry, with the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.posterior import Posterior
from heterodyne_physics_elementwise import Physics, ShardGrid, c2_pairs, physics_of, precompute_shard_grid
from heterodyne_report import square_means, square_width
from heterodyne_spec import load_model

type FloatArray = npt.NDArray[np.float64]

_FEWEST, _MOST = 8, 64
"""Number of draws for mean and standard deviation."""
_ENTRIES = 3e8
"""Total number of evaluated map entries, which limits the number of draws and the time to some seconds."""
_STRIP = 2e6
"""Number of entries evaluated at once, which limits the memory."""


@dataclass(frozen=True)
class PredictiveMaps:
    """Maps as means over squares of `width` frames, (n_phi, n, n) each: the data, the posterior mean of the model, and
    the expected standard deviation of a single entry about it, from noise and posterior.

    The means exclude the diagonal, which contains shot noise and is not part of the likelihood.
    """

    data: FloatArray
    mean: FloatArray
    sd: FloatArray
    width: int
    n_draws: int


def predictive_maps(result: Posterior, width: int | None = None) -> PredictiveMaps:
    """Return the posterior-predictive maps of every azimuth, from a subset of draws of all chains.

    `width` is that of the squares; by default the smallest that a panel can resolve.
    """
    n_phi, n_t = result.observed.shape[:2]
    drawn = _drawn(result, n_t)
    width = square_width(n_t) if width is None else width
    shape = (n_phi, n_t // width, n_t // width)
    data, mean, sd = np.empty(shape), np.empty(shape), np.empty(shape)
    diagonal = np.eye(n_t, dtype=bool)
    with jax.enable_x64(True):
        grid = precompute_shard_grid(result.data.t, result.data.q)
        for a, phi in enumerate(result.data.phi):
            values, spread = _moments(physics_of(result.model["id"]), drawn, a, grid, phi)
            data[a] = square_means(np.where(diagonal, np.nan, result.observed[a]), width)
            mean[a] = square_means(np.where(diagonal, np.nan, values), width)
            sd[a] = np.sqrt(square_means(np.where(diagonal, np.nan, spread**2), width) + np.mean(drawn.noise**2))
    return PredictiveMaps(data, mean, sd, width, len(drawn.full))


def predictive_rows(result: Posterior, rows: npt.NDArray[np.int_]) -> FloatArray:
    """Return the posterior mean of c2 of some frames, counted from 0, with all others: (n_phi, n_row, n_t)."""
    drawn = _drawn(result, len(rows))
    with jax.enable_x64(True):
        grid = precompute_shard_grid(result.data.t, result.data.q)
        physics = physics_of(result.model["id"])
        return np.stack([_rows(physics, drawn, a, grid, phi, rows)[0] for a, phi in enumerate(result.data.phi)])


class _Drawn(NamedTuple):
    """Draws of which maps are evaluated: all parameters (n_draw, n_par), contrast and offset (n_draw, n_phi), noise."""

    full: FloatArray
    contrast: FloatArray
    offset: FloatArray
    noise: FloatArray


def _drawn(result: Posterior, n_row: int) -> _Drawn:
    """Return a subset of the draws of all chains, the larger the fewer rows of the maps are evaluated."""
    n_phi, n_t = result.observed.shape[:2]
    n_draws = int(np.clip(_ENTRIES / (n_phi * n_t * n_row), _FEWEST, _MOST))
    flat = np.unique(np.linspace(0, result.noise_sd.size - 1, n_draws).astype(int))
    columns = [
        result.draws[name].ravel()[flat] if name in result.draws else np.full(len(flat), result.fixed[name])
        for name in load_model(result.model["id"]).names
    ]
    contrast, offset = (part.reshape(-1, n_phi)[flat] for part in (result.contrast, result.offset))
    return _Drawn(np.stack(columns, axis=1), contrast, offset, result.noise_sd.ravel()[flat])


def _moments(physics: Physics, drawn: _Drawn, angle: int, grid: ShardGrid, phi: float) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation over the draws of the model's map at one azimuth, (n_t, n_t) each."""
    n_t = grid.t.size
    size = max(int(_STRIP // n_t), 1)
    strips = [
        _rows(physics, drawn, angle, grid, phi, np.arange(first, min(first + size, n_t)))
        for first in range(0, n_t, size)
    ]
    mean, sd = (np.concatenate([strip[k] for strip in strips]) for k in (0, 1))
    return mean, sd


def _rows(
    physics: Physics, drawn: _Drawn, angle: int, grid: ShardGrid, phi: float, rows: npt.NDArray[np.int_]
) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation over the draws of some rows of the map at one azimuth, (n_row, n_t) each."""
    parts = (drawn.full, drawn.contrast[:, angle], drawn.offset[:, angle])
    mean, sd = _strip(physics, *map(jnp.asarray, parts), grid, jnp.asarray(rows), phi)
    return np.asarray(mean), np.asarray(sd)


@jax.jit
def _strip(
    physics: Physics,
    full: Float[Array, "n_draw n_par"],
    contrast: Array,
    offset: Array,
    grid: ShardGrid,
    rows: Array,
    phi: float,
) -> tuple[Float[Array, "n_row n_t"], Float[Array, "n_row n_t"]]:
    def add(sums: tuple[Array, Array], draw: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], None]:
        vector, scale, level = draw
        frames = jnp.arange(grid.t.size)
        c2 = c2_pairs(physics.model.from_vector(vector), grid, rows[:, None], frames, phi, scale, level)
        # Relative to the first draw, because the spread is small compared to the value.
        away = c2 - first
        return (sums[0] + away, sums[1] + away**2), None

    frames = jnp.arange(grid.t.size)
    first = c2_pairs(physics.model.from_vector(full[0]), grid, rows[:, None], frames, phi, contrast[0], offset[0])
    zero = jnp.zeros_like(first)
    (total, squares), _ = jax.lax.scan(add, (zero, zero), (full, contrast, offset))
    mean = total / len(full)
    return first + mean, jnp.sqrt(jnp.maximum(squares / len(full) - mean**2, 0.0))
