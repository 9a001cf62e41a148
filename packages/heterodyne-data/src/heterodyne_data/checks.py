"""Checks and conversions of numbers of Python and NumPy."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heterodyne_spec import DataError


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether a value is a finite real number, including zero-dimensional arrays as read from files."""
    if getattr(value, "ndim", None) == 0:
        value = np.asarray(value).item()
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond the range of binary64
        return False


def as_meant(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers as float64; shorter floats are converted via their decimal digits (0.1, not 0.100000001)."""
    if values.dtype.kind == "f" and values.dtype.itemsize < 8:
        return np.array([float(str(value)) for value in values.ravel()], dtype=np.float64).reshape(values.shape)
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float64)


def as_array(value: ArrayLike, name: str, expected: str) -> NDArray[Any]:
    """Return a value as an array, with masked entries of floats as NaN; `name` and `expected` are for messages.

    Raises
    ------
    DataError
        The value is not a rectangular array.
    """
    try:
        if isinstance(value, np.ma.MaskedArray):
            return np.asarray(np.ma.filled(value.astype(np.result_type(value.dtype, np.float32)), np.nan))
        return np.asarray(value)
    except (ValueError, TypeError):
        shapes = ", ".join(str(one.shape) for one in value) if _holds_arrays(value) else ""
        found = f"parts of shapes {shapes}" if shapes else "parts of different shapes"
        raise DataError(f"{name}: found {found}, expected {expected}") from None


def _holds_arrays(value: object) -> TypeGuard[Any]:
    return isinstance(value, list | tuple) and all(isinstance(one, np.ndarray) for one in value)


def as_floats(value: ArrayLike, name: str, expected: str) -> NDArray[np.float64]:
    """Return a value as an array of float64, see `as_array`."""
    found = as_array(value, name, expected)
    if found.dtype.kind not in "fiub":
        raise DataError(f"{name}: found {found.dtype} of shape {found.shape}, expected {expected}")
    return np.array(as_meant(found))
