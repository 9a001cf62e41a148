"""Identifiability in words: undetermined and weakly determined directions, parameters at their bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from heterodyne_data import Direction, Identifiability
from heterodyne_nlsq.covariance import Curvature
from heterodyne_report import format_number

type FloatArray = npt.NDArray[np.float64]

_TAKES_PART = 0.1
"""Fraction of the length of a direction above which a parameter is named; smaller shares are rounding or marginal."""

_MOVES = 1e-6
"""Change, as a fraction of the range between the bounds, above which it is reported; smaller ones are insignificant."""

_TOLD = 5
"""Number of parameters of a direction that a sentence names; the result file has all."""


def _change(name: str, change: float) -> str:
    return f"{name} {'up' if change > 0 else 'down'} by {format_number(abs(change), 2)}"


def _first(told: Mapping[str, float], weights: Mapping[str, float]) -> list[str]:
    """Return names, those that take part most first where there are too many to be read."""
    return list(told) if len(told) <= _TOLD else sorted(told, key=lambda name: -abs(weights[name]))


def _some(words: Sequence[str], rest: str) -> str:
    """Return an enumeration, of a long one its beginning and what stands for the `rest`."""
    return ", ".join(words) if len(words) <= _TOLD else f"{', '.join(words[:_TOLD])} and {rest}"


def _direction(names: Sequence[str], bent: Curvature, index: int, width: FloatArray, spread: FloatArray) -> Direction:
    """Return the direction numbered `index`, with the step that changes the fit by the noise, within the bounds."""
    is_open = bool(bent.open[index])
    step = bent.vectors[:, index] / np.where(bent.scale > 0, bent.scale, 1.0)
    fits = float(np.min(width / np.maximum(np.abs(step), np.maximum(1e-290 * width, 1e-300)))) / 2
    step = step * (fits if is_open else min(fits, float(spread[index])))
    weights = {n: float(w) for n, w in zip(names, bent.vectors[:, index], strict=True) if abs(w) > _TAKES_PART}
    far = {n: float(s) for n, s, w in zip(names, step, width, strict=True) if n in weights and abs(s) > _MOVES * w}
    told = far or weights
    together = "changing it" if len(told) == 1 else "changing them together"
    moves = _some([_change(name, far[name]) for name in _first(far, weights)], "the others accordingly") or together
    others = "another parameter" if len(told) == _TOLD + 1 else f"{len(told) - _TOLD} other parameters"
    named = _some(_first(told, weights), others)
    if is_open and len(weights) == 1:
        words = f"{next(iter(weights))} has no effect on these data"
    elif is_open:
        words = f"only a combination of {named} is determined: {moves} leaves the fit unchanged"
    else:
        are = "is" if len(told) == 1 else "are"
        words = f"{named} {are} hardly determined: {moves} changes the fit by no more than the noise"
    return Direction("singular" if is_open else "weak", weights, float(bent.values[index]), words)


def statements(directions: Iterable[Direction]) -> list[str]:
    """Return what directions say, one sentence for all that name the same parameters."""
    about: dict[str, list[str]] = {}
    for direction in directions:
        subject, _, _ = direction.statement.partition(":")
        about.setdefault(subject, []).append(direction.statement)
    found = []
    for first, *others in about.values():
        also = "does another combination" if len(others) == 1 else f"do {len(others)} other combinations"
        found.append(f"{first}, as {also} of them" if others else first)
    return found


def identifiability(names: Sequence[str], bent: Curvature, width: FloatArray, spread: FloatArray) -> Identifiability:
    """Return which parameters and directions are determined.

    Parameters
    ----------
    names : of the free parameters.
    bent : their curvature.
    width : (n,) upper minus lower bound.
    spread : (n,) standard deviations along the curvature's directions (see `covariance.spread_along`).

    A parameter is not determined if it changes along an undetermined direction, or along one on which it can change by
    a quarter of the range between its bounds within the noise.
    """
    lost: set[str] = set()
    directions: list[Direction] = []
    length = np.where(bent.scale > 0, bent.scale, 1.0)
    for index in range(len(names)):
        vector = bent.vectors[:, index]
        takes_part = np.abs(vector) > _TAKES_PART
        if not bent.open[index]:
            reach = np.abs(vector) / length * spread[index]
            takes_part &= reach > 0.25 * width
        if takes_part.any():
            directions.append(_direction(names, bent, index, width, spread))
            lost.update(name for name, part in zip(names, takes_part, strict=True) if part)
    return Identifiability(
        determined=tuple(n for n in names if n not in lost),
        not_determined=tuple(n for n in names if n in lost),
        directions=tuple(directions),
    )


def at_bound(value: float, lower: float, upper: float, sd: float) -> str | None:
    """Return ``lower`` or ``upper`` if `value` is at that bound: within a millionth of the interval, or within
    a thousandth of its standard deviation (NaN when not known).
    """
    reach = max(1e-6 * (upper - lower), 1e-3 * sd if np.isfinite(sd) else 0.0)
    return "lower" if value - lower <= reach else "upper" if upper - value <= reach else None
