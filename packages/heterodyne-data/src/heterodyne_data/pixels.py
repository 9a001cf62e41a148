"""q and azimuth of the pixels of each bin, compared with those listed in the file.

The pixels were correlated. A list that contradicts them belongs to another partition, another geometry or
another unit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heterodyne_spec import count_noun

HC = 12.398419843
"""Energy times wavelength, keV Å."""
FOCUSED, FOCUSED_TWICE = 0.8, 0.5
"""Length of the mean direction of a bin's pixels from which they have one, and of the mean axis of opposite parts:
1 of a point, 0.83 of a wedge of 120°, 0.64 of half a ring, whose mean of cos(phi - phi0) is that of a ring."""
GROSS_Q, MOST_Q = 0.2, 0.5
GROSS_PHI, MOST_PHI = 20.0, 60.0
"""Deviations of list and pixels, relative to the list and in degrees, that are refused: between these limits half the
step of the list, because the pixels of a bin that is cut off still lie inside it; and a pixel more."""
GAP = 2.0
"""Times another step of a list from which a step of it is a gap."""
WORTH_Q, WORTH_PHI = 0.03, 3.0
"""Deviations reported for each bin, because the velocity has the same relative error."""
FEWEST_AZIMUTHS = 4
"""Number of listed azimuths that determines their origin and sense; fewer fit too many conventions."""
WIDEST = 130.0
"""Width of a bin in degrees above which it has no direction: the length of the mean direction is below `FOCUSED`."""
SAME_AZIMUTH = 1.0
"""Degrees within which a rotation of all azimuths is negligible, or a whole number of bins."""
FEWEST_Q, MOST_ALIKE = 3, 0.6
"""Number of different q that determine a common factor, and the fraction of bins that must have it."""
MOST_TOLD = 6
"""Maximum number of bins in one note, the worst first."""
LARGEST_BIN = 1_000_000
"""Largest number of a bin; a larger one means that the file is damaged."""

_TURNS = (0.0, 90.0, 180.0, 270.0)


@dataclass(frozen=True)
class Azimuths:
    """Convention of azimuths: `sign` times the angle from the columns to the rows of the detector, plus `turn`."""

    sign: int
    turn: float

    def of(self, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return detector angles (degrees) in this convention."""
        return self.sign * angle + self.turn


@dataclass(frozen=True, eq=False)
class PixelMap:
    """The bin of every pixel, and the geometry of the pixels.

    Parameters
    ----------
    labels : bin of each pixel (rows, columns), 0 outside all bins.
    centre : column and row of the direct beam.
    size : width and height of a pixel in m.
    distance : from sample to detector in m.
    energy : photon energy in keV.
    azimuths : convention of programs that write this layout; None if they differ.
    """

    labels: NDArray[np.int64]
    centre: tuple[float, float]
    size: tuple[float, float]
    distance: float
    energy: float
    azimuths: Azimuths | None

    @property
    def step(self) -> float:
        """Width of a pixel in 1/Å."""
        return 2 * math.pi * self.energy / HC * max(map(abs, self.size)) / abs(self.distance)


@dataclass(frozen=True, eq=False)
class Centroids:
    """The centre of the pixels of every bin, by label - 1, NaN if there is none.

    `q` in 1/Å, the mean; `angle` in degrees from columns to rows, NaN for rings; `opposite`: the bin has
    two opposite parts, so that its angle is determined up to 180°.
    """

    q: NDArray[np.float64]
    angle: NDArray[np.float64]
    opposite: NDArray[np.bool_]


def centroids(pixels: PixelMap) -> Centroids:
    """Return the centre of each bin: the mean of q = 4 pi / lambda sin(theta), and the mean direction."""
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
    """Deviations of the lists from the pixels, by label - 1: `q` relative, `phi` in degrees, NaN if either is missing.

    `azimuths` is the convention of the list; None if unknown, then phi is not compared.
    """

    q: NDArray[np.float64]
    phi: NDArray[np.float64]
    azimuths: Azimuths | None


def compare(q: NDArray[np.float64], phi: NDArray[np.float64], found: Centroids, usual: Azimuths | None) -> Comparison:
    """Compare listed q (1/Å) and phi (degrees) by label with the centroids.

    No file states the origin and sense of azimuths: the convention that fits most bins best is used, the
    usual one if it fits as well or none fits, one rotated by quarters of a turn before any other. Few azimuths do not
    determine it: the usual convention is used.
    """
    n = min(q.size, found.q.size)
    angle, opposite = found.angle[:n], found.opposite[:n]
    with np.errstate(invalid="ignore", divide="ignore"):
        off_q = q[:n] / found.q[:n] - 1
    ways = [] if usual is None else [usual]
    compared = np.isfinite(phi[:n]) & np.isfinite(angle)
    if np.unique(np.round(phi[:n][compared], 1)).size >= FEWEST_AZIMUTHS:
        ways += [Azimuths(sign, turn) for sign, turn in itertools.product((1, -1), _TURNS)]
        ways += [any_turn(phi[:n][compared], angle[compared], sign) for sign in (1, -1)]
    if not ways:
        return Comparison(off_q, np.full(n, np.nan), None)
    off = [turned(phi[:n] - way.of(angle), opposite) for way in ways]
    middle = np.array([float(np.nanmedian(np.abs(one))) if np.isfinite(one).any() else 0.0 for one in off])
    # The first in this order that is as good as any: simple ways before others.
    best = int(np.flatnonzero(middle <= middle.min() + 1)[0]) if middle.min() <= GROSS_PHI else 0
    return Comparison(off_q, off[best], ways[best])


