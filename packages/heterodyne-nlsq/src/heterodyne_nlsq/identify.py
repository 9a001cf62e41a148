"""What the data determine, in words: open and weak directions of the fit, parameters at their bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.covariance import Curvature
from heterodyne_spec import Direction, Identifiability

type FloatArray = npt.NDArray[np.float64]

_TAKES_PART = 0.05
"""Share of a direction's length from which a parameter is named; smaller ones are rounding or marginal."""


def _combination(changes: Mapping[str, float]) -> str:
    """Return ``D0_ref up by 120 with D_offset_ref down by 118`` for changes by name, the first one upward."""
    (first, size), *rest = changes.items()
    sign = np.sign(size)
    parts = [f"{first} up by {abs(size):.3g}"]
    parts += [f"{name} {'up' if change * sign > 0 else 'down'} by {abs(change):.3g}" for name, change in rest]
    return ", ".join(parts)


def _direction(
    kind: str, index: int, names: Sequence[str], bent: Curvature, changes: FloatArray, statement: str
) -> Direction:
    weights = {n: float(w) for n, w in zip(names, bent.vectors[:, index], strict=True) if abs(w) > _TAKES_PART}
    moved = {name: float(changes[names.index(name)]) for name in weights}
    return Direction(kind, weights, float(bent.values[index]), statement.format(_combination(moved)))


def identifiability(
    names: Sequence[str], bent: Curvature, covariance: FloatArray, width: FloatArray
) -> Identifiability:
    """Return what is determined and what is not.

    Parameters
    ----------
    names : of the free parameters.
    bent : their curvature.
    covariance : (n, n), their covariance.
    width : (n,) upper minus lower bound.

    A parameter counts as not determined when an open direction moves it, or when its standard deviation exceeds
    half the width of its bounds.
    """
    names = list(names)
    length = np.where(bent.scale > 0, bent.scale, 1.0)
    directions: list[Direction] = []
    lost: set[str] = set()
    for index in np.flatnonzero(bent.open):
        # One step: as far as the covariance goes along the direction.
        vector = bent.vectors[:, index] / length
        step = vector * np.sqrt(max(float(vector @ covariance @ vector), 0.0)) / max(float(vector @ vector), 1e-300)
        taking_part = [n for n, w in zip(names, bent.vectors[:, index], strict=True) if abs(w) > _TAKES_PART]
        words = (
            f"{taking_part[0]} has no effect on these data"
            if len(taking_part) == 1
            else "not determined, only in combination: {} leaves the fit as it is"
        )
        directions.append(_direction("singular", int(index), names, bent, step, words))
        lost.update(taking_part)
    sd = np.sqrt(np.diag(covariance))
    wide = {n for n, s, w in zip(names, sd, width, strict=True) if s > 0.5 * w} - lost
    for index in np.flatnonzero(~bent.open):
        strongest = names[int(np.argmax(np.abs(bent.vectors[:, index])))]
        if strongest in wide:
            vector = bent.vectors[:, index] / length
            step = vector * sd[names.index(strongest)] / abs(vector[names.index(strongest)])
            words = "hardly determined: {} changes the fit by no more than the noise"
            directions.append(_direction("weak", int(index), names, bent, step, words))
    lost |= wide
    return Identifiability(
        determined=tuple(n for n in names if n not in lost),
        not_determined=tuple(n for n in names if n in lost),
        directions=tuple(directions),
    )


def at_bound(value: float, lower: float, upper: float, sd: float) -> str | None:
    """Return ``lower`` or ``upper`` when `value` lies at that bound: within a millionth of the interval, or within
    a thousandth of its standard deviation (NaN when not known).
    """
    reach = max(1e-6 * (upper - lower), 1e-3 * sd if np.isfinite(sd) else 0.0)
    return "lower" if value - lower <= reach else "upper" if upper - value <= reach else None
