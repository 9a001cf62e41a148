"""Examination of a fit: its noise, and the information of the data on every parameter, including fixed ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data import NestedTest, Signal
from heterodyne_data.setup import ROUNDING, FreeParameters, released
from heterodyne_nlsq.evaluators import Evaluator, normal_of, with_free
from heterodyne_nlsq.evidence.comparison import (
    PLAIN,
    Full,
    at_some_frames,
    at_vector,
    changing,
    released_rise,
    rise_to,
    rises,
    simpler,
)
from heterodyne_nlsq.evidence.held import held_groups, held_test, joint_test, score_test
from heterodyne_nlsq.evidence.questions import answers, asked_of
from heterodyne_nlsq.maps import model_maps
from heterodyne_nlsq.models import DYNAMICS
from heterodyne_nlsq.representative import (
    calibrated_noise,
    landscape,
    optimum,
    plainest,
    vector_at,
)
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Solution
from heterodyne_nlsq.uncertainty.calibration import Calibration, calibrate, score_covariance
from heterodyne_nlsq.uncertainty.pixels import GLANCE, PORTIONS

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Examination:
    """A fit, the point that is reported, and the effect of noise.

    `asked` is the request. `full` is the fit with every parameter but the gauge set free, at the point reported,
    `full_score` (n_full, n_full) the covariance of its score; `vector` (n_fit,) is the same point in the fitted vector
    of the request.
    """

    asked: Setup
    full: Full
    full_score: FloatArray
    vector: FloatArray

    @property
    def score(self) -> FloatArray:
        """The covariance of the score, (n_fit, n_fit), in the fitted vector of the request."""
        return _as_asked(self.full, self.full_score)

    @property
    def variance(self) -> float:
        """Variance of a pair."""
        return self.full.variance

    @property
    def calibration(self) -> Calibration:
        """The noise of the maps."""
        return self.full.calibration

    def signal(self) -> dict[str, Signal]:
        """Return which features the maps show, by question."""
        few, asked = at_some_frames(self.full), asked_of(self.full.setup.spec.id)
        plain = {} if few is None else {q: rise for q, rise in rises(few, asked).items() if rise > PLAIN}
        rest = rises(self.full, [question for question in asked if question not in plain])
        return answers(self.full, plain | rest, plain)

    def simpler(self, signal: dict[str, Signal]) -> Simpler | None:
        """Return the same at the fit without what the maps do not show, if what they show cannot be read off this one;
        None otherwise. The maps of this one are replaced.
        """
        if not can_choose(self.asked) or self.asked.config.nlsq.representative != "plainest":
            return None
        full, found = self.full, simpler(self.full, signal)
        if found is not None and full.calibration.structured.any():
            # That something is not seen beside structure is no finding, unless the structure is that of a model too
            # many: without it, the noise is as expected.
            full = replace(full, calibration=_described(full.setup, full.evaluator, found[0].vector)[1])
            if full.calibration.structured.any():
                return None
            signal = replace(self, full=full).signal()
            found = simpler(full, signal)
        if found is None or not signal[DYNAMICS].present:
            return None
        solution, words = found
        full = at_vector(full, solution.vector)
        free, n_full = self.asked.free, len(full.setup.free.free)
        own = [full.values[name] for name in free.free_names]
        vector = np.concatenate([own, full.vector[n_full:]])
        return Simpler(Examination(self.asked, full, _score(full), vector), words, signal)

    def rise_to(self, other: Solution) -> float:
        """Return the calibrated chi-square of another fit of the same request minus that of this one."""
        return rise_above(self.asked, self.full, other)

    def held(self) -> Iterator[NestedTest]:
        """Yield the tests of what the request held."""
        full, tests = self.full, list(self._of_functions())
        if not tests or any(test.needed for test in tests):
            yield from tests
            return
        # A score test is not reliable if the best value is far away: the fit with all parameters free decides.
        freedom = sum(test.freedom for test in tests)
        rise = released_rise(full, full.pinned)
        joint = joint_test(full.setup.free.free_names, full.values, full.pinned, rise, freedom)
        # Score tests of parts are reported in addition only if they agree with it.
        yield from tests if len(tests) > 1 and not joint.needed else ()
        yield joint

    def _of_functions(self) -> Iterator[NestedTest]:
        """Yield the test of every function of age, and of the flow angle, with fixed parameters."""
        full, names = self.full, self.full.setup.free.free_names
        if not full.pinned.size:
            return
        normal = full.evaluator.normal(full.vector, full.evaluator.problem)
        gradient, matrix = np.asarray(normal.gradient), np.asarray(normal.matrix)
        free = np.setdiff1d(np.arange(full.vector.size), full.pinned)
        for function, positions in held_groups(full.setup.spec, names, full.pinned).items():
            statistic, freedom = score_test(positions, free, gradient, matrix, self.full_score)
            held = [names[k] for k in positions]
            if refitted := any(True for _ in changing(full, positions)):
                statistic, freedom = released_rise(full, positions), len(positions)
            if freedom:
                spec = full.setup.spec
                yield held_test(spec, function, held, full.values, statistic, freedom, by_slope=not refitted)


class Simpler(NamedTuple):
    """A fit without what the maps do not show, what it is, in words, and what they show."""

    examination: Examination
    words: str
    signal: dict[str, Signal]


def can_choose(setup: Setup) -> bool:
    """Return whether there may be equally good solutions, and least squares to compare them."""
    return setup.config.nlsq.loss == "linear" and bool(setup.free.free)


def examine(setup: Setup, evaluator: Evaluator, found: Solution, full: Full) -> Examination:
    """Examine the optimum found by a descent, and select the solution to report; `full` is that of `with_all`."""
    variance = full.variance
    if not can_choose(setup):
        return Examination(setup, full, _score(full), found.vector)
    land, z = landscape(setup, normal_of(evaluator), found.vector, full.unit)
    noise = calibrated_noise(land, z, _as_asked(full, _score(full, GLANCE)), variance)
    # The weight of the offset's priors relative to the data is known only now.
    land = land._replace(unit=noise.unit)
    chosen = least = optimum(land, z)
    if setup.config.nlsq.representative == "plainest":
        chosen = plainest(land, least, noise)
    cost = min(
        found.cost, *(float(evaluator.normal(vector_at(land, at), evaluator.problem).cost) for at in (least, chosen))
    )
    vector = vector_at(land, chosen)
    whole = _whole(setup, full.setup.free, vector)
    full = at_vector(replace(full, cost=cost), whole)
    return Examination(setup, full, _score(full), vector)


def _whole(setup: Setup, free: FreeParameters, vector: FloatArray) -> FloatArray:
    """Return a fitted vector of the request (n_fit,) as one with the parameters of `free`, (n_full,)."""
    n_free = len(setup.free.free)
    return np.concatenate([setup.free.full(vector[:n_free])[list(free.free)], vector[n_free:]])


def rise_above(setup: Setup, full: Full, other: Solution) -> float:
    """Return the calibrated chi-square of another fit of a request minus that of the full fit."""
    return rise_to(full, _whole(setup, full.setup.free, other.vector), other.cost)


def with_all(setup: Setup, evaluator: Evaluator, found: Solution, calibration: Calibration | None = None) -> Full:
    """Return the fit of an optimum with every parameter set free, its noise calibrated.

    `calibration` is the noise, if it is known from a fit that describes the data equally well.
    """
    degrees = max(float(evaluator.weights.sum()) - found.vector.size, 1.0)
    variance = max(2 * found.cost / degrees, ROUNDING)
    free = released(setup.free, tuple(p.name for p in setup.spec.parameters if not p.vary))
    everything, wider, vector = replace(setup, free=free), with_free(evaluator, free), _whole(setup, free, found.vector)
    model, calibration = _described(everything, wider, vector, calibration)
    pinned = np.array([k for k, position in enumerate(free.free) if position not in setup.free.free], int)
    unit = variance * calibration.inflation
    return Full(everything, wider, vector, pinned, found.cost, model, calibration, variance, unit)


def _described(
    setup: Setup, evaluator: Evaluator, vector: FloatArray, calibration: Calibration | None = None
) -> tuple[npt.NDArray[np.float32], Calibration]:
    """Return the fitted maps (n_phi, n_t, n_t) of a fitted vector (n_fit,) and the noise, unless that is known."""
    n_free = len(setup.free.free)
    values, (contrast, offset) = setup.free.full(vector[:n_free]), setup.scaling.per_angle(vector[n_free:])
    model = model_maps(setup, values, contrast, offset)
    if calibration is None:
        each = np.asarray(evaluator.squares(vector, evaluator.problem)) / np.maximum(evaluator.weights, 1.0)
        calibration = calibrate(setup, values, contrast, offset, model, each)
    return model, calibration


def _score(full: Full, portions: int = PORTIONS) -> FloatArray:
    """Return the covariance (n_full, n_full) of the score of the fit with every parameter set free."""
    free, evaluator = full.setup.free, full.evaluator
    values = free.full(full.vector[: len(free.free)])
    contrast, _ = full.setup.scaling.per_angle(full.vector[len(free.free) :])
    matrices = np.asarray(evaluator.matrices(full.vector, evaluator.problem))
    return score_covariance(full.setup, full.calibration, values, contrast, matrices, portions)


def _as_asked(full: Full, score: FloatArray) -> FloatArray:
    """Return the score's covariance without the rows and columns of fixed parameters."""
    kept = np.setdiff1d(np.arange(full.vector.size), full.pinned)
    return score[np.ix_(kept, kept)]
