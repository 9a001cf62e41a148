"""Derived quantities of J_r, J_s, v and x."""

from __future__ import annotations

from heterodyne_nlsq.at_ages import Found, Functions, alternating, at_age, inverse, mean, ratio, rows, scaled
from heterodyne_nlsq.models import Quantities


def headline(when: str) -> Quantities:
    """Return J_r, J_s, v and x at an age, and their local exponents of age; for x, d x / d ln t.

    The exponent is zero for a function at its floor.
    """
    exponent = "local exponent of age, equal to alpha or beta if the law has no constant"
    labels = (
        ("J_r", "Å²/s", f"transport coefficient of the reference {when}"),
        ("d ln J_r / d ln t", "1", f"{exponent}, {when}"),
        ("J_s", "Å²/s", f"transport coefficient of the sample {when}"),
        ("d ln J_s / d ln t", "1", f"{exponent}, {when}"),
        ("v", "Å/s", f"velocity {when}"),
        ("d ln v / d ln t", "1", f"{exponent}, {when}"),
        ("x", "1", f"field fraction of the sample {when}"),
        ("d x / d ln t", "1", f"its change with the logarithm of age {when}"),
    )
    return Quantities(labels, _at_age)


def _at_age(functions: Functions, age: float) -> Found:
    """Return the functions at an age, (8,), each followed by its local exponent; x by its change with the logarithm."""
    value, change = at_age(functions, age)
    exponent = ratio(change, value)
    return alternating(value, rows(_pick(exponent, 0, 1, 2), _pick(change, 3)))


def derived(when: str) -> Quantities:
    """Return derived quantities: means over the measurement, displacement, relaxation times at its middle."""
    labels = (
        ("mean velocity", "Å/s", "mean of v over the measurement"),
        ("displacement", "Å", "integral of v from the first frame to the last"),
        (
            "relaxation time of the reference",
            "s",
            f"1 / (q² J_r) {when}: decay of |g1|² of the reference by a factor e",
        ),
        ("relaxation time of the sample", "s", f"1 / (q² J_s) {when}: decay of |g1|² of the sample by a factor e"),
        ("mean J of the reference", "Å²/s", "mean of J_r over the measurement"),
        ("mean J of the sample", "Å²/s", "mean of J_s over the measurement"),
        ("mean fraction", "1", "mean of x over the measurement"),
    )
    return Quantities(labels, _means)


NAMES = {
    "velocity": "v",
    "displacement": "v",
    "reference": "J_r",
    "sample": "J_s",
    "fraction": "x",
}
"""Parts of the names of derived quantities that identify their function."""


def _means(functions: Functions, first: float, last: float, q: float) -> Found:
    """Return the quantities of `derived`, (7,)."""
    over = mean(functions, first, last)
    velocity = _pick(over, 2)
    middle, _ = at_age(functions, (first + last) / 2)
    times = inverse(_pick(middle, 0, 1), 1 / q**2)
    return rows(velocity, scaled(velocity, last - first), times, _pick(over, 0, 1, 3))


def _pick(found: Found, *positions: int) -> Found:
    """Return some of J_r, J_s, v, x."""
    return Found(found.value[list(positions)], found.slopes[list(positions)])
