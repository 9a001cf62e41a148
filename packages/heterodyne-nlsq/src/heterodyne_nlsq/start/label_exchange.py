"""A second descent with the labels of the components exchanged, for models whose components may be exchanged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.descent import approach, descend, variance_unit
from heterodyne_nlsq.evaluators import Evaluator, dense_evaluator
from heterodyne_nlsq.evidence.comparison import OBVIOUS
from heterodyne_nlsq.minima import exchanged, functions
from heterodyne_nlsq.models import inside, knowledge_of
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress
from heterodyne_nlsq.start.coefficients import scaled, squares
from heterodyne_nlsq.start.race import BEHIND, Descents, Final, joined
from heterodyne_nlsq.thinned import thinned
from heterodyne_report import announce_stage

type FloatArray = npt.NDArray[np.float64]

_WORTH = 0.05
"""Largest unexplained fraction of the variation of the data at which the exchanged labels are optimised."""

_N_AGES = 64


def with_labels_exchanged(
    setup: Setup, evaluator: Evaluator, descents: Descents, progress: Progress | None
) -> Descents:
    """Return the descents, and one from the best with the labels exchanged if that fits about as well.

    For constant x it fits exactly as well, and the descent ends where it starts.
    """
    (best, origin), *others = descents.finals
    of_best = functions(best.vector, setup)
    converged = (other.solution for other in others if other.solution.success)
    if not setup.free.free or knowledge_of(setup.spec.id).exchanged(of_best) is None:
        return descents
    if any(exchanged(of_best, functions(other.vector, setup), setup) for other in converged):
        return descents
    point, left = scaled(setup, evaluator, _settled(setup, exchanged_start(best.vector, setup)))
    least = squares(evaluator, best.vector)
    if left - least > _WORTH * (evaluator.spread.sum() - least):
        return descents
    announce_stage(progress, "fit with the components exchanged")
    begun = approach(setup, evaluator, point, setup.config.nlsq.max_iterations, progress)
    unit = variance_unit(setup, evaluator, best)
    if begun.success and (begun.cost > BEHIND * best.cost or 2 * (begun.cost - best.cost) > OBVIOUS * unit):
        # Stop if nearly flat and far above the best: the rest of the descent would not reach it.
        return descents._replace(n_evaluations=descents.n_evaluations + begun.n_evaluations)
    solution = descend(setup, evaluator, begun.vector, progress, unit=unit)
    spent = begun.n_evaluations + solution.n_evaluations
    return joined(descents, Descents([Final(solution, f"{origin}, components exchanged")], spent))


def _settled(setup: Setup, free: FloatArray) -> FloatArray:
    """Return free parameters (n_free,) after a descent for a subset of the frames, if they are many: most steps from a
    start that is only roughly right need no more."""
    few = thinned(setup)
    if few is None:
        return free
    evaluator = dense_evaluator(few)
    point, _ = scaled(few, evaluator, free)
    return approach(few, evaluator, point, setup.config.nlsq.max_iterations).vector[: free.size]


def exchanged_start(vector: FloatArray, setup: Setup) -> FloatArray:
    """Return the free parameters (n_free,) with the labels exchanged, as closely as the laws and the bounds permit."""
    free, t = setup.free, setup.data.t
    values = dict(zip(free.names, free.full(vector[: len(free.free)]).tolist(), strict=True))
    age = np.linspace(t[0], t[-1], _N_AGES)
    found = knowledge_of(setup.spec.id).exchanged_parameters(values, age)
    return inside(np.array([found[name] for name in free.free_names]), free)
