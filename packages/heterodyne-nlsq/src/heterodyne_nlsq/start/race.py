"""Many starts, one minimum: all go a few steps, the best go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.descent import approach, descend
from heterodyne_nlsq.minima import same_minimum
from heterodyne_nlsq.paths import Path
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress, Solution
from heterodyne_nlsq.start.candidate import Candidate
from heterodyne_nlsq.start.coefficients import start_coefficients
from heterodyne_report.stages import FITS, announce, numbered

type FloatArray = npt.NDArray[np.float64]

WORTH = 1.1
"""Misfit up to which a candidate takes part. In a survey of 40 random experiments the best description led to the
lowest minimum wherever any did (38). The second takes part in any case."""

HEAT = 12
"""Evaluations of the first heat."""

BEHIND = 1.05
"""Cost after the heat, relative to the best, beyond which a candidate is dropped."""

_FINALISTS = 3

_LEAST = 30
"""Evaluations that every finalist gets."""

_ALIKE = 1e-4
"""Relative difference of cost below which two descents may be on their way to the same minimum."""


class Final(NamedTuple):
    """A descent that went on to its end, and where it began."""

    solution: Solution
    origin: str


class Outcome(NamedTuple):
    """The descents to the end, lowest cost first, and the evaluations of all."""

    finals: list[Final]
    n_evaluations: int


def race(setup: Setup, path: Path, starters: list[Candidate], progress: Progress | None) -> Outcome:
    """Return the minima that the starts lead to."""
    chosen = [c for k, c in enumerate(starters) if c.misfit <= WORTH or k == 1]
    points = [fitted_vector(setup, path, c.vector) for c in chosen]
    if len(points) == 1:
        announce(progress, numbered(FITS, 1, 1))
        solution = descend(setup, path, points[0], progress)
        return Outcome([Final(solution, chosen[0].origin)], solution.n_evaluations)
    limit = setup.config.nlsq.max_iterations
    heats = []
    for k, (point, c) in enumerate(zip(points, chosen, strict=True)):
        announce(progress, numbered("short fit", k + 1, len(points)))
        heats.append(Final(approach(setup, path, point, min(HEAT, limit), progress), c.origin))
    spent = sum(heat.solution.n_evaluations for heat in heats)
    first, *others = _different(sorted(heats, key=lambda heat: heat.solution.cost), setup)
    announce(progress, numbered(FITS, 1, 1 + len(others)))
    best = descend(setup, path, first.solution.vector, progress)
    outcome = beside(setup, path, Final(best, first.origin), others, progress)
    return outcome._replace(n_evaluations=outcome.n_evaluations + spent)


def beside(setup: Setup, path: Path, first: Final, others: Sequence[Final], progress: Progress | None) -> Outcome:
    """Return a descent that has come to its end and others that have only begun, taken to theirs.

    They get as long as the first took: one that creeps somewhere above does not hold up the rest.
    """
    finals, spent = [first], first.solution.n_evaluations
    allowed = min(max(spent, _LEAST), setup.config.nlsq.max_iterations)
    for k, (begun, origin) in enumerate(others):
        announce(progress, numbered(FITS, k + 2, 1 + len(others)))
        trial = descend(setup, path, begun.vector, progress, allowed)
        spent += trial.n_evaluations
        if trial.cost < min(final.solution.cost for final in finals) and not trial.success:
            trial = descend(setup, path, trial.vector, progress)
            spent += trial.n_evaluations
        finals.append(Final(trial, origin))
    return Outcome(sorted(finals, key=lambda final: final.solution.cost), spent)


def joined(one: Outcome, other: Outcome) -> Outcome:
    """Return the descents of both."""
    finals = sorted([*one.finals, *other.finals], key=lambda final: final.solution.cost)
    return Outcome(finals, one.n_evaluations + other.n_evaluations)


def _different(heats: list[Final], setup: Setup) -> list[Final]:
    """Return the best heats of a sorted list, without those that are on their way to the same minimum."""
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


def compile_evaluation(setup: Setup, path: Path) -> None:
    """Have compiled what a descent evaluates, before the first begins: one evaluation at the configuration's values."""
    if setup.config.nlsq.loss == "linear":
        vector = fitted_vector(setup, path, setup.free.start[list(setup.free.free)])
        path.normal(vector, path.problem)


def fitted_vector(setup: Setup, path: Path, free: FloatArray) -> FloatArray:
    """Return free parameters (n_free,) with the scaling coefficients that suit them best, (n_fit,)."""
    return scaled(setup, path, free)[0]


def scaled(setup: Setup, path: Path, free: FloatArray) -> tuple[FloatArray, float]:
    """Return free parameters (n_free,) with the scaling coefficients that suit them best, (n_fit,), and the sum of
    squared residuals there."""
    sums = np.asarray(path.scaling_sums(free, path.problem))
    coefficients = start_coefficients(setup.scaling, sums)
    contrast, offset = setup.scaling.per_angle(coefficients)
    one, m, mm, d, dm = sums.T
    mean = d / np.maximum(one, 1e-300)
    off = offset - mean
    # About the mean of the data: sums of their squares would cancel.
    squares = path.spread + off**2 * one - 2 * contrast * (dm - mean * m) + 2 * off * contrast * m + contrast**2 * mm
    return np.concatenate([free, coefficients]), float(np.sum(squares))


def squares(path: Path, vector: FloatArray) -> float:
    """Return the sum of squared residuals of all azimuths at a fitted vector (n_fit,), whatever the loss is."""
    return float(np.sum(np.asarray(path.squares(vector, path.problem))))
