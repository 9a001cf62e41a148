"""The labels of the components in a joint fit: both assignments, and which one is reported.

With x common and nearly constant, exchanging J_r and J_s and replacing x by 1 - x fits as well. The comparison of the
two is that of `heterodyne_nlsq.minima`, its noise that of all measurements together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data import Alternative
from heterodyne_data.setup import reference_age
from heterodyne_nlsq.evidence.difference import noise_along
from heterodyne_nlsq.joint.descent import Problem, approach, descend
from heterodyne_nlsq.maps import model_maps
from heterodyne_nlsq.minima import difference, exchanged, functions, named
from heterodyne_nlsq.models import knowledge_of
from heterodyne_nlsq.solver import Progress, Solution
from heterodyne_nlsq.start.coefficients import fitted_vector
from heterodyne_nlsq.start.label_exchange import exchanged_start
from heterodyne_nlsq.start.race import BEHIND
from heterodyne_nlsq.uncertainty.calibration import Calibration

type FloatArray = npt.NDArray[np.float64]

_HEAT = 12
"""Evaluations after which an assignment that is far above the other is left."""


class Labels(NamedTuple):
    """What is known of the labels of the components: `words` if the measurements do not tell them, with the `other`
    solution, and its calibrated chi-square above the reported one."""

    words: tuple[str, ...] = ()
    other: Solution | None = None
    rise: float = 0.0


def other_labels(problem: Problem, solution: Solution, progress: Progress | None) -> Solution | None:
    """Return the joint fit with the labels of the components exchanged; None if it fits far worse, or is no other."""
    members, layout = problem.members, problem.layout
    setup, first = members[0].setup, layout.member(solution.vector, 0)
    of_first = functions(first, setup)
    if not setup.free.free or knowledge_of(setup.spec.id).exchanged(of_first) is None:
        return None
    vectors = [
        fitted_vector(member.setup, member.evaluator, exchanged_start(layout.member(solution.vector, k), member.setup))
        for k, member in enumerate(members)
    ]
    begun = approach(problem, layout.assembled(vectors), _HEAT)
    if begun.cost > BEHIND * solution.cost:
        return None
    found = descend(problem, begun.vector, progress, setup.config.nlsq.max_iterations)
    other = functions(layout.member(found.vector, 0), setup)
    return found if found.success and exchanged(of_first, other, setup) else None


def reported(
    problem: Problem, best: Solution, other: Solution, calibrations: Sequence[Calibration]
) -> tuple[Solution, Labels]:
    """Return which of two solutions with exchanged labels is reported, and what there is to say of them.

    `best` is the lower one, at which the noise of every member was calibrated.
    """
    rise = _rise(problem, best, other, calibrations)
    kept, words = named(_at_first(problem, best), _at_first(problem, other), problem.members[0].setup, rise)
    found, left = (best, other) if kept else (other, best)
    return found, Labels(words, left, rise if kept else -rise) if words else Labels()


def aligned(problem: Problem, vectors: Sequence[FloatArray]) -> list[FloatArray]:
    """Return fitted vectors (n_fit,) of the members by themselves, with the labels of the components of all as in the
    one whose components differ most.

    Between the labels, a fraction x that a member has of its own becomes 1 - x, where no descent from x arrives.
    """
    setups = [member.setup for member in problem.members]
    spec, exchange = setups[0].spec, knowledge_of(setups[0].spec.id).exchanged
    found = [functions(vector, setup) for vector, setup in zip(vectors, setups, strict=True)]
    other = [swapped for one in found if (swapped := exchange(one)) is not None]
    if not setups[0].free.free or len(other) < len(found):
        return list(vectors)
    names = {spec.function_of_group.get(spec.parameter(name).group) for name in problem.layout.common_names}

    def apart(one: Mapping[str, FloatArray], two: Mapping[str, FloatArray]) -> float:
        return sum(difference(one[name], two[name], name, setups[0]) for name in one if name in names)

    reference = max(zip(found, other, strict=True), key=lambda pair: apart(*pair))[0]
    return [
        fitted_vector(member.setup, member.evaluator, exchanged_start(vector, member.setup))
        if apart(swapped, reference) < apart(one, reference)
        else vector
        for member, vector, one, swapped in zip(problem.members, vectors, found, other, strict=True)
    ]


def alternative(problem: Problem, labels: Labels, k: int) -> tuple[Alternative, ...]:
    """Return the part of member number `k` of the solution with the other labels, if these are as good."""
    if labels.other is None:
        return ()
    member, vector = problem.members[k], problem.layout.member(labels.other.vector, k)
    free, cost = member.setup.free, float(np.sum(member.evaluator.squares(vector, member.evaluator.problem))) / 2
    parameters = dict(zip(free.names, free.full(vector[: len(free.free)]).tolist(), strict=True))
    statement = knowledge_of(member.setup.spec.id).exchange_words(reference_age(member.setup.data.t))[2]
    return (Alternative(cost, labels.rise, parameters, statement),)


def _at_first(problem: Problem, solution: Solution) -> Solution:
    """Return a joint solution as one of the first member, with the cost of all."""
    vector = problem.layout.member(solution.vector, 0)
    return Solution(vector, solution.cost, solution.success, solution.message, solution.n_evaluations)


def _rise(problem: Problem, best: Solution, other: Solution, calibrations: Sequence[Calibration]) -> float:
    """Return the calibrated chi-square of `other` above that of `best`, as `heterodyne_nlsq.evidence.comparison`."""
    total = np.zeros(2)
    for k, (member, calibration) in enumerate(zip(problem.members, calibrations, strict=True)):
        setup, data = member.setup, member.setup.data
        near = max(setup.config.data.exclude_diagonals, 1)
        here, there = (_model(problem, one, k) for one in (best, other))
        _, offset = setup.scaling.per_angle(problem.layout.member(best.vector, k)[len(setup.free.free) :])
        for a in range(data.n_phi):
            variance, squares = noise_along(
                here[a] - there[a],
                here[a] - offset[a],
                data.weight[a] * data.valid[a],
                near,
                calibration.some_pixels(a),
                calibration.parts[a],
                calibration.own[a],
            )
            # In units of the member's chi-square.
            total += np.array([variance * max(calibration.above[a], 1.0) / member.unit**2, squares / member.unit])
    variance, squares = total
    return 0.0 if variance <= 0 else float(2 * max(other.cost - best.cost, 0.0) * squares / variance)


def _model(problem: Problem, solution: Solution, k: int) -> npt.NDArray[np.float32]:
    setup, vector = problem.members[k].setup, problem.layout.member(solution.vector, k)
    n_free = len(setup.free.free)
    return model_maps(setup, setup.free.full(vector[:n_free]), *setup.scaling.per_angle(vector[n_free:]))
