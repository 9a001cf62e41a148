"""Comparison of the full fit with nested models: increase of the calibrated chi-square without a feature."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from heterodyne_data import Signal
from heterodyne_data.setup import FreeParameters, reference_age
from heterodyne_nlsq.descent import descend, descend_pinned
from heterodyne_nlsq.evaluators import Evaluator, dense_evaluator
from heterodyne_nlsq.evidence.difference import noise_along
from heterodyne_nlsq.evidence.drift import of_age
from heterodyne_nlsq.maps import model_map, model_maps
from heterodyne_nlsq.minima import same_minimum
from heterodyne_nlsq.models import DYNAMICS, knowledge_of
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Solution
from heterodyne_nlsq.start.coefficients import scaled
from heterodyne_nlsq.thinned import some_frames, thinned
from heterodyne_nlsq.uncertainty.calibration import Calibration
from heterodyne_spec import find_laws

type FloatArray = npt.NDArray[np.float64]

OBVIOUS = 2000.0
"""Increase from which a short descent of a nested model is sufficient. Some descents that were 300 above the full fit
after this number of evaluations came down to 10."""

_BEYOND_DOUBT = 50 * OBVIOUS
"""Increase (by the mean inflation) from which the maps of a nested model need not be computed."""

PLAIN = 200.0
"""Increase in a subset of frames from which the other frames are not needed: far above the null distribution, and
nested fits below `OBVIOUS` were completed."""

_GLANCE, _SHORT, _LONG = 4, 8, 80
"""Evaluations of a short descent of a nested model, and of a long one; a glance is enough where it begins and ends
beyond doubt: from there, four more lowered the increase by half at most."""

_NO_AMPLITUDE = 1e-3
"""First term of a law, in units of its value, below which the law is a constant."""

_DIGITS = float(np.finfo(float).eps)
"""Rounding of a cost, over the sum of the squares that it is a difference of."""

_FOLLOWED = 2
"""Number of starting points of a nested model from which complete descents are made, the best ones."""


@dataclass(frozen=True)
class Full:
    """The full fit: every parameter of the model but the gauge in `setup` and `evaluator`, at `vector` (n_fit,).

    `pinned` are the positions among the free parameters that the request held; `model` (n_phi, n_t, n_t) the maps,
    `variance` that of a pair, `unit` the same with the inflation by shared noise.
    """

    setup: Setup
    evaluator: Evaluator
    vector: FloatArray
    pinned: npt.NDArray[np.int_]
    cost: float
    model: npt.NDArray[np.float32]
    calibration: Calibration
    variance: float
    unit: float

    @property
    def values(self) -> dict[str, float]:
        """All parameters of the model by name."""
        return values_of(self.setup.free, self.vector)


def at_some_frames(full: Full) -> Full | None:
    """Return the fit for a subset of its frames, with the noise of all; None if all take no longer."""
    setup, some = thinned(full.setup), some_frames(full.setup.data.n_phi, full.setup.data.n_t)
    if setup is None:
        return None
    evaluator = dense_evaluator(setup)
    calibration = replace(full.calibration, fluctuations=tuple(one[some] for one in full.calibration.fluctuations))
    cost = float(evaluator.normal(full.vector, evaluator.problem).cost)
    return replace(
        full, setup=setup, evaluator=evaluator, cost=cost, model=full.model[:, some, some], calibration=calibration
    )


def released_rise(full: Full, tested: npt.NDArray[np.int_]) -> float:
    """Return the decrease of the calibrated chi-square if the fixed parameters at positions `tested` (n,) are free."""
    others = np.setdiff1d(full.pinned, tested)

    def released(start: FloatArray) -> Solution:
        if others.size == 0:
            return descend(full.setup, full.evaluator, start, None, _LONG, full.unit)
        return descend_pinned(full.setup, full.evaluator, start, others, full.vector[others], full.unit, _LONG)

    starts = [full.vector, *changing(full, tested)]
    wider = min(map(released, starts), key=lambda found: found.cost)
    fallen = replace(full, cost=wider.cost)
    return _calibrated(fallen, full.cost, _between(full, wider.vector))


def changing(full: Full, tested: npt.NDArray[np.int_]) -> Iterator[FloatArray]:
    """Yield vectors with a function that was held constant, by an amplitude of 0, changing with age instead.

    The gradient of the cost is not informative there: without an amplitude the rate has no effect, and without a rate
    the amplitude only has the effect of the constant.
    """
    names, values, t = full.setup.free.free_names, full.values, full.setup.data.t
    bounds = {p.name: p.bounds for p in full.setup.spec.parameters}
    for law in find_laws(full.setup.spec):
        if not {law.amplitude, law.rate} <= {names[k] for k in tested}:
            continue
        clock, reach = float(law.clock(reference_age(t), values)), law.reach(t)
        first = values[law.amplitude] * math.exp(values[law.rate] * clock)
        value = first + values[law.offset]
        if abs(first) > _NO_AMPLITUDE * abs(value) or value == 0:
            continue
        for rate in (1 / reach, -1 / reach):
            moved = {law.amplitude: value / 2 * math.exp(-rate * clock), law.rate: rate, law.offset: value / 2}
            vector = full.vector.copy()
            for name, at in moved.items():
                if name in names:
                    vector[names.index(name)] = np.clip(at, *bounds[name])
            yield vector


def at_vector(full: Full, vector: FloatArray) -> Full:
    """Return the full fit at another fitted vector (n_fit,); its maps replace those of the one given."""
    free = full.setup.free
    contrast, offset = full.setup.scaling.per_angle(vector[len(free.free) :])
    values = free.full(vector[: len(free.free)])
    return replace(full, vector=vector, model=model_maps(full.setup, values, contrast, offset, full.model))


def values_of(free: FreeParameters, vector: FloatArray) -> dict[str, float]:
    """Return all parameters of the model by name at a fitted vector (n_fit,)."""
    return dict(zip(free.names, free.full(vector[: len(free.free)]).tolist(), strict=True))


def rises(full: Full, questions: Collection[str]) -> dict[str, float]:
    """Return the increase of the calibrated chi-square without each feature asked for, by question."""
    found = {DYNAMICS: _flat(full)} if DYNAMICS in questions else {}
    asked = [question for question in questions if question != DYNAMICS]
    return found | knowledge_of(full.setup.spec.id).rises(_Beside(full), asked)


def simpler(full: Full, signal: Mapping[str, Signal]) -> tuple[Solution, str] | None:
    """Return the fit without what the maps do not show, if that is to be reported in place of the full one, and what it
    is, in words; None otherwise, and if the request held something else."""
    found = knowledge_of(full.setup.spec.id).simpler(_Beside(full), signal)
    if found is None:
        return None
    solution, words = found
    free, kept = full.setup.free, np.array(full.pinned, int)
    lower, upper = free.bounds.T
    inside = np.all((solution.vector[: lower.size] >= lower) & (solution.vector[: lower.size] <= upper))
    held = np.array_equal(solution.vector[kept], full.vector[kept])
    return (solution, words) if inside and held else None


@dataclass(frozen=True)
class _Beside:
    """A full fit and its nested models: a `heterodyne_nlsq.models.Nested`."""

    full: Full

    @property
    def setup(self) -> Setup:
        return self.full.setup

    @property
    def values(self) -> dict[str, float]:
        return self.full.values

    def best(self, restriction: Mapping[str, float], starts: Iterable[Mapping[str, float]]) -> Solution:
        return _best(self.full, restriction, starts)

    def values_at(self, solution: Solution) -> dict[str, float]:
        return values_of(self.full.setup.free, solution.vector)

    def lower(self, one: Solution, other: Solution) -> Solution:
        return min(one, other, key=lambda nested: nested.cost)

    def rise(self, solution: Solution) -> float:
        return _rise(self.full, solution)


def _best(full: Full, restriction: Mapping[str, float], starts: Iterable[Mapping[str, float]]) -> Solution:
    """Return the best fit of a nested model; after a short descent, if that is already far above the full fit."""
    free, values = full.setup.free, full.values
    asked = {free.free_names[k]: values[free.free_names[k]] for k in full.pinned}
    pins = {name: v for name, v in {**asked, **restriction}.items() if name in free.free_names}
    positions = np.array([free.free_names.index(name) for name in pins], int)
    held = np.array(list(pins.values()))
    points = []
    for start in starts:
        vector = np.array([{**start, **pins}[name] for name in free.free_names])
        points.append(scaled(full.setup, full.evaluator, vector))
    points.sort(key=lambda point: point[1])
    best: Solution | None = None
    for point, squares in points[:_FOLLOWED]:
        high = (squares - 2 * full.cost) / full.unit > 2 * _BEYOND_DOUBT
        some = _GLANCE if high else _SHORT
        found = descend_pinned(full.setup, full.evaluator, point, positions, held, full.unit, some)
        if high and 2 * (found.cost - full.cost) / full.unit < _BEYOND_DOUBT:
            found = descend_pinned(full.setup, full.evaluator, found.vector, positions, held, full.unit, _SHORT)
        if _far(full, found):
            return found if best is None or found.cost < best.cost else best
        if best is not None and found.cost >= best.cost and same_minimum(found.vector, best.vector, full.setup):
            continue
        found = descend_pinned(full.setup, full.evaluator, found.vector, positions, held, full.unit, _LONG)
        best = found if best is None or found.cost < best.cost else best
    assert best is not None, "every question has a start"
    return best


def rise_to(full: Full, vector: FloatArray, cost: float) -> float:
    """Return the rise from the full fit to another of that cost, at `vector` (n_fit,); 0 for one that is lower."""
    # So far above that the inflation along the difference does not matter: the maps need not be computed.
    if 2 * (cost - full.cost) / full.unit > OBVIOUS:
        return 2 * (cost - full.cost) / full.unit
    return _calibrated(full, cost, _between(full, vector))


def _far(full: Full, nested: Solution) -> bool:
    """Return whether a nested model is so far above the full fit that no further descent can matter."""
    # The inflation along the difference is often larger than on average, and requires the maps of the model.
    return 2 * (nested.cost - full.cost) / full.unit > OBVIOUS and _rise(full, nested) > OBVIOUS


def _flat(full: Full) -> float:
    """Return the rise of maps that do not change with lag: c2 follows the mean age of a pair alone."""
    data = full.setup.data

    def pairs(a: int) -> tuple[npt.NDArray[np.floating], FloatArray, int]:
        return data.c2[a], data.weight[a] * data.valid[a], _near(full)

    explained = sum(each(lambda a: of_age(data.c2[a], *pairs(a)).explained, range(data.n_phi)))
    cost = (float(full.evaluator.spread.sum()) - explained) / 2
    if (plain := 2 * (cost - full.cost) / full.unit) > _BEYOND_DOUBT:
        return plain
    return _calibrated(full, cost, lambda a: full.model[a] - of_age(full.model[a], *pairs(a)).course)


def _near(full: Full) -> int:
    return max(full.setup.config.data.exclude_diagonals, 1)


def _rise(full: Full, nested: Solution) -> float:
    """Return the rise of a nested model; by the mean inflation where none along the difference could matter."""
    if (plain := 2 * (nested.cost - full.cost) / full.unit) > _BEYOND_DOUBT:
        return plain
    return _calibrated(full, nested.cost, _between(full, nested.vector))


type _Difference = Callable[[int], npt.NDArray[np.floating]]
"""Difference of two models at an azimuth, (n_t, n_t); for one after the other, because large maps fill the memory."""


def _between(full: Full, vector: FloatArray) -> _Difference:
    """Return the difference of the full model from that at a fitted vector (n_fit,)."""
    values = full.setup.free.full(vector[: len(full.setup.free.free)])
    scaling = full.setup.scaling.per_angle(vector[len(full.setup.free.free) :])
    return lambda a: full.model[a] - model_map(full.setup, a, values, *scaling)


def _calibrated(full: Full, cost: float, difference: _Difference) -> float:
    """Return the rise from the full fit to a nested one of that cost, whose maps differ by `difference`."""
    data, calibration = full.setup.data, full.calibration
    _, offset = full.setup.scaling.per_angle(full.vector[len(full.setup.free.free) :])

    def along(a: int) -> tuple[float, float]:
        return noise_along(
            difference(a),
            full.model[a] - offset[a],
            data.weight[a] * data.valid[a],
            _near(full),
            calibration.some_pixels(a),
            calibration.parts[a],
            calibration.own[a],
        )

    found = each(along, range(data.n_phi))
    # Unexplained structure may be what distinguishes the two models, so it is included in the noise.
    found = [(variance * max(calibration.above[a], 1.0), squares) for a, (variance, squares) in enumerate(found)]
    variance, squares = np.sum(found, axis=0)
    if squares <= 0 or variance <= 0:
        return 0.0
    # Costs are differences of sums; an increase within their rounding error is not significant.
    rounding = _DIGITS * float(np.sum(full.evaluator.weights + full.evaluator.spread))
    return 2 * max(cost - full.cost - rounding, 0.0) * squares / variance
