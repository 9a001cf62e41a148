"""The power and exponential laws in a model's functions of age, read off their expressions.

``A t^b + C`` and ``A exp(b (t - t0)) + C`` have the same undetermined directions in every measurement: if b is small, A
and C can compensate each other over decades while the function hardly changes. Fits and posteriors use coordinates in
which that valley is straight. These are computed from

    the clock c: ln T, or T - t0, at an age T inside the measurement,
    the first term at that age, a = A exp(b c), and the value f = a + C,
    the reach w: half the range of the clock within the measurement,

because the data determine f and the change of the first term (its slope a b, or 2 a sinh(b w)), while a alone is
undetermined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_spec.expression import Binary, Call, Expression, Name
from heterodyne_spec.model import ModelSpec

type FloatArray = npt.NDArray[np.float64]

_DECADE = 1.0
"""Reach of a power law in ln t: early ages, at a large distance in ln t, are only a few frames."""

_MAX_EXPONENT = 200.0
"""Exponent at which a factor is clipped."""


class Law(NamedTuple):
    """``A * t^b + C``, or ``A * exp(b * (t - t0)) + C`` where `origin` names t0."""

    amplitude: str
    rate: str
    offset: str
    origin: str | None

    def positions(self, names: Sequence[str]) -> list[int]:
        """Return the positions of A, b and C in `names`."""
        return [names.index(name) for name in self[:3]]

    def clock(self, age: npt.ArrayLike, values: Mapping[str, float] | None = None) -> FloatArray:
        """Return what b is multiplied with at ages in s: ln t, or t - t0 with the t0 of `values` (0 without)."""
        if self.origin is None:
            return np.asarray(np.log(age), float)
        return np.asarray(age, float) - (0.0 if values is None else values[self.origin])

    def reach(self, t: FloatArray) -> float:
        """Return half the range of the clock in a measurement with ages `t` (n_t,) in s; 1 for a power law."""
        return _DECADE if self.origin is None else float(np.ptp(t)) / 2

    def from_origin(self, values: Mapping[str, float], origin: float) -> dict[str, float]:
        """Return the `values` of all parameters with the same function of age written with another t0.

        Only A exp(-b t0) counts: A follows.
        """
        if self.origin is None:
            return dict(values)
        grown = clipped_exp(values[self.rate] * (origin - values[self.origin]))
        return {**values, self.amplitude: values[self.amplitude] * grown, self.origin: origin}


def clipped_exp(exponent: float) -> float:
    """Return the exponential, clipped so that it remains finite."""
    return math.exp(min(max(exponent, -_MAX_EXPONENT), _MAX_EXPONENT))


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
