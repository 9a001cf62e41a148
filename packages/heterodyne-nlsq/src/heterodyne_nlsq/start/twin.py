"""The twin of a description: the names of its components exchanged, where a model has components to exchange."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.descent import approach, descend
from heterodyne_nlsq.minima import exchanged, functions
from heterodyne_nlsq.models import knowledge_of
from heterodyne_nlsq.paths import Path
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress
from heterodyne_nlsq.start.candidate import inside
from heterodyne_nlsq.start.race import BEHIND, Final, Outcome, joined, scaled, squares
from heterodyne_report import announce_stage

type FloatArray = npt.NDArray[np.float64]

_WORTH = 0.05
"""Largest unexplained fraction of the variation of the data at which a twin is optimised."""

_N_AGES = 64


def with_twin(setup: Setup, path: Path, outcome: Outcome, progress: Progress | None) -> Outcome:
    """Return the descents including that from the twin of the best one, if the twin fits about as well.

    For constant x it fits exactly as well, and the descent ends where it starts.
    """
    (best, origin), *others = outcome.finals
    of_best = functions(best.vector, setup)
    converged = (other.solution for other in others if other.solution.success)
    if not setup.free.free or knowledge_of(setup.spec.id).exchanged(of_best) is None:
        return outcome
    if any(exchanged(of_best, functions(other.vector, setup), setup) for other in converged):
        return outcome
    point, left = scaled(setup, path, _twin(best.vector, setup))
    least = squares(path, best.vector)
    if left - least > _WORTH * (path.spread.sum() - least):
        return outcome
    announce_stage(progress, "fit with the components exchanged")
    begun = approach(setup, path, point, setup.config.nlsq.max_iterations, progress)
    if begun.success and begun.cost > BEHIND * best.cost:
        # Stop if nearly flat and far above the best: the rest of the descent would not reach it.
        return outcome._replace(n_evaluations=outcome.n_evaluations + begun.n_evaluations)
    solution = descend(setup, path, begun.vector, progress)
    spent = begun.n_evaluations + solution.n_evaluations
    return joined(outcome, Outcome([Final(solution, f"{origin}, components exchanged")], spent))


def _twin(vector: FloatArray, setup: Setup) -> FloatArray:
    """Return the free parameters (n_free,) of the twin, as near to it as the laws and the request allow."""
    free, t = setup.free, setup.data.t
    values = dict(zip(free.names, free.full(vector[: len(free.free)]).tolist(), strict=True))
    age = np.linspace(t[0], t[-1], _N_AGES)
    found = knowledge_of(setup.spec.id).traded(values, age)
    return inside(np.array([found[name] for name in free.free_names]), free)
