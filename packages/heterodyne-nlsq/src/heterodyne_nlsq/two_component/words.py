"""Statements about two components and flow, and their wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from heterodyne_data import FittedParameter, NLSQResult
from heterodyne_data.setup import structured
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.models import of_result
from heterodyne_nlsq.stated import UNDESCRIBED, shown
from heterodyne_report import TimeCourse, format_p_value

NO_FLOW, ONE_COMPONENT = "no flow", "one component"
"""Reasons why a function of age is not stated."""

FRACTION = ("f0", "f1", "f3")
"""Parameters of x that are 0 if there is only the reference."""

ALONE = "no second component is seen: the values are those of a fit of one component, x being 0"

_ENDS = (("v0", "upper"), ("phi0", "lower"), ("phi0", "upper"))
"""Bounds of the flow that leave something out; at the lower one of v0, there is none."""

_ALONE = 0.1
"""Field fraction below which a component changes c2 by less than 2 % of the contrast and is invisible."""
_APART = 2.0
"""Combined standard deviations beyond which two transport coefficients differ."""


def reasons(result: NLSQResult) -> dict[str, str]:
    """Return why J_r, J_s, v and x are not stated, by name; functions that are stated have no key."""
    flow = {} if shown(result, "flow") else {"v": NO_FLOW}
    if shown(result, "two_components"):
        return flow
    if structured(result.noise).any():
        return dict.fromkeys(("J_r", "J_s", "v", "x"), UNDESCRIBED)
    only = single(courses_of_fit(result))
    return flow | {name: ONE_COMPONENT for name in ("J_r", "J_s", "x") if name != only}


def single(found: Iterable[TimeCourse]) -> str | None:
    """Return which of J_r and J_s is the transport coefficient if the sample has one component.

    Parameters
    ----------
    found : functions of age of a fit with two components.

    Returns
    -------
    That of the component that dominates the field; None if the fit has split the component into two different ones, of
    which neither is its transport coefficient.
    """
    by_name = {course.name: course for course in found}
    if not by_name.keys() >= {"J_r", "J_s", "x"}:
        return None
    fraction = float(np.mean(by_name["x"].value))
    name = "J_r" if fraction < 0.5 else "J_s"
    one, other = by_name["J_r"], by_name["J_s"]
    alike = np.abs(one.value - other.value) <= _APART * np.hypot(one.sd, other.sd)
    return name if min(fraction, 1 - fraction) <= _ALONE or bool(np.all(alike)) else None


def subjects(result: NLSQResult) -> Mapping[str, str]:
    """Return the names of the transport coefficients if there is only one component."""
    alone = not shown(result, "two_components")
    return dict.fromkeys(("J_r", "J_s"), "the transport coefficient J") if alone else {}


def doubts(result: NLSQResult) -> Iterator[str]:
    """Yield a sentence each if two components, or a flow, are not seen.

    Beside structure that noise does not explain, that they are not needed is no finding.
    """
    unclear = bool(structured(result.noise).any())
    if shown(result, "flow") and (ended := [row for row in result.table if _ended(row)]):
        bounds = ", ".join(f"{row.name} = {row.lower if row.at_bound == 'lower' else row.upper:g}" for row in ended)
        yield f"the flow ended at a bound ({bounds}): it is beyond, or this is not the global minimum"
    if not shown(result, "two_components"):
        if unclear:
            said = "whether there is a second component cannot be said while there is such structure"
            yield f"{said}: {of_result(result).nothing}"
            return
        yield f"no second component is seen{_chance(result, 'two_components')}: {_instead_of_two(result)}"
    if not shown(result, "flow"):
        seen = f"no flow is seen{_chance(result, 'flow')}"
        said = "whether there is a flow cannot be said while there is such structure" if unclear else seen
        yield f"{said}: no velocity is stated"


def _ended(row: FittedParameter) -> bool:
    """Return whether the data hold a parameter of the flow at a bound that leaves something out."""
    return row.determined and (row.name, row.at_bound) in _ENDS


def _instead_of_two(result: NLSQResult) -> str:
    if single(courses_of_fit(result)) is None:
        return (
            "neither a fraction nor a transport coefficient is stated, because the fit splits one component into two "
            "different ones; hold f0, f1 and f3 at 0 to fit one component"
        )
    return "one transport coefficient J is stated, but no fraction"


def _chance(result: NLSQResult, question: str) -> str:
    """Return the p-value of a feature in brackets; a feature that was not tested has none."""
    return f" ({format_p_value(result.signal[question].p_value)})" if question in result.signal else ""
