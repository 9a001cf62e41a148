"""Largest possible q of X-rays: 4 pi over the wavelength, for backscattering."""

from __future__ import annotations

import math
from collections.abc import Iterable

from heterodyne_data.pixels import HC
from heterodyne_spec import ContradictionError

LARGEST_Q = 10.0
"""In 1/Å: backscattering at 10 keV. XPCS uses less than a tenth of it in small-angle scattering,
and up to half of it at atomic distances; larger numbers are q in another unit."""

SMALLEST_Q = 1e-7
"""In 1/Å: a period of a millimetre. Smaller values were converted from a wrong unit."""


def reach(energy: float | None) -> float:
    """Return the largest q in 1/Å at this photon energy in keV, `LARGEST_Q` if it is unknown."""
    return LARGEST_Q if energy is None else min(LARGEST_Q, 4 * math.pi * energy / HC)


def check_reach(q: Iterable[float], energy: float | None = None) -> None:
    """Raise ContradictionError if one of these q in 1/Å is impossible for X-rays, or implausibly small."""
    q = [one for one in q if math.isfinite(one)]
    if 0 < (least := min((one for one in q if one > 0), default=1.0)) < SMALLEST_Q:
        raise ContradictionError(
            f"q: found {least:.4g} 1/Å, expected {SMALLEST_Q:g} or more: the unit of q is not the stated one; "
            "correct the unit"
        )
    largest, most = max(q, default=0.0), reach(energy)
    if largest > most:
        whose = (
            "the largest of any XPCS measurement"
            if most == LARGEST_Q
            else f"4 pi over the wavelength at {energy:g} keV"
        )
        raise ContradictionError(
            f"q: found {largest:.4g} 1/Å, expected {most:.3g} at most, {whose}: q is in another unit (10 1/nm or 10000 "
            "1/µm are 1 1/Å); state or convert it"
        )
