"""Results of earlier measurements as starting values, which are good starting points in a series of similar ones.

Similarity is measured before the descent: the fraction of the variation of the data that the estimate leaves
unexplained, with optimal contrast and offset. If it is small, the fringes are in phase and the descent starts in the
valley of the lowest minimum. The cost after the descent is less conclusive, because a misfit can be mistaken for
correlated noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data import NLSQResult
from heterodyne_data.setup import reference_age
from heterodyne_nlsq.descent import descend
from heterodyne_nlsq.evaluators import Evaluator
from heterodyne_nlsq.models import Candidate, inside
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress
from heterodyne_nlsq.start.coefficients import scaled, squares
from heterodyne_nlsq.start.label_exchange import with_labels_exchanged
from heterodyne_nlsq.start.race import Descents, Final
from heterodyne_report import Stage, announce_stage, numbered_stage
from heterodyne_spec import ConfigError, Problem, ResultError, clipped_exp, did_you_mean, find_laws

type FloatArray = npt.NDArray[np.float64]
type Estimate = NLSQResult | Mapping[str, float]

_SIMILAR = 0.05
"""Largest unexplained fraction of the variation of the data for a similar measurement. Of 96 descents from estimates of
similar and different measurements, the 23 with a smaller fraction ended within 0.03 % of the lowest cost; of the other
73, 25 ended more than 0.1 % above it, all of them with a fraction above 10 %."""


class Followed(NamedTuple):
    """Minimum reached from the best estimate, and in words how well the estimate described the data.

    `doubt` states why the minimum may be wrong; empty if there is no indication.
    """

    descents: Descents
    described: str
    doubt: str


def estimates(given: Iterable[Estimate], setup: Setup) -> list[Candidate]:
    """Return point estimates of other measurements as candidates for this one.

    Parameters
    ----------
    given : results of fits, or mappings from names of parameters to values; a parameter that a mapping does not contain
        starts at its value in the configuration. Parameters fixed or tied in the configuration remain so.

    Raises
    ------
    ResultError : a result of another model.
    ConfigError : with every unknown name and every value that is no finite number.
    """
    if isinstance(given, NLSQResult | Mapping | str):
        found = type(given).__name__
        raise ConfigError("candidates", [Problem("", found, "several estimates", "put it into a list", "Candidates")])
    listed = [(f"[{k}]", one) for k, one in enumerate(given)]
    if others := [p for where, one in listed if isinstance(one, NLSQResult) for p in _other_model(where, one, setup)]:
        raise ResultError("candidates", others)
    if problems := [p for where, one in listed for p in _problems(where, one, setup)]:
        raise ConfigError("candidates", problems)
    return [
        _candidate(k + 1, dict(one.parameters if isinstance(one, NLSQResult) else one), setup)
        for k, (_, one) in enumerate(listed)
    ]


def _other_model(where: str, result: NLSQResult, setup: Setup) -> list[Problem]:
    spec, model = setup.spec, result.model
    if model.get("sha256") == spec.sha256:
        return []
    found, expected = f"{model.get('id')} {model.get('version')}", f"{spec.id} {spec.version}"
    expected += " (another specification of that name)" if found == expected else ""
    return [Problem(f"{where}.model", found, expected, "fit that measurement again", "Candidates")]


def _problems(where: str, one: object, setup: Setup) -> list[Problem]:
    if isinstance(one, NLSQResult):
        return []
    if not isinstance(one, Mapping) or not one:
        found = "no value" if isinstance(one, Mapping) else type(one).__name__
        expected = "an NLSQResult, or a mapping from names of parameters to values"
        return [Problem(where, found, expected, "give the estimate of an earlier fit", "Candidates")]
    names = setup.free.names
    unknown = [
        Problem(f"{where}.{name}", "an unknown name", "a parameter", did_you_mean(str(name), names), "Candidates")
        for name in one
        if name not in names
    ]
    numbers = {name: value for name, value in one.items() if name in names}
    return unknown + [
        Problem(f"{where}.{name}", repr(value), "a finite number", "correct it or leave it out", "Candidates")
        for name, value in numbers.items()
        if isinstance(value, bool)
        or not isinstance(value, int | float | np.floating | np.integer)
        or not math.isfinite(value)
    ]


def _candidate(number: int, values: dict[str, float], setup: Setup) -> Candidate:
    """Return an estimate as a candidate, moved inside the bounds if necessary, as its origin then states."""
    free, positions = setup.free, list(setup.free.free)
    start = dict(zip(free.names, free.start.tolist(), strict=True))
    values = _from_same_origin({**start, **values}, start, setup)
    vector = np.array([values[name] for name in free.free_names])
    outside = (vector < free.lower[positions]) | (vector > free.upper[positions])
    moved = [name for name, out in zip(free.free_names, outside, strict=True) if out]
    words = f" ({', '.join(moved)} moved inside the bounds)" if moved else ""
    values = _with_offsets_inside(values, setup)
    vector = np.array([values[name] for name in free.free_names])
    return Candidate(f"earlier estimate {number}{words}", inside(vector, free))


def _with_offsets_inside(values: dict[str, float], setup: Setup) -> dict[str, float]:
    """Return the parameters with C of every law inside its bounds, keeping value and slope of the law at the mean age.

    Only its curvature distinguishes A from C. Clipping C alone would change the function and leave the valley.
    """
    found, age = dict(values), reference_age(setup.data.t)
    for law in find_laws(setup.spec):
        if not all(name in setup.free.free_names for name in law[:3]):
            continue
        clock = float(law.clock(age, values))
        k = setup.free.names.index(law.offset)
        before, rate = values[law.offset], values[law.rate]
        offset = float(np.clip(before, setup.free.lower[k], setup.free.upper[k]))
        first = values[law.amplitude] * clipped_exp(rate * clock)
        # The first term has to stay positive.
        if offset == before or (left := first + before - offset) <= 0:
            continue
        found[law.offset], found[law.rate] = offset, rate * first / left
        found[law.amplitude] = left * clipped_exp(-found[law.rate] * clock)
    return found


def _from_same_origin(values: dict[str, float], start: dict[str, float], setup: Setup) -> dict[str, float]:
    """Return the same laws A e^{b (t - t0)} with t0 where the fit has it: only A e^{-b t0} counts."""
    found = dict(values)
    for law in find_laws(setup.spec):
        if law.origin is not None:
            found = law.from_origin(found, start[law.origin])
    return found


def follow(setup: Setup, evaluator: Evaluator, given: list[Candidate], progress: Progress | None) -> Followed:
    """Return the minimum reached from the best estimate, and from it with the labels of the components exchanged.

    The exchanged one is optimised if it fits about as well, because either may be lower.
    """
    points, misfits = zip(*(scaled(setup, evaluator, candidate.vector) for candidate in given), strict=True)
    k = int(np.argmin(misfits))
    announce_stage(progress, numbered_stage(Stage.FITS, 1, 1))
    solution = descend(setup, evaluator, points[k], progress)
    left = squares(evaluator, solution.vector)
    shown = float(evaluator.spread.sum()) - left
    missed = max((misfits[k] - left) / shown, 0.0) if shown > 0 else 1.0
    final, described = (
        Final(solution, given[k].origin),
        f"{given[k].origin} left {100 * missed:.2g} % of the variation of the data unexplained",
    )
    if missed > _SIMILAR:
        return Followed(Descents([final], solution.n_evaluations), described, described)
    descents = with_labels_exchanged(setup, evaluator, Descents([final], solution.n_evaluations), progress)
    doubt = "" if descents.finals[0].solution.success else f"the descent from {given[k].origin} did not converge"
    return Followed(descents, described, doubt)
