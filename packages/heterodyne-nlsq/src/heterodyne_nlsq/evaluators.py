"""The two evaluators of the normal equations, and the choice between them.

*Factored*: sums over pairs from small factors; exact, fast, needs only the memory of the data; for the linear loss.
*Dense*: all residuals and their Jacobian; for all cases, and the reference for the factored sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import FreeParameters, Scaling
from heterodyne_nlsq import dense, factored
from heterodyne_nlsq.normal import NormalEquations
from heterodyne_nlsq.setup import Setup
from heterodyne_physics_meshgrid import Physics
from heterodyne_physics_meshgrid.factored import halve_maps

type FloatArray = npt.NDArray[np.float64]

_ROWS = 256
"""Number of rows of a map counted at a time, so that large maps are not copied whole."""

_EXCLUDED_PER_FRAME = 64
"""Number of individually excluded pairs per frame beyond which the dense evaluator is faster."""


@dataclass(frozen=True)
class Evaluator:
    """A problem with the compiled functions that evaluate it; all take the fitted vector and the problem.

    `scaling_sums` takes the free parameters instead of the whole vector. `n_pairs`, `weights` and `spread`, (n_phi,),
    are the number of valid pairs, the sum of their weights, and the weighted squares of the data about their mean.
    """

    name: str
    problem: Any
    normal: Callable[[Any, Any], NormalEquations]
    matrices: Callable[[Any, Any], Any]
    squares: Callable[[Any, Any], Any]
    scaling_sums: Callable[[Any, Any], Any]
    n_pairs: npt.NDArray[np.int_]
    weights: FloatArray
    spread: FloatArray


def normal_of(evaluator: Evaluator) -> Callable[[FloatArray], NormalEquations]:
    """Return the normal equations as a function of the fitted vector alone."""
    return lambda vector: evaluator.normal(vector, evaluator.problem)


def with_free(evaluator: Evaluator, free: FreeParameters) -> Evaluator:
    """Return the evaluator of the same data with other parameters free; nothing is read again."""
    problem = evaluator.problem._replace(base=free.base, expand=free.expand)
    return replace(evaluator, problem=problem)


def normal_with(
    evaluator: Evaluator, setup: Setup, c2: npt.NDArray[np.floating], vector: FloatArray
) -> NormalEquations:
    """Return the normal equations at a fitted vector with other maps (n_phi, n_t, n_t) in place of those of the data.

    A pair that does not count in the data is NaN in them.
    """
    data, near = setup.data, setup.config.data.exclude_diagonals
    if evaluator.name == "factored":
        problem = evaluator.problem._replace(maps=halve_maps(c2, data.t, data.weight * data.valid, near))
    else:
        given = evaluator.problem
        values = np.stack([one[given.i, given.j] for one in c2])
        problem = given._replace(data=jnp.asarray(np.nan_to_num(values), float))
    return evaluator.normal(vector, problem)


_REMEMBERED = 8
"""Number of points whose normal equations are cached, because the steps after the descent reuse some of them."""


def remembered(evaluator: Evaluator) -> Evaluator:
    """Return the same evaluator with a cache of the normal equations at the latest points."""
    known: dict[bytes, NormalEquations] = {}

    def normal(vector: Any, problem: Any) -> NormalEquations:
        key = np.asarray(vector, float).tobytes()
        found = known.pop(key, None) if problem is evaluator.problem else None
        if found is None:
            found = evaluator.normal(vector, problem)
        if problem is evaluator.problem:
            known[key] = found
            if len(known) > _REMEMBERED:
                del known[next(iter(known))]
        return found

    return replace(evaluator, normal=normal)


def count_pairs(data: TwoTimeData, exclude_diagonals: int) -> npt.NDArray[np.int_]:
    """Return the number of pairs of each azimuth used in a fit, (n_phi,)."""
    return np.array([sum(_in_rows(data, a, exclude_diagonals)) for a in range(data.n_phi)], int)


def _in_rows(data: TwoTimeData, a: int, exclude_diagonals: int) -> Iterator[int]:
    weight, frames = data.weight[a] * data.valid[a], np.arange(data.n_t)
    for first in range(0, data.n_t, _ROWS):
        rows, later = slice(first, first + _ROWS), slice(first, None)
        apart = frames[later] - frames[rows, None] >= max(exclude_diagonals, 1)
        counts = apart & np.isfinite(data.c2[a, rows, later]) & (weight[rows, None] * weight[later] > 0)
        yield int(np.count_nonzero(counts))


def choose_evaluator(setup: Setup) -> Evaluator:
    """Return the factored evaluator if the model has it and it is exact and faster, otherwise the dense one."""
    if setup.config.nlsq.loss == "linear" and setup.physics.inner_products is not None:
        problem = factored.factored_problem(*_asked(setup))
        maps = problem.maps
        if maps.excluded_i.shape[1] <= _EXCLUDED_PER_FRAME * setup.data.n_t:
            return Evaluator(
                "factored",
                problem,
                factored.normal,
                factored.matrices,
                factored.squares,
                factored.scaling_sums,
                np.asarray(maps.n_pairs),
                np.asarray(maps.one),
                np.asarray(maps.dd) - np.asarray(maps.d) ** 2 / np.maximum(maps.one, 1e-300),
            )
    return dense_evaluator(setup)


def _asked(setup: Setup) -> tuple[TwoTimeData, FreeParameters, Scaling, int, Physics]:
    return setup.data, setup.free, setup.scaling, setup.config.data.exclude_diagonals, setup.physics


def dense_evaluator(setup: Setup) -> Evaluator:
    """Return the dense evaluator."""
    problem = dense.dense_problem(*_asked(setup))
    weight = np.asarray(problem.root_weight) ** 2
    weights, values = np.sum(weight, axis=1), np.asarray(problem.data)
    mean = np.sum(weight * values, axis=1) / np.maximum(weights, 1e-300)
    return Evaluator(
        "dense",
        problem,
        dense.normal,
        dense.matrices,
        dense.squares,
        dense.scaling_sums,
        np.count_nonzero(weight, axis=1),
        weights,
        np.sum(weight * (values - mean[:, None]) ** 2, axis=1),
    )
