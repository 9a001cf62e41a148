"""Level of the values of maps: baseline 1 or 0, integers, or values that are not a correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from heterodyne_spec import DataError

DOWN_TO_0, DOWN_TO_1 = 0.4, 0.85
"""Level of the least correlated pairs below which a map is c2 - 1, and above which it is c2.

Noise and the normalisation of a short run reduce c2 below 1 (to 0.95 in the lowest measured map). In between are
c2 - 1 that has not decayed, and scaled c2.
"""
BELOW_1, NEARLY_ALL = 0.92, 0.9
"""A map is not c2 if more than this fraction of its pairs is below this value."""

HIGH, LOW = 0.15, -0.07
"""Range, relative to the baseline, of the least correlated pairs; outside, a map has not decayed, or is scaled."""

LOWEST, HIGHEST = -0.5, 3.0
"""Range of medians off the diagonal of a correlation; outside, no contrast and offset fit."""

WHOLE = "expected floats: c2 is between 1 and 2, so it was rounded to integers or scaled; store it as floats"

SCALED = "c2 is scaled, not divided by the mean intensities of both frames, or not a correlation; correct the maps"


class Level(NamedTuple):
    """Levels of a map off the diagonal: the median, and that of the least correlated pairs (`low`).

    `below` is the fraction of pairs clearly below 1. All are NaN for a map without values.
    """

    median: float
    low: float
    below: float


def baseline_of(level: Level) -> int | None:
    """Return the baseline of a map, 0 or 1, from the level of its least correlated pairs; None if that is ambiguous."""
    if level.low < DOWN_TO_0:
        # In c2 - 1, more than half of the pairs are below the values of c2; otherwise these low pairs of c2 are
        # invalid.
        return 0 if level.median < DOWN_TO_1 else None
    return 1 if level.low >= DOWN_TO_1 and level.below <= NEARLY_ALL else None


def of_a_correlation(level: float) -> bool:
    """Return whether the median off the diagonal can be that of a correlation with either baseline."""
    return LOWEST < level < HIGHEST


def listed(levels: Sequence[float], phi: Sequence[float]) -> str:
    """Return levels of maps with their angles in degrees, for messages."""
    return ", ".join(f"{level:.4g} at phi = {angle:g}" for level, angle in zip(levels, phi, strict=True))


def either(levels: Sequence[Level], phi: Sequence[float]) -> str:
    """Return that maps may be c2 - 1 or c2, and the fault in either case, as text."""
    if all(level.low < DOWN_TO_0 for level in levels):
        return (
            f"the lowest tenth of the map is near {listed([level.low for level in levels], phi)} and the median "
            f"{listed([level.median for level in levels], phi)}: c2 - 1 with a contrast above 1, or c2 with invalid "
            "entries"
        )
    return (
        f"the maps level off at {listed([level.low for level in levels], phi)}, neither near 0 nor near 1: c2 - 1 with "
        "a large contrast that has not decayed, or c2 that is scaled or not divided by the mean intensities"
    )


def off_the_baseline(levels: Sequence[tuple[Level, float]], baseline: int) -> list[str]:
    """Return a note on maps, with their angles in degrees, that do not level off at their baseline."""
    known = [(level.low, angle) for level, angle in levels if math.isfinite(level.low)]
    off = [pair for pair in known if not LOW <= pair[0] - baseline <= HIGH]
    if not off:
        return []
    other = "c2 + 1, the sum of several, or scaled" if baseline == 1 else "scaled"
    lows, angles = zip(*off, strict=True)
    return [f"the maps level off at {listed(lows, angles)}, not at {baseline}: they have not decayed, or are {other}"]


def check_baseline_1(levels: Sequence[Level], phi: Sequence[float]) -> None:
    """Raise DataError if the values of a map are not those of one with baseline 1; NaN is ignored."""
    known = [(level, angle) for level, angle in zip(levels, phi, strict=True) if math.isfinite(level.median)]
    found = f"c2: the medians off the diagonal are {listed([level.median for level in levels], phi)}"
    if not all(of_a_correlation(level.median) for level, _ in known):
        raise DataError(f"{found}, expected near 1, up to 2 for a large contrast: {SCALED}")
    readings = {baseline_of(level) for level, _ in known}
    if 0 in readings:
        raise DataError(f"{found}, expected near 1: these are values of c2 - 1; give c2 + 1")
    if None in readings:
        unclear = [pair for pair in known if baseline_of(pair[0]) is None]
        said = either([level for level, _ in unclear], [angle for _, angle in unclear])
        raise DataError(f"c2: {said}; give c2, which decays to 1: c2 + 1 in the first case")
