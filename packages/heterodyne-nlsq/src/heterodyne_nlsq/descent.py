"""The descent: the problem in solver coordinates, as an equivalent small problem if exact."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_data import TwoTimeData, pair_valid
from heterodyne_data.setup import ROUNDING, noise_sd
from heterodyne_nlsq import dense, priors
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
    pinned,
    plain,
    slope_of_fitted,
)
from heterodyne_nlsq.evaluators import Evaluator
from heterodyne_nlsq.normal import equivalent_problem, turned
from heterodyne_nlsq.priors import WALL, Priors, Weights, make_priors
from heterodyne_nlsq.robust import robust_least_squares
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import NOT_CONVERGED, TOLERANCE, Progress, Solution, least_squares
from heterodyne_nlsq.uncertainty.inflation import inflation

type FloatArray = npt.NDArray[np.float64]
type Rows = tuple[FloatArray, FloatArray]
type Known = tuple[Priors, Weights]

_NEARLY_FLAT = 1e-3
"""Relative change of the cost at which the descent changes to straight coordinates."""

REGULAR = 1e-4
"""Weight of the priors in every descent. It fixes undetermined directions without affecting determined ones:
at D_offset = -1e5, a hundred scales from the middle of its prior, it adds 1 to chi-square."""

BASELINE = 0.1
"""Weight of the offset's priors in every descent: less than the 1 that they have at the end, because the effect of
correlated noise on them is known only then."""

_ROUNDS = 6
"""Maximum number of times that parameters reach or leave a bound; there are three power laws with three bounds each."""


def _linear_rows(z: FloatArray, evaluator: Evaluator, coordinates: Coordinates, known: Known) -> Rows:
    """Return residuals and Jacobian of the equivalent small problem in solver coordinates."""
    vector, turn = fitted(z, coordinates), slope_of_fitted(z, coordinates)
    found = equivalent_problem(turned(evaluator.normal(vector, evaluator.problem), turn))
    return _with_prior(*found, vector, turn, known)


def _all_rows(z: FloatArray, evaluator: Evaluator, coordinates: Coordinates, known: Known) -> Rows:
    """Return all residuals and their Jacobian in solver coordinates, as required by a non-linear loss."""
    vector, turn = fitted(z, coordinates), slope_of_fitted(z, coordinates)
    found = dense.residuals(vector, evaluator.problem), dense.jacobian(vector, evaluator.problem)
    return _with_prior(np.asarray(found[0]), np.asarray(found[1]) @ turn, vector, turn, known)


def _with_prior(
    residuals: FloatArray, jacobian: FloatArray, vector: FloatArray, turn: FloatArray, known: Known
) -> Rows:
    """Return rows and Jacobian with those of the priors behind them."""
    below = priors.rows(vector, *known)
    return np.concatenate([residuals, below.value]), np.concatenate([jacobian, priors.along(below, turn)])


class LastEvaluation:
    """Caches an evaluation, because the solver requests residuals and Jacobian one after the other."""

    def __init__(self, rows: Callable[[FloatArray], Rows]):
        self.rows = rows
        self.at: FloatArray | None = None
        self.found: Rows

    def _evaluate(self, z: FloatArray) -> Rows:
        z = np.asarray(z)
        if self.at is None or not np.array_equal(z, self.at):
            self.found, self.at = self.rows(z), z
        return self.found

    def residuals(self, z: FloatArray) -> Any:
        return self._evaluate(z)[0]

    def jacobian(self, z: FloatArray) -> Any:
        return self._evaluate(z)[1]


def approach(
    setup: Setup, evaluator: Evaluator, start: FloatArray, max_evaluations: int, progress: Progress | None = None
) -> Solution:
    """Return the result of a few evaluations from `start` (n_fit,), in the parameters themselves."""
    coordinates = plain(make_coordinates(setup.spec, setup.free, setup.data.t))
    return _one_descent(setup, evaluator, coordinates, 0.0, start, _NEARLY_FLAT, max_evaluations, progress)


def mean_square(evaluator: Evaluator, solution: Solution) -> float:
    """Return the mean squared residual of a pair, at least that of rounding."""
    return max(2 * solution.cost / max(float(evaluator.weights.sum()), 1.0), ROUNDING)


def variance_unit(setup: Setup, evaluator: Evaluator, solution: Solution) -> float:
    """Return the variance that converts differences of squares to chi-squares, including correlated noise."""
    return mean_square(evaluator, solution) * inflation(setup, solution.vector)


def descend(
    setup: Setup,
    evaluator: Evaluator,
    start: FloatArray,
    progress: Progress | None,
    max_evaluations: int | None = None,
    unit: float | None = None,
) -> Solution:
    """Return the minimum reached from `start` (n_fit,); the cost there if no parameter is free.

    First in the parameters themselves until the cost is nearly flat (far from the minimum a step in other coordinates
    can leap to a bound of an amplitude, measured: one start in four ended there), then in the straight ones, with the
    priors at the weight `REGULAR`. If a parameter reaches a bound there, it is fixed and the descent continues without
    it; one that the cost pulls back inside is released. Whatever is moved or released is followed by another descent:
    the cost is that of the vector returned.

    `unit` is that of `variance_unit`, found where the cost is nearly flat when None.
    """
    if start.size == 0:
        cost = float(evaluator.normal(start, evaluator.problem).cost)
        return Solution(start, cost, True, "nothing to fit: all values are held", 1)
    n_free, limit = len(setup.free.free), max_evaluations or setup.config.nlsq.max_iterations
    coordinates = make_coordinates(setup.spec, setup.free, setup.data.t)
    solution = _one_descent(setup, evaluator, plain(coordinates), 0.0, start, _NEARLY_FLAT, limit, progress)
    unit = variance_unit(setup, evaluator, solution) if unit is None else unit
    # Nearly flat does not mean converged: that requires a descent to the full tolerance.
    spent, solution = solution.n_evaluations, replace(solution, success=False, message=NOT_CONVERGED)
    for rounds_left in reversed(range(_ROUNDS)):
        if spent >= limit:
            break
        tolerance = _tolerance(unit, solution.cost, _SETTLED)
        solution = _one_descent(
            setup, evaluator, coordinates, unit, solution.vector, tolerance, limit - spent, progress
        )
        spent += solution.n_evaluations
        held, edge = coordinates.held, at_edge(solution.vector[:n_free], coordinates)
        wanted = (held | edge) & ~_pulled_inside(solution.vector, held, evaluator, coordinates, tolerance)
        if np.array_equal(wanted, held) or not rounds_left or spent >= limit:
            break
        moved = inside(solution.vector[:n_free], held & ~wanted, coordinates)
        coordinates = hold(coordinates, wanted, moved)
        solution = replace(solution, vector=np.concatenate([moved, solution.vector[n_free:]]))
    return replace(solution, n_evaluations=spent)


_SETTLED = 1e-2
"""Change of chi-square below which a descent ends. Smaller changes are insignificant, and along an undetermined
direction they can continue for a hundred steps, whose sum was 0.3; the reported point is descended to once more."""

_SETTLED_NESTED = 1e-3
"""The same for a nested model, whose chi-square is evidence."""


def descend_pinned(
    setup: Setup,
    evaluator: Evaluator,
    start: FloatArray,
    positions: npt.NDArray[np.int_],
    values: FloatArray,
    unit: float,
    max_evaluations: int,
) -> Solution:
    """Return the minimum next to `start` (n_fit,) with the free parameters at `positions` held at `values`.

    It is that of a nested model. `unit` is that of `variance_unit`.
    """
    coordinates = pinned(make_coordinates(setup.spec, setup.free, setup.data.t), positions, values)
    begun = _one_descent(setup, evaluator, plain(coordinates), unit, start, _NEARLY_FLAT, max_evaluations, None)
    left = max_evaluations - begun.n_evaluations
    if left <= 0 or not begun.success:
        return begun
    tolerance = _tolerance(unit, begun.cost, _SETTLED_NESTED)
    ended = _one_descent(setup, evaluator, coordinates, unit, begun.vector, tolerance, left, None)
    return replace(ended, n_evaluations=begun.n_evaluations + ended.n_evaluations)


def _tolerance(unit: float, cost: float, settled: float) -> float:
    """Return the relative change of the cost at which a descent is done, from that of chi-square."""
    return float(np.clip(settled * unit / max(2 * cost, 1e-300), TOLERANCE, 1e-5))


def _one_descent(
    setup: Setup,
    evaluator: Evaluator,
    coordinates: Coordinates,
    unit: float,
    start: FloatArray,
    tolerance: float,
    max_evaluations: int,
    progress: Progress | None,
) -> Solution:
    """Return where the solver gets from `start` (n_fit,) in the given coordinates; its cost is that of the data.

    `unit` is the variance of a pair in units of which the priors count; 0 leaves them out.
    """
    weights = Weights(*(weight * unit for weight in (BASELINE, REGULAR, WALL)))
    known = make_priors(setup), weights
    n_free, loss = len(setup.free.free), setup.config.nlsq.loss
    coordinates = around(coordinates, start[:n_free])
    rows, solve = (
        (_linear_rows, least_squares)
        if loss == "linear"
        else (_all_rows, functools.partial(robust_least_squares, loss=loss, loss_scale=_noise_of(setup.data)))
    )
    evaluation = LastEvaluation(functools.partial(rows, evaluator=evaluator, coordinates=coordinates, known=known))
    lower, upper = box(coordinates)
    solution = solve(
        evaluation.residuals,
        evaluation.jacobian,
        np.concatenate([from_parameters(start[:n_free], coordinates), start[n_free:]]),
        (
            np.concatenate([lower, setup.scaling.lower.ravel()]),
            np.concatenate([upper, setup.scaling.upper.ravel()]),
        ),
        tolerance=tolerance,
        max_evaluations=max_evaluations,
        progress=progress,
    )
    vector = fitted(solution.vector, coordinates)
    penalty = float(np.sum(priors.rows(vector, *known).value ** 2)) / 2
    return replace(solution, vector=vector, cost=solution.cost - penalty)


def _pulled_inside(
    vector: FloatArray, held: npt.NDArray[np.bool_], evaluator: Evaluator, coordinates: Coordinates, tolerance: float
) -> npt.NDArray[np.bool_]:
    """Return which held parameters lower the cost by more than the solver's tolerance when they leave their bound."""
    if not held.any():
        return held
    n_free = held.size
    cost, gradient, matrix = (np.asarray(part) for part in evaluator.normal(vector, evaluator.problem))
    at_bound = (vector[:n_free] <= coordinates.lower) | (vector[:n_free] >= coordinates.upper)
    inward = np.where(vector[:n_free] <= coordinates.lower, -gradient[:n_free], gradient[:n_free])
    gain = inward**2 / np.maximum(2 * np.diag(matrix)[:n_free], 1e-300)
    return held & at_bound & (inward > 0) & (gain > tolerance * cost)


def _noise_of(data: TwoTimeData) -> float:
    """Return the typical white noise of the maps: the scale above which soft_l1 down-weights a residual."""
    valid = pair_valid(data)
    noise = float(np.median([noise_sd(c2, valid[angle]) for angle, c2 in enumerate(data.c2)]))
    # Data without noise have no outliers either; any small scale keeps the loss defined.
    return max(noise, 1e-9)
