"""Kinds of numbers, Python's and NumPy's alike."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TypeGuard

import numpy as np


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[float]:
    """Tell whether a value is one finite real number; arrays without dimensions are, as read from files."""
    if getattr(value, "ndim", None) == 0:
        value = np.asarray(value).item()
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond binary64
        return False
