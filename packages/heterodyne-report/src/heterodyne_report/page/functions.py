"""The functions of age in a page: what they are at a few ages, and what a picture of one shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heterodyne_report.course import Course, said
from heterodyne_report.page.elements import Markup, table
from heterodyne_report.quoting import plus_minus

_STAND = (0.0, 0.5, 1.0)
"""Where in the measurement the table is read, in parts of its duration."""


def functions_table(courses: Sequence[Course]) -> Markup:
    """Return a table of the functions at their first age, in the middle and at the last."""
    t = courses[0].t
    ages = [float(t[0] + part * (t[-1] - t[0])) for part in _STAND]
    rows = [
        [f"{c.name}, {c.subject}", *(stand(c, age) for age in ages), "" if c.unit == "1" else c.unit] for c in courses
    ]
    columns = ("", *(f"at {age:.4g} s" for age in ages), "unit")
    return table(columns, rows, caption="The functions at three ages, one standard deviation", words=(4,))


def stand(course: Course, age: float) -> str:
    """Return the value of a function at an age in s with its standard deviation, as text."""
    value, sd = course.at(age)
    known = course.known[int(np.argmin(np.abs(course.t - age)))]
    return plus_minus(value, sd) if known else f"{value:.4g}, not determined"


def function_alt(course: Course) -> str:
    """Return what the picture of a function shows, in words."""
    return f"{course.name} against age: {said([course])}."
