"""Values as JSON: conversion of dataclasses and arrays to JSON types and back, and validation of their types."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from heterodyne_spec import DataError, short_json, shortened


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


def undeclared(value: Any, place: str = "") -> Iterator[str]:
    """Yield a message for every field of a dataclass, or of nested ones, whose value is not of the declared type.

    Arrays are not checked. A message states the field, its value and the expected type.
    """
    hints = typing.get_type_hints(type(value))
    for field in dataclasses.fields(value):
        one, where = getattr(value, field.name), f"{place}{field.name}"
        inner = one if isinstance(one, tuple) else (one,)
        if inner and all(dataclasses.is_dataclass(item) for item in inner):
            for k, item in enumerate(inner):
                yield from undeclared(item, f"{where}[{k}]." if isinstance(one, tuple) else f"{where}.")
        elif not is_declared(one, hints[field.name]):
            yield f"{where} is {shortened(repr(one), 60)}, expected {_word(hints[field.name])}"


def is_declared(value: Any, hint: Any) -> bool:
    """Return whether a value has a type: a plain one, a union, a tuple or mapping of them; True for any other type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return any(is_declared(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(is_declared(item, inner[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(is_declared(item, inner[1]) for item in value.values())
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if hint in (str, bool, type(None), dict) else True


def _word(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
