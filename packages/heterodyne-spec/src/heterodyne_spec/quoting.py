"""Numbers as people quote them: as many digits as their standard deviation warrants."""

from __future__ import annotations

import math

_LARGE, _SMALL = 1e6, 1e-3
"""Numbers from the one on, and below the other, are written with a power of ten."""


def rounded(value: float, sd: float) -> str:
    """Return `value` with as many digits as its standard deviation warrants, two of it shown."""
    if not math.isfinite(sd) or sd <= 0 or value == 0:
        return f"{value:.5g}"
    digits = max(2, min(12, math.floor(math.log10(abs(value))) - math.floor(math.log10(sd)) + 2))
    return f"{value:.{digits}g}"


def plus_minus(value: float, sd: float) -> str:
    """Return ``468.3 ± 1.8``: both numbers end at the second digit of the standard deviation.

    A value without one (0, NaN) is given with four digits.
    """
    if not math.isfinite(sd) or sd <= 0:
        return f"{value:.4g}"
    size = max(abs(value), sd)
    if size >= _LARGE or size < _SMALL:
        return f"{rounded(value, sd)} ± {sd:.1e}"
    return f"{placed(value, sd)} ± {placed(sd, sd)}"


def placed(value: float, sd: float) -> str:
    """Return `value` down to the second digit of its standard deviation, as it stands before the ±."""
    if not math.isfinite(sd) or sd <= 0 or max(abs(value), sd) >= _LARGE:
        return rounded(value, sd)
    place = 1 - math.floor(math.log10(sd))
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value, place) + 0.0:.{max(place, 0)}f}"


def with_unit(text: str, unit: str) -> str:
    """Return `text` with its unit, none for pure numbers."""
    return text if unit == "1" else f"{text} {unit}"
