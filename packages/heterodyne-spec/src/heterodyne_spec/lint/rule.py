"""The base class of rules, and accessors that do not fail on malformed documents."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from heterodyne_spec.errors import Problem


class Rule(ABC):
    """One requirement on a document, stated by the docstring of the class."""

    @abstractmethod
    def check(self, document: Any) -> Iterator[Problem]:
        """Yield every violation of this rule in `document`, which may be malformed."""

    def problem(self, path: str, found: object, expected: str, remedy: str) -> Problem:
        """Return a Problem that carries this rule's name."""
        return Problem(path, str(found), expected, remedy, type(self).__name__)


def run(rules: Sequence[Rule], document: Any) -> list[Problem]:
    """Return the findings of all rules, in the order of the rules."""
    return [problem for rule in rules for problem in rule.check(document)]


def mapping_at(document: Any, *path: str) -> dict[str, Any]:
    """Return the mapping at `path`, empty if there is none."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def items_at(document: Any, *path: str) -> list[dict[str, Any]]:
    """Return the list of mappings at `path`, empty if there is none."""
    found = mapping_at(document, *path[:-1]).get(path[-1])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def number_or_none(value: Any) -> float | None:
    """Return `value` as float if it is a number (not a boolean), else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer outside the range of binary64
        return math.inf if value > 0 else -math.inf


def interval_or_none(value: Any) -> tuple[float, float] | None:
    """Return (lower, upper) if `value` is a list of two numbers, else None."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    lower, upper = number_or_none(value[0]), number_or_none(value[1])
    return None if lower is None or upper is None else (lower, upper)
