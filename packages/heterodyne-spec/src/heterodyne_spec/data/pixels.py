"""Where the pixels of each bin lie on the detector: their q and azimuth, against those that the file lists for the bin.

The pixels are what was correlated. A list that contradicts them belongs to another partition, another geometry or
another unit, whatever it calls itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HC = 12.398419843
"""Energy times wavelength, keV Å."""
FOCUSED, FOCUSED_TWICE = 0.8, 0.5
"""Length of the mean direction of a bin's pixels from which they have one, and of the mean axis of opposite parts:
1 of a point, 0.83 of a wedge of 120°, 0.64 of half a ring, whose mean of cos(phi - phi0) is that of a ring."""
GROSS_Q, MOST_Q = 0.2, 0.5
GROSS_PHI, MOST_PHI = 20.0, 60.0
"""Deviations of list and pixels, relative and in degrees, that are refused: between these limits half the step of the
list, because the pixels of a bin that is cut off still lie inside it."""
WORTH_Q, WORTH_PHI = 0.03, 3.0
"""Deviations that are said bin by bin: the velocity is wrong by as much."""
FEWEST_AZIMUTHS = 4
"""Listed azimuths that tell where they are counted from: fewer fit any direction."""
MOST_TOLD = 6
"""Bins of one note, the worst first."""
LARGEST_BIN = 1_000_000
"""Number of a bin: beyond, a file is damaged."""

_TURNS = (0.0, 90.0, 180.0, 270.0)


@dataclass(frozen=True)
class Azimuths:
    """How a list counts azimuths: `sign` times the angle from the columns to the rows of the detector, plus `turn`."""

    sign: int
    turn: float

    def of(self, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return detector angles (degrees) as this list counts them."""
        return self.sign * angle + self.turn


@dataclass(frozen=True, eq=False)
class PixelMap:
    """The bin of every pixel, and where the pixels are.

    Parameters
    ----------
    labels : bin of each pixel (rows, columns), 0 outside all.
    centre : column and row of the direct beam.
    size : width and height of a pixel in m.
    distance : from sample to detector in m.
    energy : of the photons in keV.
    azimuths : how programs that write this layout count azimuths.
    """

    labels: NDArray[np.int64]
    centre: tuple[float, float]
    size: tuple[float, float]
    distance: float
    energy: float
    azimuths: Azimuths


@dataclass(frozen=True, eq=False)
class Centroids:
    """The middle of the pixels of every bin, by label - 1, NaN where there is none.

    `q` in 1/Å, the mean; `angle` in degrees from columns to rows, NaN for bins that go round; `opposite`: the bin has
    two opposite parts, so that its angle is known up to 180°.
    """

    q: NDArray[np.float64]
    angle: NDArray[np.float64]
    opposite: NDArray[np.bool_]


