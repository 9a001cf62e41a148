"""Functions of age at one age and over a measurement, with their derivatives by the parameters, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]


class Found(NamedTuple):
    """Values (n,) and their derivatives by all parameters (n, n_par)."""

    value: FloatArray
    slopes: FloatArray


type Functions = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""All functions of age at ages (n_age,) in s: (n_function, n_age), and derivatives (n_function, n_age, n_par)."""

_STEP = 1e-4
"""Step of ln t for derivatives by it: their relative error is below 1e-5 for a decay within 3 % of the age."""

_STEPS = 256
"""Points of the quadrature for means over age."""


def at_age(functions: Functions, age: float) -> tuple[Found, Found]:
    """Return the functions at an age in s, and their changes with ln t."""
    value, slopes = functions(age * np.exp(_STEP * np.array([-1.0, 0.0, 1.0])))
    change, of_slopes = ((part[:, 2] - part[:, 0]) / (2 * _STEP) for part in (value, slopes))
    return Found(value[:, 1], slopes[:, 1]), Found(change, of_slopes)


def mean(functions: Functions, first: float, last: float) -> Found:
    """Return the means of the functions between two ages in s."""
    value, slopes = functions(np.linspace(first, last, _STEPS))
    of_value, of_slopes = (((part[:, 1:] + part[:, :-1]) / 2).mean(axis=1) for part in (value, slopes))
    return Found(of_value, of_slopes)


def ratio(one: Found, other: Found) -> Found:
    """Return a ratio; not finite where the other is 0."""
    with np.errstate(all="ignore"):
        value = one.value / other.value
        return Found(value, (one.slopes - value[:, None] * other.slopes) / other.value[:, None])


def scaled(found: Found, factor: float) -> Found:
    """Return values times a factor."""
    return Found(factor * found.value, factor * found.slopes)


def inverse(found: Found, factor: float) -> Found:
    """Return a factor over values; not finite where they are 0."""
    with np.errstate(all="ignore"):
        value = factor / found.value
        return Found(value, -(value / found.value)[:, None] * found.slopes)


def rows(*parts: Found) -> Found:
    """Return values one after the other."""
    return Found(np.concatenate([part.value for part in parts]), np.concatenate([part.slopes for part in parts]))


def alternating(one: Found, other: Found) -> Found:
    """Return values, each followed by that of the other."""
    value, slopes = (np.stack(pair, axis=1) for pair in zip(one, other, strict=True))
    return Found(value.ravel(), slopes.reshape(-1, slopes.shape[-1]))
