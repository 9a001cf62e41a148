"""The course of a function of age: its values with their uncertainty, and its description in words."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from heterodyne_data import Bands
from heterodyne_report.number_format import format_plus_minus, with_unit
from heterodyne_report.words import words_of
from heterodyne_spec import DEFAULT_MODEL, load_model

type FloatArray = npt.NDArray[np.float64]

_OWN: Mapping[str, str] = MappingProxyType({})

_KNOWN_PART, _KNOWN_FRACTION = 0.5, 0.25
"""Largest standard deviation of a determined age: relative to the value, and absolute for a field fraction."""
_APART = 2.0
"""Difference of two ages, in combined standard deviations, from which it is significant."""
_HIDDEN_PART, _HIDDEN_FRACTION = 0.25, 0.1
"""Largest change that may be hidden in a constant course: relative to the value, and absolute for a field fraction."""
_WINDOW = 0.1
"""If the determined ages span less than this fraction of the measurement, a single value is given."""
_TURN = 0.1
"""Smallest extremum, relative to the value, that is described as a turning point."""


@dataclass(frozen=True)
class TimeCourse:
    """A function of age from a fit or posterior.

    `t` (n_age,) in s; `quantiles` (5, n_age) in `unit`: the median between the limits of the central 68 % and 95 %
    intervals, those of a normal distribution if only a standard deviation is available. A fixed function (`held`) has
    no spread and counts as determined. `model` is the one whose function it is.
    """

    name: str
    unit: str
    t: FloatArray
    quantiles: FloatArray
    held: bool = False
    model: str = DEFAULT_MODEL

    @classmethod
    def joined(cls, courses: Sequence[TimeCourse]) -> TimeCourse:
        """Return the course at the ages of all `courses`, which are parts of it: those of runs that continue each
        other; an age that several have is that of the first of them.
        """
        t, first = np.unique(np.concatenate([one.t for one in courses]), return_index=True)
        quantiles = np.concatenate([one.quantiles for one in courses], axis=1)[:, first]
        return replace(courses[0], t=t, quantiles=quantiles)

    @property
    def subject(self) -> str:
        """Its name in a sentence."""
        return words_of(self.model).subjects[self.name]

    @property
    def label(self) -> str:
        """Its label at an axis, with unit."""
        return words_of(self.model).labels[self.name] + ("" if self.unit == "1" else f" / {self.unit}")

    @property
    def is_fraction(self) -> bool:
        """Whether it is a fraction, for which absolute changes matter."""
        return self.name in words_of(self.model).fractions

    @property
    def value(self) -> FloatArray:
        """Median at every age, (n_age,)."""
        return np.asarray(self.quantiles[2])

    @property
    def sd(self) -> FloatArray:
        """Half of the central 68 % interval, (n_age,)."""
        return np.asarray((self.quantiles[3] - self.quantiles[1]) / 2)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Whether the data determine the function at each age, (n_age,); True for a fixed function."""
        if self.held:
            return np.asarray(np.isfinite(self.value))
        limit = _KNOWN_FRACTION if self.is_fraction else _KNOWN_PART * np.abs(self.value)
        # A zero spread means that the value is at a floor or was lost in rounding.
        return np.asarray(np.isfinite(self.value) & (self.sd > 0) & (self.sd < limit))

    def at(self, age: float) -> tuple[float, float]:
        """Return value and standard deviation at an age in s, by linear interpolation."""
        return float(np.interp(age, self.t, self.value)), float(np.interp(age, self.t, self.sd))


def time_courses(bands: Bands, held: Container[str] = (), model: str = DEFAULT_MODEL) -> tuple[TimeCourse, ...]:
    """Return the functions of age of a point estimate, in the order of a report; `held` names the fixed ones."""
    units = {f.name: f.unit for f in load_model(model).functions}
    steps = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])[:, None]

    def one(name: str) -> TimeCourse:
        # An age without a finite standard deviation is undetermined.
        spread = np.where(np.isfinite(bands.sd[name]), bands.sd[name], np.nan)
        return TimeCourse(name, units[name], bands.t, bands.values[name] + steps * spread, name in held, model)

    return tuple(one(name) for name in words_of(model).subjects if name in bands.values)