def centroids(pixels: PixelMap) -> Centroids:
    """Return the middle of each bin: the mean of q = 4 pi / lambda sin(theta), and the mean direction."""
    inside = pixels.labels > 0
    label = pixels.labels[inside] - 1
    row, column = np.nonzero(inside)
    x, y = (column - pixels.centre[0]) * pixels.size[0], (row - pixels.centre[1]) * pixels.size[1]
    radius = np.hypot(x, y)
    theta = 0.5 * np.arctan2(radius, pixels.distance)
    # The direction as a complex number: its mean has the mean direction, that of its square the mean axis.
    direction = (x + 1j * y) / np.where(radius > 0, radius, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        count = np.bincount(label).astype(np.float64)
        q = np.bincount(label, 4 * np.pi * pixels.energy / HC * np.sin(theta)) / count
        once, twice = (
            (np.bincount(label, power.real) + 1j * np.bincount(label, power.imag)) / count
            for power in (direction, direction**2)
        )
        one = np.abs(once) >= FOCUSED
        opposite = ~one & (np.abs(once) < FOCUSED_TWICE) & (np.abs(twice) >= FOCUSED_TWICE)
    mean = np.where(one, np.angle(once), np.where(opposite, np.angle(twice) / 2, np.nan))
    return Centroids(q, np.degrees(mean), opposite)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far the lists are from the pixels, by label - 1: `q` relative, `phi` in degrees, NaN where either has none.

    `azimuths` is how the list counts.
    """

    q: NDArray[np.float64]
    phi: NDArray[np.float64]
    azimuths: Azimuths


def compare(q: NDArray[np.float64], phi: NDArray[np.float64], found: Centroids, usual: Azimuths) -> Comparison:
    """Compare listed q (1/Å) and phi (degrees) by label with the centroids.

    Where azimuths are counted from, and which way round, no file says: the way that fits most bins best is taken, the
    usual one where it does as well or none fits, a quarter of a turn from it before any other.
    """
    n = min(q.size, found.q.size)
    angle, opposite = found.angle[:n], found.opposite[:n]
    with np.errstate(invalid="ignore", divide="ignore"):
        off_q = q[:n] / found.q[:n] - 1
    ways = [usual, *(Azimuths(sign, turn) for sign, turn in itertools.product((1, -1), _TURNS))]
    ways += [fitted for sign in (1, -1) if (fitted := any_turn(phi[:n], angle, sign)) is not None]
    off = [turned(phi[:n] - way.of(angle), opposite) for way in ways]
    middle = np.array([float(np.nanmedian(np.abs(one))) if np.isfinite(one).any() else 0.0 for one in off])
    # The first in this order that is as good as any: simple ways before others.
    best = int(np.flatnonzero(middle <= middle.min() + 1)[0]) if middle.min() <= GROSS_PHI else 0
    return Comparison(off_q, off[best], ways[best])


def any_turn(phi: NDArray[np.float64], angle: NDArray[np.float64], sign: int) -> Azimuths | None:
    """Return the way of counting with this sign that starts anywhere; None where too few azimuths could tell it."""
    apart = phi - sign * angle
    apart = apart[np.isfinite(apart)]
    if np.unique(np.round(phi[np.isfinite(phi)], 1)).size < FEWEST_AZIMUTHS or not apart.size:
        return None
    whole = np.zeros(apart.size, dtype=bool)
    turn = math.degrees(np.angle(np.exp(1j * np.radians(apart)).sum()))
    return Azimuths(sign, turn + float(np.median(turned(apart - turn, whole))))


def turned(angle: NDArray[np.float64], opposite: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return angles in -180 to 180 degrees, in -90 to 90 where opposite directions are the same."""
    half = np.where(opposite, 90.0, 180.0)
    return np.asarray((angle + half) % (2 * half) - half)


def limit(values: NDArray[np.float64], at: float, least: float, most: float, period: float = math.inf) -> float:
    """Return half the smallest step of a list next to `at`, held between `least` and `most`."""
    others = values[np.isfinite(values)]
    apart = np.abs(others - at)
    apart = np.minimum(apart, period - apart) if math.isfinite(period) else apart
    steps = apart[apart > 1e-6 * max(abs(at), 1e-12)]
    return min(max(float(steps.min()) / 2 if steps.size else least, least), most)


def said(comparison: Comparison, labels: NDArray[np.int64], usual: Azimuths) -> Iterator[str]:
    """Yield how far the listed bins with these labels are from their pixels, and how they are counted, in words."""
    if (way := comparison.azimuths) != usual:
        yield (
            f"phi of the list is {way.turn % 360:.3g}° to the right on the detector and grows "
            f"{'down' if way.sign > 0 else 'up'}wards, which is not the usual way in this layout"
        )
    places = labels[labels <= comparison.q.size] - 1
    off_q, off_phi = comparison.q[places], comparison.phi[places]
    if not np.isfinite(off_q).any():
        return
    phi_too = f", phi within {np.nanmax(np.abs(off_phi)):.1f}°" if np.isfinite(off_phi).any() else ""
    yield f"bins agree with their pixels: q within {100 * np.nanmax(np.abs(off_q)):.1f} %{phi_too}"
    worst = np.fmax(np.abs(off_q) / WORTH_Q, np.abs(off_phi) / WORTH_PHI)
    apart = np.flatnonzero(worst > 1)
    if apart.size:
        most = apart[np.argsort(-worst[apart], kind="stable")][:MOST_TOLD]
        listed = ", ".join(told(places[i], off_q[i], off_phi[i]) for i in most)
        more = f", ... ({apart.size - MOST_TOLD} more)" if apart.size > MOST_TOLD else ""
        yield (
            f"bins off their pixels, by clipping or averaging: {listed}{more}; data.bins=pixels takes the middle of "
            "the pixels"
        )


def told(place: int, off_q: float, off_phi: float) -> str:
    """Return how far one bin is off, in words."""
    phi = "" if math.isnan(off_phi) else f", phi {off_phi:+.1f}°"
    return f"bin {place + 1} (q {100 * off_q:+.1f} %{phi})"
