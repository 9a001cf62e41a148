"""Race: a few steps from every start, then complete descents from the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.descent import approach, descend, mean_square
from heterodyne_nlsq.evaluators import Evaluator
from heterodyne_nlsq.evidence.comparison import OBVIOUS
from heterodyne_nlsq.minima import same_minimum
from heterodyne_nlsq.models import Candidate
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress, Solution
from heterodyne_nlsq.start.coefficients import fitted_vector
from heterodyne_nlsq.uncertainty.inflation import is_white
from heterodyne_report import Stage, announce_stage, numbered_stage

type FloatArray = npt.NDArray[np.float64]

WORTH = 1.1
"""Largest misfit of a candidate. In 40 random experiments, the best description led to the lowest minimum whenever any
did (38). The second-best is always included."""

HEAT = 12
"""Number of evaluations of the short descents."""

BEHIND = 1.05
"""Cost after the short descent, relative to the best, beyond which a candidate is dropped."""

_FINALISTS = 3

LEAST = 30
"""Evaluations that every finalist gets."""

_ALIKE = 1e-4
"""Relative difference of cost below which two descents may converge to the same minimum."""


class Final(NamedTuple):
    """A complete descent and its origin."""

    solution: Solution
    origin: str


class Descents(NamedTuple):
    """The complete descents, lowest cost first, and the total number of evaluations."""

    finals: list[Final]
    n_evaluations: int


def race(setup: Setup, evaluator: Evaluator, starters: list[Candidate], progress: Progress | None) -> Descents:
    """Return the minima reached from the starts."""
    chosen = [c for k, c in enumerate(starters) if c.misfit <= WORTH or k == 1]
    points = [fitted_vector(setup, evaluator, c.vector) for c in chosen]
    if len(points) == 1:
        announce_stage(progress, numbered_stage(Stage.FITS, 1, 1))
        solution = descend(setup, evaluator, points[0], progress)
        return Descents([Final(solution, chosen[0].origin)], solution.n_evaluations)
    limit = setup.config.nlsq.max_iterations
    heats = []
    for k, (point, c) in enumerate(zip(points, chosen, strict=True)):
        announce_stage(progress, numbered_stage("short fit", k + 1, len(points)))
        heats.append(Final(approach(setup, evaluator, point, min(HEAT, limit), progress), c.origin))
    spent = sum(heat.solution.n_evaluations for heat in heats)
    first, *others = _different(sorted(heats, key=lambda heat: heat.solution.cost), setup)
    announce_stage(progress, numbered_stage(Stage.FITS, 1, 1 + len(others)))
    best = descend(setup, evaluator, first.solution.vector, progress)
    others = hopeful(setup, evaluator, best, others)
    descents = beside(setup, evaluator, Final(best, first.origin), others, progress)
    return descents._replace(n_evaluations=descents.n_evaluations + spent)


def hopeful(setup: Setup, evaluator: Evaluator, best: Solution, others: list[Final]) -> list[Final]:
    """Return the short descents that may lead lower than the best complete one.

    Where what that one leaves is white, there is nothing else to be described: one that has come to rest far above does
    not get there.
    """
    resting = [other.solution.success and other.solution.cost > best.cost for other in others]
    if not any(resting) or not best.success:
        return others
    variance = mean_square(evaluator, best)
    if not is_white(setup, best.vector, variance):
        return others
    far = [2 * (other.solution.cost - best.cost) > OBVIOUS * variance for other in others]
    return [other for other, *both in zip(others, resting, far, strict=True) if not all(both)]


def beside(
    setup: Setup, evaluator: Evaluator, first: Final, others: Sequence[Final], progress: Progress | None
) -> Descents:
    """Return a complete descent together with others, which are completed.

    Each gets as many evaluations as the first took, so that a slow one does not delay the rest.
    """
    finals, spent = [first], first.solution.n_evaluations
    allowed = min(max(spent, LEAST), setup.config.nlsq.max_iterations)
    for k, (begun, origin) in enumerate(others):
        announce_stage(progress, numbered_stage(Stage.FITS, k + 2, 1 + len(others)))
        trial = descend(setup, evaluator, begun.vector, progress, allowed)
        spent += trial.n_evaluations
        if trial.cost < min(final.solution.cost for final in finals) and not trial.success:
            trial = descend(setup, evaluator, trial.vector, progress)
            spent += trial.n_evaluations
        finals.append(Final(trial, origin))
    return Descents(sorted(finals, key=lambda final: final.solution.cost), spent)


def joined(one: Descents, other: Descents) -> Descents:
    """Return the descents of both."""
    finals = sorted([*one.finals, *other.finals], key=lambda final: final.solution.cost)
    return Descents(finals, one.n_evaluations + other.n_evaluations)


def _different(heats: list[Final], setup: Setup) -> list[Final]:
    """Return the best short descents of a sorted list, without those converging to the same minimum."""
    found: list[Final] = []
    for heat in heats:
        cost, vector = heat.solution.cost, heat.solution.vector
        if cost > BEHIND * heats[0].solution.cost:
            break
        if not any(
            cost < (1 + _ALIKE) * other.cost and same_minimum(vector, other.vector, setup) for other, _ in found
        ):
            found.append(heat)
    return found[:_FINALISTS]


def compile_evaluation(setup: Setup, evaluator: Evaluator) -> None:
    """Compile the functions of a descent before it begins, by one evaluation at the configured values."""
    if setup.config.nlsq.loss == "linear":
        vector = fitted_vector(setup, evaluator, setup.free.start[list(setup.free.free)])
        evaluator.normal(vector, evaluator.problem)