def fixed_functions(held: Iterable[str], model: str = DEFAULT_MODEL) -> set[str]:
    """Return the functions of age whose parameters are all fixed (`held`)."""
    spec, names = load_model(model), set(held)
    groups = {p.group for p in spec.parameters if p.name not in names}
    return {name for group, name in spec.function_of_group.items() if group not in groups}


def describe_courses(
    courses: Sequence[TimeCourse],
    *,
    leave_out: Container[str] = (),
    subjects: Mapping[str, str] = _OWN,
    steady: bool = False,
) -> str:
    """Describe the functions in words, as the beginning of a sentence: ``over 40 s the velocity falls from ...``.

    Parameters
    ----------
    courses : functions of age, in the order in which they are named.
    leave_out : names of functions that are not mentioned, because the data show no sign of them.
    subjects : what functions are called in the sentence, where it is not what they are called otherwise.
    steady : the data show no change with age: every function then stays at its best known value.

    Returns
    -------
    The description, ``""`` if all functions are omitted.
    """
    told = [course for course in courses if course.name not in leave_out]
    if not told:
        return ""
    last = max(float(course.t[-1]) for course in told)
    *most, end = [_clause(course, subjects.get(course.name, course.subject), steady) for course in told]
    return f"over {last:.3g} s " + (f"{', '.join(most)}, and {end}" if most else end)


def _clause(course: TimeCourse, subject: str, steady: bool) -> str:
    (known,) = np.nonzero(course.known)
    if not len(known):
        return f"{subject} is not determined"
    first, last = course.t[known[0]], course.t[known[-1]]
    if last - first < _WINDOW * (course.t[-1] - course.t[0]):
        return f"{subject} is {_sharpest(course)} (not determined at other ages)"
    words = _level(course, steady=True) if steady else _movement(course) or _level(course, steady=False)
    early, late = known[0] > 0, known[-1] < len(course.t) - 1
    spoken = ([f"before {first:.3g} s"] if early else []) + ([f"after {last:.3g} s"] if late else [])
    return f"{subject} {words}" + (f" (not determined {' and '.join(spoken)})" if spoken else "")


def _level(course: TimeCourse, *, steady: bool) -> str:
    """Return ``stays at 468.3 ± 1.8 Å/s``, the most precise value.

    Without `steady`, if the uncertainties could hide a large change, the value is given for its age only.
    """
    value, sd = (column[course.known] for column in (course.value, course.sd))
    sharpest = int(np.argmin(sd))
    limit = _HIDDEN_FRACTION if course.is_fraction else _HIDDEN_PART * abs(value[sharpest])
    if steady or _APART * math.hypot(sd[0], sd[-1]) <= limit:
        return f"stays at {with_unit(format_plus_minus(value[sharpest], sd[sharpest]), course.unit)}"
    return f"is {_sharpest(course)}, any change with age unresolved"


def _sharpest(course: TimeCourse) -> str:
    """Return ``468.3 ± 1.8 Å/s at 20 s``, the most precise value."""
    t, value, sd = (column[course.known] for column in (course.t, course.value, course.sd))
    k = int(np.argmin(sd))
    return f"{with_unit(format_plus_minus(value[k], sd[k]), course.unit)} at {t[k]:.3g} s"


def _movement(course: TimeCourse) -> str:
    """Return ``falls from 468.3 ± 1.8 to 120.1 ± 0.9 Å/s`` for the determined ages, ``""`` if there is no change."""
    value, sd = course.value[course.known], course.sd[course.known]
    begin, end = format_plus_minus(value[0], sd[0]), format_plus_minus(value[-1], sd[-1])
    for turn, verbs in ((int(np.argmax(value)), ("rises", "falls")), (int(np.argmin(value)), ("falls", "rises"))):
        beyond = min(abs(value[turn] - value[0]), abs(value[turn] - value[-1]))
        wide = _APART * math.hypot(sd[turn], max(sd[0], sd[-1]))
        if beyond > max(wide, _TURN * float(np.abs(value).max())):
            middle = format_plus_minus(value[turn], sd[turn])
            return with_unit(f"{verbs[0]} from {begin} to {middle} and {verbs[1]} to {end}", course.unit)
    if abs(value[-1] - value[0]) <= _APART * math.hypot(sd[0], sd[-1]):
        return ""
    return with_unit(f"{'falls' if value[-1] < value[0] else 'rises'} from {begin} to {end}", course.unit)
