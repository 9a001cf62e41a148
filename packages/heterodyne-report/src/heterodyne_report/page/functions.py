"""Functions of age in a page: a table of values at a few ages, and alternative text for plots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heterodyne_report.number_format import format_plus_minus
from heterodyne_report.page.elements import Markup, table
from heterodyne_report.time_course import TimeCourse, describe_courses

_STAND = (0.0, 0.5, 1.0)
"""Ages of the table, as fractions of the duration of the measurement."""


def functions_table(courses: Sequence[TimeCourse]) -> Markup:
    """Return a table of the functions at the first, middle and last age."""
    t = courses[0].t
    ages = [float(t[0] + part * (t[-1] - t[0])) for part in _STAND]
    rows = [
        [f"{c.name}, {c.subject}", *(stand(c, age) for age in ages), "" if c.unit == "1" else c.unit] for c in courses
    ]
    columns = ("", *(f"at {age:.4g} s" for age in ages), "unit")
    return table(columns, rows, caption="The functions at three ages, one standard deviation", words=(4,))


def stand(course: TimeCourse, age: float) -> str:
    """Return the value of a function at an age in s with its standard deviation, as text."""
    value, sd = course.at(age)
    known = course.known[int(np.argmin(np.abs(course.t - age)))]
    return format_plus_minus(value, sd) if known else f"{value:.4g}, not determined"


def function_alt(course: TimeCourse) -> str:
    """Return the alternative text for the plot of a function."""
    return f"{course.name} against age: {describe_courses([course])}."
