"""Validation of values read from JSON against the declared types of a dataclass."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from heterodyne_spec import shortened


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
