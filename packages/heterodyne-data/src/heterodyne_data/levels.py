"""On what level the values of maps are: baseline 1 or 0, whole numbers, or nothing that a correlation can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from heterodyne_spec.errors import DataError

# Between a fully decorrelated pair in c2 (1) and in c2 - 1 (0); contrasts are below 0.5.
HALFWAY = 0.5

LOWEST, HIGHEST = -0.5, 3.0
"""Medians off the diagonal between which maps are those of a correlation; else no contrast and no offset fits them."""

WHOLE = (
    "expected fractions: c2 is between 1 and 2, has lost its digits in whole numbers or is scaled; store it as floats"
)

SCALED = "c2 is scaled, not divided by the mean intensities of both frames, or no correlation; correct the maps"


def baseline_of(level: float) -> int:
    """Return the baseline, 0 or 1, from the median off the diagonal."""
    return 0 if level < HALFWAY else 1


def of_a_correlation(level: float) -> bool:
    """Tell whether the median off the diagonal can be that of a correlation, whatever its baseline."""
    return LOWEST < level < HIGHEST


def listed(levels: Sequence[float], phi: Sequence[float]) -> str:
    """Return the medians of maps with their angles in degrees, for messages."""
    return ", ".join(f"{level:.4g} at phi = {angle:g}" for level, angle in zip(levels, phi, strict=True))


def check_baseline_1(levels: Sequence[float], phi: Sequence[float]) -> None:
    """Raise DataError when a median off the diagonal is not that of a map with baseline 1; NaN tells nothing."""
    found = f"c2: the medians off the diagonal are {listed(levels, phi)}"
    known = [level for level in levels if math.isfinite(level)]
    if not all(map(of_a_correlation, known)):
        raise DataError(f"{found}, expected near 1, up to 2 for a large contrast: {SCALED}")
    if any(baseline_of(level) == 0 for level in known):
        raise DataError(f"{found}, expected near 1: these are values of c2 - 1; give c2 + 1")
