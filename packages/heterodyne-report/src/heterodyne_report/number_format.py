"""Number formatting for people: significant digits from the standard deviation, plain notation.

Why not uncertainties 3.2: it rounds in the same way, but writes 5683 ± 113 as (5.68±0.11)×10³.
"""

from __future__ import annotations

import math
from decimal import Decimal

_LARGE, _SMALL = 1e6, 1e-3
"""Numbers from the first on, and below the second, are written with a power of ten."""
_ROUNDING = 1e-14
"""Standard deviation over the value below which it is what rounding leaves of 0."""
_LEAST_P = 1e-3
"""p-values below this are only bounded: the tails of the tests' distributions are not known beyond it."""


def _is_known(value: float, sd: float) -> bool:
    """Return whether there is a standard deviation."""
    return math.isfinite(sd) and sd > _ROUNDING * abs(value)


def format_number(value: float, digits: int) -> str:
    """Return `value` with `digits` significant digits, without a power of ten: ``5700``, not ``5.7e+03``.

    From a million on, and for decimals with four leading zeros, a power of ten is used because it is easier to read.
    """
    text = f"{value:.{digits}g}"
    return format(Decimal(text), "f") if "e" in text and 1 <= abs(value) < _LARGE else text


def format_value_and_sd(value: float, sd: float) -> tuple[str, str]:
    """Return ``468.3`` and ``1.8``: both numbers are rounded to the second digit of the standard deviation.

    Without a standard deviation (0, NaN), the value has five digits and the second string is ``""``.
    """
    if not _is_known(value, sd):
        return format_number(value, 5), ""
    size = max(abs(value), sd)
    if size >= _LARGE or size < _SMALL:
        return _scientific(value, sd), f"{sd:.1e}"
    return format_value(value, sd), format_value(sd, sd)


def format_plus_minus(value: float, sd: float) -> str:
    """Return ``468.3 ± 1.8``; four digits without a standard deviation (0, NaN)."""
    number, spread = format_value_and_sd(value, sd)
    return f"{number} ± {spread}" if spread else format_number(value, 4)


def format_value(value: float, sd: float) -> str:
    """Return `value` rounded to the second digit of its standard deviation."""
    if not _is_known(value, sd):
        return format_number(value, 5)
    if max(abs(value), sd) >= _LARGE:
        return _scientific(value, sd)
    place = 1 - math.floor(math.log10(sd))
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value, place) + 0.0:.{max(place, 0)}f}"


def _scientific(value: float, sd: float) -> str:
    """Return a value with a power of ten, rounded to the second digit of its standard deviation."""
    if value == 0:
        return "0"
    digits = max(2, min(12, math.floor(math.log10(abs(value))) - math.floor(math.log10(sd)) + 2))
    return f"{value:.{digits}g}"


def format_interval(low: float, high: float) -> str:
    """Return ``76–100`` to two digits, or one number if both limits round to the same."""
    first, last = format_number(low, 2), format_number(high, 2)
    # A dash before a minus sign would be misread.
    return first if first == last else f"{first} to {last}" if low < 0 else f"{first}–{last}"


def format_p_value(p_value: float) -> str:
    """Return ``p = 0.03``, or ``p < 0.001``."""
    return f"p < {_LEAST_P:g}" if p_value < _LEAST_P else f"p = {p_value:.2g}"


def with_unit(text: str, unit: str) -> str:
    """Return `text` with its unit, none for dimensionless numbers."""
    return text if unit == "1" else f"{text} {unit}"