def any_turn(phi: NDArray[np.float64], angle: NDArray[np.float64], sign: int) -> Azimuths:
    """Return the best convention with this sign and any origin."""
    apart = phi - sign * angle
    whole = np.zeros(apart.size, dtype=bool)
    turn = math.degrees(np.angle(np.exp(1j * np.radians(apart)).sum()))
    return Azimuths(sign, turn + float(np.median(turned(apart - turn, whole))))


def shifted(phi: NDArray[np.float64], way: Azimuths, usual: Azimuths | None) -> float | None:
    """Return the rotation in degrees that maps a list onto itself, None if there is none.

    Labels that are off by bins and another origin of azimuths are then indistinguishable. A quarter of a turn is
    assumed to be the latter if it is several bins.
    """
    alike = usual is not None and usual.sign == way.sign
    turn = (way.turn - usual.turn + 180) % 360 - 180 if usual is not None and alike else _past_a_quarter(way.turn)
    step = list_step(phi)
    bins = round(turn / step)
    falls_on_itself = bins != 0 and abs(turn - bins * step) <= max(SAME_AZIMUTH, step / 10)
    convention = abs(_past_a_quarter(turn)) <= SAME_AZIMUTH and abs(bins) > 1
    return turn if falls_on_itself and not convention else None


def list_step(phi: NDArray[np.float64]) -> float:
    """Return the smallest step of a list of azimuths in degrees, 360 if it has only one."""
    angles = np.unique(np.round(phi[np.isfinite(phi)] % 360, 1))
    steps = np.diff(angles, append=angles[:1] + 360)
    return float(steps[steps > SAME_AZIMUTH].min(initial=360.0))


def odd_turn(way: Azimuths) -> float | None:
    """Return the rotation in degrees of a convention relative to rows and columns, None for quarters of a turn."""
    turn = _past_a_quarter(way.turn)
    return turn if abs(turn) > SAME_AZIMUTH else None


def half_a_bin(phi: NDArray[np.float64], compared: Comparison, usual: Azimuths | None) -> float | None:
    """Return the rotation in degrees of a list that is off by half a bin: edges of bins instead of centres."""
    way, step = compared.azimuths, list_step(phi)
    if way is None or way == usual or odd_turn(way) is None:
        return None
    alike = usual is not None and usual.sign == way.sign
    turn = (way.turn - usual.turn + 180) % 360 - 180 if usual is not None and alike else odd_turn(way)
    return turn if turn is not None and abs(turn % step - step / 2) <= max(SAME_AZIMUTH, step / 10) else None


def common_factor(q: NDArray[np.float64], off: NDArray[np.float64]) -> float | None:
    """Return the common relative deviation of all q of a list, None if there is none, or it is small.

    Clipping shifts the bins at the edges of a detector, and averaging those at small q: a wrong distance or
    energy shifts all.
    """
    known = np.isfinite(off) & (q[: off.size] > 0)
    if np.unique(np.round(q[: off.size][known], 9)).size < FEWEST_Q:
        return None
    middle = float(np.median(off[known]))
    alike = np.abs((1 + off[known]) / (1 + middle) - 1) <= WORTH_Q
    return middle if abs(middle) > WORTH_Q and alike.mean() >= MOST_ALIKE else None


def _past_a_quarter(turn: float) -> float:
    """Return the remainder of a rotation in degrees after quarters of a turn, -45 to 45."""
    return (turn + 45) % 90 - 45


def undirected(phi: NDArray[np.float64], count: int) -> NDArray[np.float64] | None:
    """Return NaN for each azimuth of a list whose `count` azimuthal bins are too wide for one; None if they are not.

    For files without pixels: one bin may be a ring, and two may be half rings, unless they are adjacent.
    """
    known = np.unique(phi[np.isfinite(phi)])
    side_by_side = known.size == count == 2 and turned(np.diff(known), np.zeros(1, dtype=bool))[0]
    return None if count > 2 or (side_by_side and abs(side_by_side) <= WIDEST) else np.full(phi.size, np.nan)


