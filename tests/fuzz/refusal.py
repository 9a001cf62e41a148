"""What an error has to look like, and the error of this session itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from common import Made

LONGEST_LINE = 4000
"""Characters of an error: half a screen, and that only where a file has many problems."""


class Broken(AssertionError):
    """Something that must hold does not."""


def holds(condition: object, what: str) -> None:
    """Raise Broken with `what` unless `condition` is true."""
    if not condition:
        raise Broken(what)


def check_line(text: str, made: Made) -> None:
    """Check that an error is one line that can be printed, names the file and says something."""
    holds(text.isprintable(), f"an error that is not one printable line: {text[:200]!r}")
    holds(len(text) <= LONGEST_LINE, f"an error of {len(text)} characters: {text[:200]}")
    holds(made.path.stem in text, f"an error that does not name the file: {text[:200]}")
    holds(len(text) > len(str(made.path)) + 15, f"an error that says nothing: {text!r}")


def check_words(words: Any) -> None:
    """Check that texts for people are single lines that can be printed and stored."""
    for text in words:
        holds(isinstance(text, str) and text.isprintable(), f"words that cannot be printed: {text!r}"[:300])


def numbers_in(value: Any) -> Iterator[float]:
    """Yield all numbers in plain data."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from numbers_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def check_finite(value: Any, what: str) -> None:
    """Check that all numbers in plain data are finite."""
    holds(all(map(math.isfinite, numbers_in(value))), f"{what}: a number that is not finite was accepted")


def check_equal(one: Any, other: Any, what: str) -> None:
    """Check that arrays are equal in shape and value, NaN with NaN."""
    a, b = np.asarray(one), np.asarray(other)
    holds(a.shape == b.shape, f"{what}: shape {a.shape} became {b.shape}")
    holds(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), f"{what}: values differ")
