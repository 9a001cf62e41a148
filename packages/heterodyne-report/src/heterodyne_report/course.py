"""The course of a function of age: its values with their uncertainty, and what it does in words."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from heterodyne_data import Bands
from heterodyne_report.quoting import plus_minus, with_unit
from heterodyne_report.words import words_of
from heterodyne_spec.model import DEFAULT, load_model

type FloatArray = npt.NDArray[np.float64]

_OWN: Mapping[str, str] = MappingProxyType({})

_KNOWN_PART, _KNOWN_FRACTION = 0.5, 0.25
"""Standard deviation up to which an age is known: as a part of the value, and of a field fraction."""
_APART = 2.0
"""Combined standard deviations from which two ages differ."""
_HIDDEN_PART, _HIDDEN_FRACTION = 0.25, 0.1
"""Change that a course which stays may hide: as a part of the value, and of a field fraction."""
_WINDOW = 0.1
"""Part of the measurement within which ages are known that is one age rather than a course."""
_TURN = 0.1
"""How far a course goes beyond both its ends, in parts of the value, to be said to turn."""


@dataclass(frozen=True)
class Course:
    """A function of age as a result knows it.

    `t` (n_age,) in s; `quantiles` (5, n_age) in `unit`: the median between the ends of the central 68 % and 95 %
    intervals, as in a normal distribution where only a standard deviation is known. A function that was `held` has no
    spread, and is known all the same. `model` is the one whose function it is.
    """

    name: str
    unit: str
    t: FloatArray
    quantiles: FloatArray
    held: bool = False
    model: str = DEFAULT

    @property
    def subject(self) -> str:
        """What it is called in a sentence."""
        return words_of(self.model).subjects[self.name]

    @property
    def label(self) -> str:
        """What it is called at an axis, with its unit."""
        return words_of(self.model).labels[self.name] + ("" if self.unit == "1" else f" / {self.unit}")

    @property
    def is_fraction(self) -> bool:
        """Whether its scale is 1, whatever its value."""
        return self.name in words_of(self.model).fractions

    @property
    def value(self) -> FloatArray:
        """The middle of every age, (n_age,)."""
        return np.asarray(self.quantiles[2])

    @property
    def sd(self) -> FloatArray:
        """Half of the central 68 % interval, (n_age,)."""
        return np.asarray((self.quantiles[3] - self.quantiles[1]) / 2)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which ages the data determine, (n_age,): all of a function that was held."""
        if self.held:
            return np.asarray(np.isfinite(self.value))
        limit = _KNOWN_FRACTION if self.is_fraction else _KNOWN_PART * np.abs(self.value)
        # No spread: at a floor, or lost in rounding.
        return np.asarray(np.isfinite(self.value) & (self.sd > 0) & (self.sd < limit))

    def at(self, age: float) -> tuple[float, float]:
        """Return value and standard deviation at an age in s, linearly between the ages."""
        return float(np.interp(age, self.t, self.value)), float(np.interp(age, self.t, self.sd))


def courses_of(bands: Bands, held: Container[str] = (), model: str = DEFAULT) -> tuple[Course, ...]:
    """Return the functions of age of a point estimate, in the order of a report; `held` names those not fitted."""
    units = {f.name: f.unit for f in load_model(model).functions}
    steps = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])[:, None]

    def one(name: str) -> Course:
        # Without a finite standard deviation an age says nothing.
        spread = np.where(np.isfinite(bands.sd[name]), bands.sd[name], np.nan)
        return Course(name, units[name], bands.t, bands.values[name] + steps * spread, name in held, model)

    return tuple(one(name) for name in words_of(model).subjects if name in bands.values)


def held_functions(held: Iterable[str], model: str = DEFAULT) -> set[str]:
    """Return the functions of age of which all parameters are among those `held`."""
    spec, names = load_model(model), set(held)
    groups = {p.group for p in spec.parameters if p.name not in names}
    return {name for group, name in spec.function_of_group.items() if group not in groups}


def said(
    courses: Sequence[Course],
    *,
    leave_out: Container[str] = (),
    subjects: Mapping[str, str] = _OWN,
    steady: bool = False,
) -> str:
    """Return what the functions do, as the first part of a sentence: ``over 40 s the velocity falls from ...``.

    Parameters
    ----------
    courses : functions of age, in the order in which they are named.
    leave_out : names of functions that are not mentioned, because the data show no sign of them.
    subjects : what functions are called in the sentence, where it is not what they are called otherwise.
    steady : the data show no change with age: every function then stays at its best known value.

    Returns
    -------
    The words, ``""`` when no function is left.
    """
    told = [course for course in courses if course.name not in leave_out]
    if not told:
        return ""
    last = max(float(course.t[-1]) for course in told)
    *most, end = [_clause(course, subjects.get(course.name, course.subject), steady) for course in told]
    return f"over {last:.3g} s " + (f"{', '.join(most)}, and {end}" if most else end)


def _clause(course: Course, subject: str, steady: bool) -> str:
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


def _level(course: Course, *, steady: bool) -> str:
    """Return ``stays at 468.3 ± 1.8 Å/s``, the best known of the ages.

    Where the ages are so uncertain that a large change would not show, and `steady` does not say that there is none, it
    is the value at that age alone.
    """
    value, sd = (column[course.known] for column in (course.value, course.sd))
    sharpest = int(np.argmin(sd))
    limit = _HIDDEN_FRACTION if course.is_fraction else _HIDDEN_PART * abs(value[sharpest])
    if steady or _APART * math.hypot(sd[0], sd[-1]) <= limit:
        return f"stays at {with_unit(plus_minus(value[sharpest], sd[sharpest]), course.unit)}"
    return f"is {_sharpest(course)}, any change with age unresolved"


def _sharpest(course: Course) -> str:
    """Return ``468.3 ± 1.8 Å/s at 20 s``, the best known of the ages."""
    t, value, sd = (column[course.known] for column in (course.t, course.value, course.sd))
    k = int(np.argmin(sd))
    return f"{with_unit(plus_minus(value[k], sd[k]), course.unit)} at {t[k]:.3g} s"


def _movement(course: Course) -> str:
    """Return ``falls from 468.3 ± 1.8 to 120.1 ± 0.9 Å/s`` of the ages that are known, ``""`` where no change shows."""
    value, sd = course.value[course.known], course.sd[course.known]
    begin, end = plus_minus(value[0], sd[0]), plus_minus(value[-1], sd[-1])
    for turn, verbs in ((int(np.argmax(value)), ("rises", "falls")), (int(np.argmin(value)), ("falls", "rises"))):
        beyond = min(abs(value[turn] - value[0]), abs(value[turn] - value[-1]))
        wide = _APART * math.hypot(sd[turn], max(sd[0], sd[-1]))
        if beyond > max(wide, _TURN * float(np.abs(value).max())):
            middle = plus_minus(value[turn], sd[turn])
            return with_unit(f"{verbs[0]} from {begin} to {middle} and {verbs[1]} to {end}", course.unit)
    if abs(value[-1] - value[0]) <= _APART * math.hypot(sd[0], sd[-1]):
        return ""
    return with_unit(f"{'falls' if value[-1] < value[0] else 'rises'} from {begin} to {end}", course.unit)