def turned(angle: NDArray[np.float64], opposite: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return angles in -180 to 180 degrees, or -90 to 90 if opposite directions are equivalent."""
    half = np.where(opposite, 90.0, 180.0)
    return np.asarray((angle + half) % (2 * half) - half)


def limit(values: NDArray[np.float64], at: float, least: float, most: float, period: float = math.inf) -> float:
    """Return half the step of a list at `at`, limited to `least` and `most`.

    The larger of the steps to both sides, because bins may grow; the smaller if there is a gap on the other side.
    """
    apart = values[np.isfinite(values)] - at
    apart = (apart + period / 2) % period - period / 2 if math.isfinite(period) else apart
    apart = apart[np.abs(apart) > 1e-6 * max(abs(at), 1e-12)]
    sides = sorted(float(np.abs(side).min()) for side in (apart[apart > 0], apart[apart < 0]) if side.size)
    step = 0.0 if not sides else sides[-1] if sides[-1] <= GAP * sides[0] else sides[0]
    return min(max(step / 2, least), most)


def said(
    q: NDArray[np.float64], comparison: Comparison, labels: NDArray[np.int64], usual: Azimuths | None
) -> Iterator[str]:
    """Yield the deviations of the listed bins with these labels from their pixels, and the convention, as text.

    `q` is the whole list, by label - 1.
    """
    way = comparison.azimuths
    odd = None if way is None or way == usual else odd_turn(way)
    if way is not None and odd is not None:
        yield (
            f"phi of the list is rotated by {odd:+.1f}° relative to rows and columns of the detector in all bins and "
            f"{growth(way)}: "
            "it is unknown whether the list is wrong or has another origin, so phi is uncertain by that angle; "
            "data.bins=pixels counts from the columns"
        )
    elif way is not None and way != usual:
        unusual = ", which is unusual for this layout" if usual is not None else ""
        yield f"phi of the list {counted(way)}{unusual}"
    places = np.unique(labels[labels <= comparison.q.size]) - 1
    off_q, off_phi = comparison.q[places], comparison.phi[places]
    if not np.isfinite(off_q).any():
        return
    phi_too = f", phi within {np.nanmax(np.abs(off_phi)):.1f}°" if np.isfinite(off_phi).any() else ""
    within = f"q within {100 * np.nanmax(np.abs(off_q)):.1f} %{phi_too}"
    worst = np.fmax(np.abs(off_q) / WORTH_Q, np.abs(off_phi) / WORTH_PHI)
    off = np.flatnonzero(worst > 1)
    if not off.size:
        yield (
            f"bins agree with their pixels: {within}"
            if odd is None
            else f"apart from that rotation, {within} of the pixels"
        )
        return
    turn, factor = common_turn(off_phi), common_factor(q, comparison.q)
    why = "possibly due to clipping or averaging"
    if factor is not None:
        why = f"q of all by about {100 * factor:+.0f} %: is the distance or the energy wrong?"
    elif turn is not None:
        why = (
            f"phi of all by about {turn:+.1f}°, due to clipping or another origin of phi: fewer than "
            f"{FEWEST_AZIMUTHS} azimuths do not determine which"
        )
    most = off[np.argsort(-worst[off], kind="stable")][:MOST_TOLD]
    listed = ", ".join(told(places[i], off_q[i], off_phi[i]) for i in most)
    more = f", ... ({off.size - MOST_TOLD} more)" if off.size > MOST_TOLD else ""
    yield (
        f"{off.size} of {count_noun(places.size, 'bin')} off their pixels by more than {100 * WORTH_Q:.0f} % or "
        f"{WORTH_PHI:.0f}° ({within}; refused beyond {100 * GROSS_Q:.0f} %, {GROSS_PHI:.0f}° and half a bin), {why}: "
        f"{listed}{more}; data.bins=pixels uses the centre of the pixels"
    )


def common_turn(off: NDArray[np.float64]) -> float | None:
    """Return the common deviation of all azimuths in degrees, None if there is none, or it is small."""
    known = off[np.isfinite(off)]
    alike = known.size > 0 and float(np.ptp(known)) <= WORTH_PHI
    return float(known.mean()) if alike and float(np.abs(known).min()) > WORTH_PHI else None


def counted(way: Azimuths) -> str:
    """Return the convention of azimuths, as text."""
    return f"is {way.turn % 360:.3g}° to the right on the detector and {growth(way)}"


def growth(way: Azimuths) -> str:
    """Return the sense of azimuths, as text."""
    return f"grows {'down' if way.sign > 0 else 'up'}wards"


def told(place: int, off_q: float, off_phi: float) -> str:
    """Return the deviation of one bin, as text."""
    phi = "" if math.isnan(off_phi) else f", phi {off_phi:+.1f}°"
    return f"bin {place + 1} (q {100 * off_q:+.1f} %{phi})"
