"""Many starts, one minimum: all go a few steps, the best go on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.descent import approach, descend
from heterodyne_nlsq.paths import Path
from heterodyne_nlsq.scaling import start_coefficients
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress, Solution
from heterodyne_nlsq.start.candidates import Candidate

type FloatArray = npt.NDArray[np.float64]

_HEAT = 12
"""Evaluations of the first heat."""

_FINALISTS = 3

_LEAST = 30
"""Evaluations that every finalist gets."""

_ALIKE = 1e-4
"""Relative difference of cost below which two descents are taken for the same minimum."""


class Winner(NamedTuple):
    """The best descent, where it began, and the evaluations of all."""

    solution: Solution
    origin: str
    n_evaluations: int


def race(setup: Setup, path: Path, starters: list[Candidate], progress: Progress | None) -> Winner:
    """Return the lowest minimum that a start leads to."""
    points = [np.concatenate([c.vector, _coefficients(setup, path, c.vector)]) for c in starters]
    if len(points) == 1:
        solution = descend(setup, path, points[0], progress)
        return Winner(solution, starters[0].origin, solution.n_evaluations)
    heats = [(approach(setup, path, point, _HEAT), c.origin) for point, c in zip(points, starters, strict=True)]
    spent = sum(solution.n_evaluations for solution, _ in heats)
    heats.sort(key=lambda heat: heat[0].cost)
    (first, origin), *others = _distinct(heats)
    best = descend(setup, path, first.vector, progress)
    spent += best.n_evaluations
    # The others get as long as the first took: one that creeps somewhere above does not hold up the rest.
    allowed = max(best.n_evaluations, _LEAST)
    for heat, its_origin in others:
        trial = descend(setup, path, heat.vector, progress, allowed)
        spent += trial.n_evaluations
        if trial.cost < best.cost:
            if not trial.success:
                trial = descend(setup, path, trial.vector, progress)
                spent += trial.n_evaluations
            best, origin = trial, its_origin
    return Winner(best, origin, spent)


def _distinct(heats: list[tuple[Solution, str]]) -> list[tuple[Solution, str]]:
    """Return the best heats that do not lead to the same minimum."""
    found: list[tuple[Solution, str]] = []
    for heat in heats:
        if all(heat[0].cost > (1 + _ALIKE) * other.cost for other, _ in found):
            found.append(heat)
    return found[:_FINALISTS]


def _coefficients(setup: Setup, path: Path, free: FloatArray) -> FloatArray:
    return start_coefficients(setup.scaling, np.asarray(path.scaling_sums(free, path.problem)))
