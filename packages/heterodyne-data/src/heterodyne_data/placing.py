"""q and azimuth of every map: those listed in the file, checked against its pixels, or those of the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heterodyne_data import pixels
from heterodyne_data.contents import Bins, Contents, MapRef
from heterodyne_data.neighbours import other_bin
from heterodyne_data.pixels import Azimuths, Centroids, Comparison, PixelMap
from heterodyne_spec import ContradictionError, DataError, list_numbers

LISTED, PIXELS = "listed", "pixels"
"""Choices of ``data.bins``; None uses the lists if the pixels agree."""
ANYWHERE = Azimuths(-1, 0.0)
"""Azimuths of pixels if there is no list: from the columns of the detector against its rows."""
LARGEST = 1e9
"""Largest listed q in 1/Å or phi in degrees; a larger one means that the file is damaged."""
AS_LISTED = "data.bins=listed takes phi as it is"
REMEDY = "data.bins=pixels takes q and phi from the pixels, data.bins=listed the list as it is"


def placed(contents: Contents, choice: str | None) -> Contents:
    """Return the contents of a file with the chosen q and azimuths of its maps, and notes on them.

    Parameters
    ----------
    contents : contents from a layout, with the listed q and phi.
    choice : `LISTED`, `PIXELS`, or None for the lists if the pixels agree.

    Raises
    ------
    DataError
        The lists cannot be used or contradict the pixels, or a required map of pixels is missing.
    """
    if choice not in (None, LISTED, PIXELS):
        raise DataError(f"bins: found {choice!r}, expected {LISTED} or {PIXELS}; leave it out to use the checked lists")
    if choice == LISTED and contents.bins is not None and contents.bins.whole is not None:
        contents = recounted(contents, contents.bins, *contents.bins.whole)
    bins = contents.bins
    if bins is None or isinstance(bins.pixels, str):
        why = "this layout has none" if bins is None else str(bins.pixels)
        if choice == PIXELS:
            raise DataError(f"data.bins: found pixels, expected a file with a map of pixels ({why}); leave it out")
        if bins is None:
            return contents
        if (reason := bins.fault or (bins.doubt if choice is None else None)) is not None:
            raise reason
        # Missing fields are not errors; invalid ones are reported.
        said = () if why.endswith(" missing") else (f"q and phi from the list, not checked against pixels: {why}",)
        maps, wide = (contents.maps, ()) if choice == LISTED else without_wide(contents.maps, bins, why)
        way_out = f"if they are wedges, {AS_LISTED}" if wide else contents.way_out
        return replace(contents, maps=maps, notes=(*contents.notes, *said, *wide), way_out=way_out)
    where = bins.pixels
    if choice != PIXELS and (reason := bins.fault or (bins.doubt if choice is None else None)) is not None:
        raise type(reason)(f"{reason}; or take q and phi from the pixels of each bin: data.bins=pixels")
    bins = replace(bins, q=bounded(bins.q), phi=bounded(bins.phi))
    found = pixels.centroids(where)
    compared = pixels.compare(bins.q, bins.phi, found, where.azimuths)
    labels = np.array([ref.label for ref in contents.maps])
    if choice == PIXELS:
        way = compared.azimuths or ANYWHERE
        maps = from_pixels(contents.maps, found, way)
        notes = [f"q and phi from the pixels of each bin; phi {pixels.counted(way)}"]
    else:
        if choice is None:
            check_agree(bins, where, found, compared, labels)
        maps, notes = contents.maps, [*unchecked(found, compared, labels)]
        notes += pixels.said(bins.q, compared, labels, where.azimuths)
    maps, ring_notes = without_rings(maps, found)
    return replace(contents, maps=maps, notes=(*contents.notes, *notes, *ring_notes))


def recounted(contents: Contents, bins: Bins, q: NDArray[np.float64], phi: NDArray[np.float64]) -> Contents:
    """Return the contents of a file with these listed q and phi by label."""
    bins = replace(bins, q=q, phi=phi)
    maps = tuple(replace(ref, q=one, phi=angle) for ref in contents.maps for one, angle in [bins.of(ref.label)])
    return replace(contents, bins=bins, maps=maps)


def bounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return listed values, NaN where infinite or damaged, because arithmetic would overflow."""
    return np.where(np.abs(values) < LARGEST, values, np.nan)


def from_pixels(maps: tuple[MapRef, ...], found: Centroids, way: Azimuths) -> tuple[MapRef, ...]:
    """Return the maps with q and azimuth of their pixels, in this convention of azimuths."""
    phi = np.round(pixels.turned(way.of(found.angle), found.opposite), 6)
    return tuple(replace(ref, q=at(found.q, ref.label), phi=at(phi, ref.label)) for ref in maps)


def unchecked(found: Centroids, compared: Comparison, labels: NDArray[np.int64]) -> Iterator[str]:
    """Yield the listed bins and azimuths that cannot be compared with the map of pixels."""
    present = np.isin(labels - 1, np.flatnonzero(np.isfinite(found.q)))
    if not present.all():
        yield f"bins without pixels, q and phi not checked: {list_numbers(np.unique(labels[~present]))}"
    if compared.azimuths is None and np.isfinite(found.angle).any():
        yield (
            "phi of the list not checked against pixels: this layout does not define its origin, and fewer "
            f"than {pixels.FEWEST_AZIMUTHS} azimuths do not determine it"
        )


