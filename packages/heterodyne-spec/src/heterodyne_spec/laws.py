"""The power and exponential laws in a model's functions of age, recognised in their expressions.

``A t^b + C`` and ``A exp(b (t - t0)) + C`` have the same poorly determined directions in every measurement; fits and
posteriors therefore use coordinates adapted to them.
"""

from __future__ import annotations

from typing import NamedTuple

from heterodyne_spec.expression import Binary, Call, Expression, Name
from heterodyne_spec.model import ModelSpec


class Law(NamedTuple):
    """``A * t^b + C``, or ``A * exp(b * (t - t0)) + C`` where `origin` names t0."""

    amplitude: str
    rate: str
    offset: str
    origin: str | None


def find_laws(spec: ModelSpec) -> list[Law]:
    """Return the laws in the model's functions."""
    return [law for function in spec.functions for law in _laws_of(function.tree)]


def laws_of(spec: ModelSpec, name: str) -> list[Law]:
    """Return the laws in the model's function of that name."""
    return [law for function in spec.functions if function.name == name for law in _laws_of(function.tree)]


def _laws_of(tree: Expression) -> list[Law]:
    match tree:
        case Binary("+", Binary("*", Name(a), Binary("^", Name("t"), Name(b))), Name(c)):
            return [Law(a, b, c, None)]
        case Binary(
            "+",
            Binary("*", Name(a), Call("exp", (Binary("*", Name(b), Binary("-", Name("t"), Name(t0))),))),
            Name(c),
        ):
            return [Law(a, b, c, t0)]
        case Binary(_, left, right):
            return _laws_of(left) + _laws_of(right)
        case Call(_, arguments):
            return [law for argument in arguments for law in _laws_of(argument)]
        case _:
            return []
