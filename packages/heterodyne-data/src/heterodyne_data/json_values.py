"""Conversion of values to JSON types, and of rows of tables back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from heterodyne_spec import DataError, short_json


def to_json_values(value: Any) -> Any:
    """Return `value` converted to mappings, lists, strings, numbers, booleans and None.

    Arrays and tuples become lists, numbers that are not finite become None, and other objects strings.
    """
    if isinstance(value, Mapping):
        return {str(key): to_json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_values(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_json_values(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def from_json_values[Row](cls: type[Row], row: Mapping[str, Any]) -> Row:
    """Return a dataclass of the JSON object of its fields: null is NaN in a field declared float, lists are tuples.

    Raises
    ------
    DataError : if a field declared float has something else than a number.
    """
    declared = {field.name: str(field.type) for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: _field(name, value, declared[name]) for name, value in row.items()})


def _field(name: str, value: Any, declared: str) -> Any:
    if declared != "float":
        return tuple(value) if isinstance(value, list) else value
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise DataError(f"{name}: found {short_json(value)}, expected a number")
    return math.nan if value is None else float(value)