def at(values: NDArray[np.float64], label: int) -> float:
    """Return the value of a bin to nine digits, NaN without pixels; else bins of one q differ by rounding."""
    return float(f"{values[label - 1]:.9g}") if 0 < label <= values.size else float("nan")


def without_rings(maps: tuple[MapRef, ...], found: Centroids) -> tuple[tuple[MapRef, ...], tuple[str, ...]]:
    """Return the maps, without azimuth if their pixels form a ring, and a note if they had one."""
    round_ = set((np.flatnonzero(np.isfinite(found.q) & np.isnan(found.angle)) + 1).tolist())
    had = sum(ref.label in round_ and np.isfinite(ref.phi) for ref in maps)
    note = f"the pixels of {had} of {len(maps)} bins form rings: their listed azimuths are ignored"
    turned = tuple(replace(ref, phi=float("nan")) if ref.label in round_ else ref for ref in maps)
    return turned, (note,) if had else ()


def without_wide(maps: tuple[MapRef, ...], bins: Bins, why: str) -> tuple[tuple[MapRef, ...], tuple[str, ...]]:
    """Return the maps of a file without pixels, without azimuth if its bins may be rings, and a note on it."""
    if bins.around is None or pixels.undirected(bins.phi, bins.around[1]) is None:
        return maps, ()
    key, count = bins.around
    few, wide = ("one azimuthal bin", "a ring") if count < 2 else ("two azimuthal bins", "half a ring")
    note = (
        f"{key}: {few}, no pixels to distinguish {wide} from a wedge ({why}): assumed to be rings; if they are wedges, "
    )
    return tuple(replace(ref, phi=float("nan")) for ref in maps), (note + AS_LISTED,)


def check_agree(bins: Bins, where: PixelMap, found: Centroids, compared: Comparison, labels: NDArray[np.int64]) -> None:
    """Refuse lists that strongly contradict the pixels of one of these bins, or are off by bins."""
    way = compared.azimuths
    if way is not None and (turn := pixels.shifted(bins.phi, way, where.azimuths)) is not None:
        raise ContradictionError(
            f"phi: the list is rotated by {turn:+.0f}° relative to its pixels onto itself, so every bin has the phi of "
            f"another one: labels or list are off by bins, or phi has another origin; {REMEDY}"
        )
    if (turn := pixels.half_a_bin(bins.phi, compared, where.azimuths)) is not None:
        raise ContradictionError(
            f"phi: the list is rotated by {turn:+.1f}° relative to its pixels, half a bin: it has edges of bins in "
            f"place of their centres, or other bins; {REMEDY}"
        )
    factor = pixels.common_factor(bins.q, compared.q)
    if factor is not None and abs(factor) > pixels.GROSS_Q:
        raise ContradictionError(
            f"q: the list is off its pixels by about {100 * factor:+.0f} % in all bins, limit "
            f"{100 * pixels.GROSS_Q:.0f} %: is the distance or the energy wrong? {REMEDY}"
        )
    wrong = list(contradictions(bins, where.step, found, compared, labels))
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise ContradictionError(f"{wrong[0]}{more}; the list belongs to other bins or another geometry: {REMEDY}")


def contradictions(
    bins: Bins, pixel: float, found: Centroids, compared: Comparison, labels: NDArray[np.int64]
) -> Iterator[str]:
    """Yield the values of list and pixels of each bin for which they disagree; `pixel` is the pixel width in 1/Å."""
    phi_there = np.full(found.q.size, np.nan) if compared.azimuths is None else compared.azimuths.of(found.angle)
    for label in np.unique(labels):
        # At the beam itself the pixels have no direction, and q = 0 is no bin.
        if label > compared.q.size or not found.q[label - 1] > 0:
            continue
        off_q, off_phi = compared.q[label - 1], compared.phi[label - 1]
        q, phi = bins.q[label - 1], bins.phi[label - 1]
        there = (float(found.q[label - 1]), float((phi_there[label - 1] + 180) % 360 - 180))
        most_q = (pixels.limit(bins.q, q, pixels.GROSS_Q * abs(q), pixels.MOST_Q * abs(q)) + pixel) / there[0]
        most_phi = pixels.limit(bins.phi, phi, pixels.GROSS_PHI, pixels.MOST_PHI, 360.0) + np.degrees(pixel / there[0])
        if abs(off_q) > most_q:
            yield (
                f"bin {label}: the list has q = {q:.4g} 1/Å, its pixels {there[0]:.4g} "
                f"({100 * off_q:+.0f} %, limit {100 * most_q:.0f} %)"
            )
        elif abs(off_phi) > most_phi:
            yield (
                f"bin {label}: the list has phi = {phi:.4g}°, its pixels {there[1]:.4g}° "
                f"({off_phi:+.0f}°, limit {most_phi:.0f}°)"
            )
        elif (
            other := other_bin(bins.q, bins.phi, label - 1, there, bool(found.opposite[label - 1]), pixel)
        ) is not None:
            yield (
                f"bin {label}: the list has {_point(q, phi)}, but its pixels, at {_point(*there)}, lie in bin "
                f"{other + 1} of the list ({_point(bins.q[other], bins.phi[other])})"
            )


def _point(q: float, phi: float) -> str:
    return f"q = {q:.4g} 1/Å" + ("" if np.isnan(phi) else f", phi = {(phi + 180) % 360 - 180:.4g}°")
