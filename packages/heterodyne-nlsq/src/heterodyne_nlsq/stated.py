"""What a fit may state: a number is given only where the maps show the feature that it describes.

A fit has a value for every parameter, also for the velocity of a sample that does not flow. Whether the maps show a
flow, or two components, is answered by `NLSQResult.signal`; results of versions without these answers state everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np

from heterodyne_data import Derived, FittedParameter, NLSQResult
from heterodyne_data.setup.ages import reference_age
from heterodyne_nlsq.courses import courses
from heterodyne_report.course import FUNCTION_OF_GROUP, Course
from heterodyne_spec import load_model

NO_SIGNAL, NO_FLOW, ONE_COMPONENT = "no signal", "no flow", "one component"
"""Why a function of age is not stated."""

NOT_DETERMINED = "not determined"

DIRECTIONS = "identifiability.directions"
"""What warnings call the place of all that is not determined."""

RISES = "c2 rises with lag"
"""How the words on dynamics begin where c2 does so by more than the noise."""

SCORE_TEST = "score test"
"""What says in the words of a test that its chi-square is an estimate from the slope, not from a second fit."""

_SYMBOL = re.compile(r"(?<![A-Za-z_])(J_r|J_s|v|x)(?![A-Za-z_])")
_WORDS: Mapping[str, str] = {
    "velocity": "v",
    "displacement": "v",
    "reference": "J_r",
    "sample": "J_s",
    "fraction": "x",
}
"""How names of derived quantities tell which function they follow from."""

_ALONE = 0.1
"""Field fraction up to which a component changes c2 by less than 2 % of the contrast: the other is all that is seen."""
_APART = 2.0
"""Combined standard deviations from which two transport coefficients differ."""


def absent(result: NLSQResult, question: str) -> bool:
    """Return whether a result says that the maps do not show a feature (a key of `NLSQResult.signal`)."""
    return question in result.signal and not result.signal[question].present


def shown(result: NLSQResult, question: str) -> bool:
    """Return whether there is evidence of a feature; results of versions that did not look are believed."""
    return not result.signal or (question in result.signal and result.signal[question].present)


def reasons(result: NLSQResult) -> dict[str, str]:
    """Return why functions of age (J_r, J_s, v, x) are not stated, by their names; those that are have no key."""
    names = [f.name for f in load_model().functions]
    if absent(result, "contrast") or absent(result, "dynamics"):
        return dict.fromkeys(names, NO_SIGNAL)
    flow = {} if shown(result, "flow") else {"v": NO_FLOW}
    if shown(result, "two_components"):
        return flow
    only = single(courses(result))
    return flow | {name: ONE_COMPONENT for name in ("J_r", "J_s", "x") if name != only}


def single(found: Iterable[Course]) -> str | None:
    """Return which of J_r and J_s is the transport coefficient of a sample of one component.

    Parameters
    ----------
    found : the functions of age of a fit of two components to it.

    Returns
    -------
    That of the component that makes up the field; None where the fit has split one component into two different ones,
    of which neither is its transport coefficient.
    """
    by_name = {course.name: course for course in found}
    if not by_name.keys() >= {"J_r", "J_s", "x"}:
        return None
    fraction = float(np.mean(by_name["x"].value))
    name = "J_r" if fraction < 0.5 else "J_s"
    one, other = by_name["J_r"], by_name["J_s"]
    alike = np.abs(one.value - other.value) <= _APART * np.hypot(one.sd, other.sd)
    return name if min(fraction, 1 - fraction) <= _ALONE or bool(np.all(alike)) else None


def reasons_of_parameters(result: NLSQResult) -> dict[str, str]:
    """Return why fitted parameters are not stated, by their names; a value that was held is the user's own."""
    why = reasons(result)
    # Without a flow its angle says nothing either.
    functions = {**FUNCTION_OF_GROUP, "angle": "v"}
    groups = {p.name: functions.get(p.group, "") for p in load_model().parameters}
    return {row.name: why[groups[row.name]] for row in result.table if _fitted(row) and groups[row.name] in why}


def _fitted(row: FittedParameter) -> bool:
    return row.status != "fixed"


def telling(result: NLSQResult, sentences: Iterable[str]) -> list[str]:
    """Return those of a result's warnings that are not about parameters alone which are not stated."""
    why = reasons_of_parameters(result)
    names = [(name, re.compile(rf"\b{name}\b")) for name in result.parameters]
    named = [(sentence, {name for name, word in names if word.search(sentence)}) for sentence in sentences]
    # Without a signal nothing is said of combinations, so that there are no more of them.
    kept = [
        (sentence, about) for sentence, about in named if NO_SIGNAL not in why.values() or DIRECTIONS not in sentence
    ]
    return [sentence for sentence, about in kept if not about or about - why.keys()]


def function_of(quantity: Derived) -> str | None:
    """Return the name of the function of age that a quantity follows from, None where its name does not tell."""
    return symbol_in(quantity.name) or next(
        (function for word, function in _WORDS.items() if word in quantity.name), None
    )


def symbol_in(text: str) -> str | None:
    """Return the first of the symbols J_r, J_s, v and x in a text."""
    found = _SYMBOL.search(text)
    return found.group(1) if found else None


def stated(result: NLSQResult, quantities: Iterable[Derived]) -> list[Derived]:
    """Return those of a result's headline or derived quantities for which there is evidence."""
    why = reasons(result)
    return [quantity for quantity in quantities if function_of(quantity) not in why]


def without_error(result: NLSQResult, quantity: Derived) -> str:
    """Return why a quantity has no standard deviation: ``held``, or ``not determined``; ``""`` where it has one."""
    if math.isfinite(quantity.sd) and quantity.sd > 0:
        return ""
    course = next((course for course in courses(result) if course.name == function_of(quantity)), None)
    # What does not move at all while the function does was held; at a floor the function itself has no spread.
    moves = course is not None and (course.held or course.at(reference_age(result.data.t))[1] > 0)
    return "held" if moves else NOT_DETERMINED
