"""Which quantities of a fit are stated: only those of features that the maps show.

A fit has a value for every parameter, even for the velocity of a sample that does not flow. `NLSQResult.signal` states
whether the maps show a flow, or two components; older results without it state everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from heterodyne_data import Derived, FittedParameter, NLSQResult, Weighting
from heterodyne_data.setup import reference_age, structured
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.models import CONTRAST, DYNAMICS, of_result
from heterodyne_report import format_number, format_p_value

NOTHING_SEEN = "no signal"
"""Why no function of age is stated if the maps show no signal."""

UNDESCRIBED = "the model does not describe the maps"
"""The same if the fit leaves structure that noise does not explain, so that whether there is a signal is not known."""

NOT_SAID = f"cannot be said: {UNDESCRIBED}"
"""Words on features that are then not known."""

NOT_DETERMINED = "not determined"

DIRECTIONS = "identifiability.directions"
"""Where warnings refer to for all undetermined directions."""

RISES = "c2 rises with lag"
"""Beginning of the words on dynamics if c2 increases by more than the noise."""

SCORE_TEST = "score test"
"""Marks a test whose chi-square is estimated from the local gradient, not from a second fit."""

ESTIMATES_DIFFER = 1e-3
"""Probability of the difference between the estimates with equal weights and with weights from the noise, below which
the model or the noise is not as assumed."""


def differing_estimates(weighting: Weighting | None) -> str:
    """Return that both estimates differ by more than chance, "" if they do not or were not compared."""
    if weighting is None or weighting.p_value is None or weighting.p_value >= ESTIMATES_DIFFER:
        return ""
    return (
        "the estimates with weights from the noise and with equal weights differ by more than chance "
        f"({format_p_value(weighting.p_value)}): the model or the noise is not as assumed"
    )


POORLY_KNOWN = 0.3
"""Relative standard deviation of a transport coefficient above which first-order errors are not reliable: with 0.1
photons per pixel and frame they are 0.3 to 0.8, and 68 % intervals held the truth in 49 to 65 % of simulations."""


def poorly_known(result: NLSQResult) -> Iterator[str]:
    """Yield which positive functions of age are known so poorly that their standard deviation is not reliable."""
    known, unstated = of_result(result), unstated_functions(result)
    positive = {f for one in known.exponents.values() if one.positive for f in one.functions} - unstated.keys()
    for found in result.headline:
        if found.name in positive and found.sd > POORLY_KNOWN * abs(found.value):
            percent = format_number(100 * found.sd / abs(found.value), 2)
            how = f"known to {percent} % only" if found.sd < abs(found.value) else "not known to within its own size"
            yield (
                f"{found.name} is {how}, at {reference_age(result.data.t):.4g} s: a standard deviation that large is "
                "of first order, and may be too small by half; those of functions that compensate it, too"
            )
    if result.bands is None:
        return
    # The ages of the bands are not evenly spaced.
    share = np.gradient(result.bands.t) / np.sum(np.gradient(result.bands.t))
    for name in sorted(positive):
        floored = float(np.sum(share, where=result.bands.values[name] == 0))
        if floored >= ON_FLOOR:
            yield (
                f"{name} is 0, its floor, over {format_number(100 * floored, 2)} % of the measurement: standard "
                "deviations take that as known; those of functions that compensate it may be several times too small"
            )


ON_FLOOR = 0.1
"""Part of a measurement over which a function on its floor is worth a word. In 50 random experiments of slow speckle, x
was more than 3 standard deviations off in 2 of 7 with such a function, and in 3 of the others."""


def absent(result: NLSQResult, question: str) -> bool:
    """Return whether a result states that the maps do not show a feature (a key of `NLSQResult.signal`)."""
    return question in result.signal and not result.signal[question].present


def undescribed(result: NLSQResult) -> bool:
    """Return whether it is not known if the maps decay, because the model does not describe them."""
    return DYNAMICS in result.signal and result.signal[DYNAMICS].words == NOT_SAID


def shown(result: NLSQResult, question: str) -> bool:
    """Return whether there is evidence of a feature; True for older results without tests."""
    return not result.signal or (question in result.signal and result.signal[question].present)


def answer_to(result: NLSQResult, question: str) -> str:
    """Return whether a result states a feature: ``yes``, ``no``, or ``unclear`` where the model does not describe the
    maps."""
    if result.signal[question].present:
        return "yes"
    return "unclear" if structured(result.noise).any() or undescribed(result) else "no"


def unstated_functions(result: NLSQResult) -> dict[str, str]:
    """Return why functions of age are not stated, by their names; those that are have no key."""
    known = of_result(result)
    if absent(result, CONTRAST) or absent(result, DYNAMICS):
        why = UNDESCRIBED if undescribed(result) else NOTHING_SEEN
        return dict.fromkeys([f.name for f in known.spec.functions], why)
    return known.reasons(result)


def unstated_parameters(result: NLSQResult) -> dict[str, str]:
    """Return why fitted parameters are not stated, by their names; a value that was held is the user's own."""
    why, known = unstated_functions(result), of_result(result)
    # Without a function that depends on it, an angle is meaningless.
    functions = {**known.spec.function_of_group, "angle": known.of_angle}
    groups = {p.name: functions.get(p.group, "") for p in known.spec.parameters}
    return {row.name: why[groups[row.name]] for row in result.table if _fitted(row) and groups[row.name] in why}


def _fitted(row: FittedParameter) -> bool:
    return row.status != "fixed"


def telling(result: NLSQResult, sentences: Iterable[str]) -> list[str]:
    """Return the warnings of a result, except those that only concern parameters that are not stated."""
    why = unstated_parameters(result)
    names = [(name, re.compile(rf"\b{name}\b")) for name in result.parameters]
    named = [(sentence, {name for name, word in names if word.search(sentence)}) for sentence in sentences]
    # Without a signal, combinations are not mentioned.
    nothing = bool({NOTHING_SEEN, UNDESCRIBED} & set(why.values()))
    kept = [(sentence, about) for sentence, about in named if not (nothing and DIRECTIONS in sentence)]
    return [sentence for sentence, about in kept if not about or about - why.keys()]


def function_of(result: NLSQResult, quantity: Derived) -> str | None:
    """Return the name of the function of age from which a quantity is computed, None if its name does not contain
    it."""
    named = of_result(result).names.items()
    return symbol_in(result, quantity.name) or next((name for word, name in named if word in quantity.name), None)


def symbol_in(result: NLSQResult, text: str) -> str | None:
    """Return the first name of a function of age of a result's model in a text."""
    names = "|".join(f.name for f in of_result(result).spec.functions)
    found = re.search(rf"(?<![A-Za-z_])({names})(?![A-Za-z_])", text)
    return found.group(1) if found else None


def stated(result: NLSQResult, quantities: Iterable[Derived]) -> list[Derived]:
    """Return those of a result's headline or derived quantities for which there is evidence."""
    why = unstated_functions(result)
    return [quantity for quantity in quantities if function_of(result, quantity) not in why]


def without_error(result: NLSQResult, quantity: Derived) -> str:
    """Return why a quantity has no standard deviation: ``held``, or ``not determined``; ``""`` where it has one."""
    if math.isfinite(quantity.sd) and quantity.sd > 0:
        return ""
    course = next((course for course in courses_of_fit(result) if course.name == function_of(result, quantity)), None)
    # A quantity without spread, although the function has one, was fixed; at a floor, the function has no spread
    # either.
    moves = course is not None and (course.held or course.at(reference_age(result.data.t))[1] > 0)
    return "held" if moves else NOT_DETERMINED
