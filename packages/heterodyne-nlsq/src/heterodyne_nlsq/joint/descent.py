"""The descent of a joint fit: the sum of the members' normal equations, in straight coordinates.

The chi-square of every member is divided by the variance of a pair, inflation by shared noise included: members with
more noise count less.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq import priors
from heterodyne_nlsq.coordinates import (
    Coordinates,
    around,
    at_edge,
    box,
    fitted,
    from_parameters,
    hold,
    inside,
    make_coordinates,
    plain,
    slope_of_fitted,
)
from heterodyne_nlsq.descent import BASELINE, REGULAR, LastEvaluation
from heterodyne_nlsq.evaluators import Evaluator
from heterodyne_nlsq.joint.layout import Layout
from heterodyne_nlsq.normal import NormalEquations, equivalent_problem, turned
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.priors import WALL, Priors, Weights, make_priors
from heterodyne_nlsq.representative import Landscape, courses_of, made_landscape
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import NOT_CONVERGED, TOLERANCE, Progress, Solution, least_squares

type FloatArray = npt.NDArray[np.float64]

_NEARLY_FLAT = 1e-3
"""Relative change of chi-square at which the descent changes to straight coordinates."""

_SETTLED = 1e-2
"""Change of chi-square below which a descent ends."""

_ROUNDS = 6
"""Maximum number of times that parameters reach or leave a bound."""

_EXPONENT = 1.5
"""Largest distance of an exponent of q from that of the model, and the scale of its prior."""


@dataclass(frozen=True)
class Member:
    """A measurement of a joint fit: `unit` is the variance of a pair, the inflation by shared noise included."""

    label: str
    setup: Setup
    evaluator: Evaluator
    unit: float


@dataclass(frozen=True)
class Problem:
    """The members of a joint fit, and where their parameters stand in its vector."""

    members: tuple[Member, ...]
    layout: Layout

    @functools.cached_property
    def coordinates(self) -> Coordinates:
        """The straight coordinates of the leading entries of the joint vector.

        A law whose parameters are common in part keeps its own parameters.
        """
        ages = np.unique(np.concatenate([member.setup.data.t for member in self.members]))
        setup, layout, n = self.members[0].setup, self.layout, len(self.layout.names)
        one = make_coordinates(setup.spec, setup.free, ages)
        laws, common = one.laws, layout.common
        rows, kept = [], []
        for k, places in enumerate(layout.places):
            shared = common[laws].sum(axis=1)
            new = (shared == 0) | ((shared == 3) & (k == 0))
            rows.append(places[:n][laws[new]])
            kept.append(np.flatnonzero(new))
        of = np.concatenate(kept)
        lower, upper, held, at = (np.zeros(layout.n_leading) for _ in range(4))
        lower[layout.at_exponents] = layout.expected - _EXPONENT
        upper[layout.at_exponents] = layout.expected + _EXPONENT
        for places in layout.places:
            for whole, part in ((lower, one.lower), (upper, one.upper), (held, one.held), (at, one.at)):
                whole[places[:n]] = part
        origins = [places[:n][one.origin[k]] for places, k in zip(layout.places, kept, strict=True)]
        return Coordinates(
            laws=np.concatenate(rows),
            straight=one.straight[of],
            anchored=one.anchored[of],
            share=one.share[of],
            most=one.most[of],
            clock=one.clock[of],
            ends=one.ends[of],
            origin=np.concatenate(origins),
            has_origin=one.has_origin[of],
            lower=lower,
            upper=upper,
            held=held.astype(bool),
            at=at,
        )

    @functools.cached_property
    def priors(self) -> Priors:
        """Priors and bounds of the joint vector; those of common parameters count once."""
        layout = self.layout
        found = {name: np.zeros(layout.size) for name in Priors._fields}
        for places, member in zip(layout.places, self.members, strict=True):
            for name, part in make_priors(member.setup)._asdict().items():
                found[name][places] = part
        here = layout.at_exponents
        found["location"][here], found["scale"][here] = layout.expected, _EXPONENT
        found["lower"][here], found["upper"][here] = layout.expected - _EXPONENT, layout.expected + _EXPONENT
        of_words = ("log", "baseline")
        return Priors(**{k: v.astype(bool) if k in of_words else v for k, v in found.items()})

    def landscape(self, vector: FloatArray) -> tuple[Landscape, FloatArray]:
        """Return the landscape of the joint fit, whose exponents are those of the model, and z of a joint vector."""
        layout, setups = self.layout, [member.setup for member in self.members]
        expand = []
        for setup, places in zip(setups, layout.places, strict=True):
            own = np.zeros((len(layout.names), layout.n_leading))
            own[np.arange(len(layout.names)), places[: len(layout.names)]] = 1.0
            expand.append(setup.free.expand @ own)
        courses = courses_of(setups, expand)
        return made_landscape(courses, lambda at: normal(self, at), self.coordinates, self.priors, vector, 1.0)


class Normal(NamedTuple):
    """Normal equations of a member in its fitted vector, in units of chi-square / 2, as NumPy arrays."""

    cost: FloatArray
    gradient: FloatArray
    matrix: FloatArray


def normal(problem: Problem, vector: FloatArray) -> NormalEquations:
    """Return chi-square / 2, its gradient and Gauss-Newton matrix in the joint vector (n_joint,)."""
    turns = [problem.layout.turn(vector, k) for k in range(len(problem.members))]
    members = _of_members(problem, vector)
    cost = np.sum([one.cost for one in members])
    gradient = np.sum([turn.T @ one.gradient for one, turn in zip(members, turns, strict=True)], axis=0)
    return NormalEquations(cost, gradient, summed([one.matrix for one in members], turns))


def chi_squares(problem: Problem, vector: FloatArray) -> FloatArray:
    """Return the chi-square of every member, (n_member,)."""
    return np.array([2 * float(one.cost) for one in _of_members(problem, vector)])


def _of_members(problem: Problem, vector: FloatArray) -> list[Normal]:
    """Return the normal equations of every member in its fitted vector, in units of chi-square / 2."""

    def of_member(k: int) -> Normal:
        member = problem.members[k]
        found = member.evaluator.normal(problem.layout.member(vector, k), member.evaluator.problem)
        return Normal(*(np.asarray(part) / member.unit for part in found))

    return each(of_member, range(len(problem.members)))


def summed(parts: Sequence[FloatArray], turns: Sequence[FloatArray]) -> FloatArray:
    """Return the sum of the members' matrices (n_fit, n_fit) in the joint vector, symmetric."""
    found = np.sum([turn.T @ part @ turn for turn, part in zip(turns, parts, strict=True)], axis=0)
    return np.asarray((found + found.T) / 2)


