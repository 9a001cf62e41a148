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
from heterodyne_report.stages import announce

type FloatArray = npt.NDArray[np.float64]

_WORTH = 0.05
"""Part of what the data show that a twin may lack at its start and still be followed."""

_N_AGES = 64


def with_twin(setup: Setup, path: Path, outcome: Outcome, progress: Progress | None) -> Outcome:
    """Return descents with that of the best one's twin, where the twin describes the data about as well.

    At a constant x it does so exactly, and the descent ends where it begins.
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
    announce(progress, "fit with the components exchanged")
    begun = approach(setup, path, point, setup.config.nlsq.max_iterations, progress)
    if begun.success and begun.cost > BEHIND * best.cost:
        # Nearly flat, and far above: most of a descent in the valleys of a wrong description leads nowhere.
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
