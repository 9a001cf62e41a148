"""Conversion of single values: numbers and switches that may be strings, units that are only labels."""

from __future__ import annotations

import math
import re
from typing import Any

from heterodyne_spec import number_or_none

# Those programs read YAML 1.1, in which these words are booleans.
_SWITCHES = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}

# Those programs compute in Å, s and degrees regardless of labels; a label with another unit contradicts the value.
_FOREIGN_UNIT = re.compile(
    r"(?<![A-Za-zµμÅ])(?:nm|pm|µm|μm|um|mm|cm|ns|ms|µs|μs|us|minutes?|hours?|rad|radians?)(?![A-Za-z])"
)


def as_number(value: Any) -> float | None:
    """Return a finite number, also from a string ("1e4"); None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    found = number_or_none(value)
    return found if found is not None and math.isfinite(found) else None


def as_whole(value: Any) -> int | None:
    """Return a whole number, also from a string or from 3.0; None for anything else."""
    found = as_number(value)
    return int(found) if found is not None and found == int(found) else None


def as_switch(value: Any) -> bool | None:
    """Return a boolean, also from yes, no, on, off; None for anything else."""
    return value if isinstance(value, bool) else _SWITCHES.get(str(value).lower())


def plain(value: float) -> float | int:
    """Return a whole number as int, for readability; other numbers unchanged."""
    return int(value) if value == int(value) and abs(value) < 1e9 else value


def foreign_unit(label: Any) -> str | None:
    """Return a unit other than Å, s and degrees in a label, or None."""
    found = _FOREIGN_UNIT.search(str(label)) if isinstance(label, str) else None
    return found[0] if found else None