def descend(
    problem: Problem, start: FloatArray, progress: Progress | None = None, max_evaluations: int = 200
) -> Solution:
    """Return the minimum reached from a joint vector; its cost is half the chi-square of the data.

    As `heterodyne_nlsq.descent.descend`: first in the parameters themselves, then in straight coordinates, with the
    priors at a weight that only fixes undetermined directions, and parameters that reach a bound held there.
    """
    coordinates, n = problem.coordinates, problem.layout.n_leading
    solution = approach(problem, start, max_evaluations, progress)
    spent, solution = solution.n_evaluations, replace(solution, success=False, message=NOT_CONVERGED)
    for rounds_left in reversed(range(_ROUNDS)):
        if spent >= max_evaluations:
            break
        tolerance = float(np.clip(_SETTLED / max(2 * solution.cost, 1e-300), TOLERANCE, 1e-5))
        left = max_evaluations - spent
        solution = _one_descent(problem, coordinates, 1.0, solution.vector, tolerance, left, progress)
        spent += solution.n_evaluations
        held, leading = coordinates.held, solution.vector[:n]
        edge = at_edge(leading, coordinates)
        wanted = (held | edge) & ~_pulled_inside(problem, coordinates, solution, tolerance)
        if np.array_equal(wanted, held) or not rounds_left or spent >= max_evaluations:
            break
        moved = inside(leading, held & ~wanted, coordinates)
        coordinates = hold(coordinates, wanted, moved)
        solution = replace(solution, vector=np.concatenate([moved, solution.vector[n:]]))
    return replace(solution, n_evaluations=spent)


def approach(problem: Problem, start: FloatArray, max_evaluations: int, progress: Progress | None = None) -> Solution:
    """Return where the descent gets in the parameters themselves until chi-square is nearly flat."""
    return _one_descent(problem, plain(problem.coordinates), 0.0, start, _NEARLY_FLAT, max_evaluations, progress)


def _one_descent(
    problem: Problem,
    coordinates: Coordinates,
    unit: float,
    start: FloatArray,
    tolerance: float,
    max_evaluations: int,
    progress: Progress | None,
) -> Solution:
    n = problem.layout.n_leading
    coordinates = around(coordinates, start[:n])
    weights = Weights(*(weight * unit for weight in (BASELINE, REGULAR, WALL)))

    def rows(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        vector, turn = fitted(z, coordinates), slope_of_fitted(z, coordinates)
        residuals, jacobian = equivalent_problem(turned(normal(problem, vector), turn))
        below = priors.rows(vector, problem.priors, weights)
        return np.concatenate([residuals, below.value]), np.concatenate([jacobian, priors.along(below, turn)])

    scaling = [member.setup.scaling for member in problem.members]
    lower, upper = box(coordinates)
    evaluation = LastEvaluation(rows)
    solution = least_squares(
        evaluation.residuals,
        evaluation.jacobian,
        np.concatenate([from_parameters(start[:n], coordinates), start[n:]]),
        (
            np.concatenate([lower, *(one.lower.ravel() for one in scaling)]),
            np.concatenate([upper, *(one.upper.ravel() for one in scaling)]),
        ),
        tolerance=tolerance,
        max_evaluations=max_evaluations,
        progress=progress,
    )
    vector = fitted(solution.vector, coordinates)
    below = priors.rows(vector, problem.priors, weights).value
    return replace(solution, vector=vector, cost=solution.cost - float(below @ below) / 2)


def _pulled_inside(
    problem: Problem, coordinates: Coordinates, solution: Solution, tolerance: float
) -> npt.NDArray[np.bool_]:
    """Return which held entries lower chi-square by more than the tolerance when they leave their bound."""
    held, n = coordinates.held, problem.layout.n_leading
    if not held.any():
        return held
    found, here = normal(problem, solution.vector), solution.vector[:n]
    lower, upper = coordinates.lower, coordinates.upper
    gradient, curved = found.gradient[:n], np.diag(found.matrix)[:n]
    inward = np.where(here <= lower, -gradient, gradient)
    gain = inward**2 / np.maximum(2 * curved, 1e-300)
    return held & ((here <= lower) | (here >= upper)) & (inward > 0) & (gain > tolerance * solution.cost)
