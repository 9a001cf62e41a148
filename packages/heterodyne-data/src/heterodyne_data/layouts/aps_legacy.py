"""APS 8-ID files until 2023-25: /exchange/C2T_all, one dataset per map.

xpcs-eigen numbers the maps by their label in the map of bins, with gaps where
bins are empty; old boost_corr counts them over qphi_bin_to_process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.contents import Contents, Lists, MapRef, attempted_bins, attempted_clock
from heterodyne_data.layouts.base import azimuths, bins_around, in_range, integers, map_names, wavevectors
from heterodyne_data.layouts.bystanders import bystanders
from heterodyne_data.layouts.camera import Camera, assumed, frame_clock
from heterodyne_data.layouts.detector import geometry, photon_energy, pixel_map
from heterodyne_data.layouts.missing import missing_maps
from heterodyne_data.pixels import LARGEST_BIN, Azimuths
from heterodyne_data.source import Source
from heterodyne_data.storage import writing_hdf5
from heterodyne_data.stored import mark_early, raw_frames, write_maps
from heterodyne_spec import ContradictionError, DataError, list_numbers

if TYPE_CHECKING:
    from heterodyne_data.two_time import TwoTimeData

NAME = "aps-legacy"
TITLE = "APS legacy"
DATA_KEY = "/exchange/C2T_all"
Q_LIST = "/xpcs/dqlist"
PHI_LIST = "/xpcs/dphilist"
BINS = "/xpcs/qphi_bin_to_process"
PHI_COUNT = "/xpcs/dnophi"
ROI_MAP = "/xpcs/dqmap"
FRAME_TIME = "/measurement/instrument/detector/exposure_period"
FRAME_TIMES = (FRAME_TIME, "/entry/instrument/detector_1/frame_time")
"""The second in files of 2023 to 2025, which have the metadata of the new ones."""
STRIDE = "/xpcs/stride_frames"
AVERAGE = "/xpcs/avg_frames"
BEGIN = "/xpcs/data_begin_todo"
BURSTS = ("/xpcs/stride_frame_burst", "/xpcs/avg_frame_burst")
CAMERA = Camera(
    FRAME_TIMES,
    (STRIDE, "/xpcs/stride_frame", BURSTS[0]),
    (AVERAGE, "/xpcs/avg_frame", BURSTS[1]),
    (BEGIN, "/xpcs/data_begin"),
    ("/xpcs/data_end_todo", "/xpcs/data_end"),
    first=1,
    after_last=0,
    bursts=BURSTS,
)
"""Frames are counted from 1, and the end is included."""
GROUPS = ("/", "/exchange", "/xpcs", "/measurement/instrument/detector", "/entry/instrument/detector_1")
"""Groups in which other fields on frames and times may be."""
_OLD, _NEW = "/measurement/instrument", "/entry/instrument"
GEOMETRY = {
    "centre_x": (f"{_OLD}/acquisition/beam_center_x", f"{_NEW}/detector_1/beam_center_x"),
    "centre_y": (f"{_OLD}/acquisition/beam_center_y", f"{_NEW}/detector_1/beam_center_y"),
    "size_x": (f"{_OLD}/detector/x_pixel_size", f"{_NEW}/detector_1/x_pixel_size"),
    "size_y": (f"{_OLD}/detector/y_pixel_size", f"{_NEW}/detector_1/y_pixel_size"),
    "distance": (f"{_OLD}/detector/distance", f"{_NEW}/detector_1/distance"),
    "energy": (f"{_OLD}/source_begin/energy", f"{_NEW}/incident_beam/incident_energy"),
}
BACKWARDS = Azimuths(-1, 180.0)
"""Azimuths run from against the columns of the detector against its rows."""


def matches(source: Source) -> bool:
    """Return whether the file has the group of maps."""
    return "C2T_all" in source.names("/exchange")


def contents(source: Source) -> Contents:
    """List the maps with the bins they belong to."""
    names = map_names(source, DATA_KEY, "g2_")
    labels, counted = bin_labels(source, np.array(list(names)))
    pixels = pixel_map(source, ROI_MAP, geometry(source, GEOMETRY), BACKWARDS)
    bins, notes = attempted_bins(lambda: lists(source, labels), pixels)
    bins = replace(bins, around=bins_around(source, PHI_COUNT, 0))
    in_range(f"{DATA_KEY} (labels of {Q_LIST})", labels, 1, LARGEST_BIN if bins.fault else bins.q.size)
    maps = tuple(
        MapRef(f"{DATA_KEY}/{name}", int(label), *bins.of(int(label)))
        for name, label in zip(names.values(), labels, strict=True)
    )
    energy = photon_energy(source, GEOMETRY["energy"])
    n_t = source.shape(maps[0].key)[-1:] if maps else ()
    clock = attempted_clock(lambda: frame_clock(source, CAMERA, n_t[0] if n_t else 0))
    listed = integers(source, BINS) if source.has(BINS) else labels
    gone = missing_maps(BINS, listed, labels.tolist(), None if bins.fault else bins)
    beside = bystanders(source, GROUPS, CAMERA.keys, clock, len(maps), n_t[0] if n_t else 0)
    said = (*notes, *counted, *gone, *clock.notes, *assumed(source, CAMERA), *beside)
    return Contents(maps, clock, "data_exchange_keys", said, None, bins, energy)


def lists(source: Source, used: NDArray[np.int64]) -> Lists:
    """Return the listed q and phi of every label; `used` are those of the maps."""
    (q, q_notes), (phi, phi_notes) = wavevectors(source, Q_LIST), azimuths(source, PHI_LIST)
    if q.size != phi.size:
        raise DataError(
            f"{Q_LIST}, {PHI_LIST}: found {q.size} and {phi.size} entries, expected one each per bin; correct the file"
        )
    mapped = integers(source, ROI_MAP) if source.has(ROI_MAP) else None
    present = np.unique(used if mapped is None else mapped[mapped > 0])
    told = f"the maps in {DATA_KEY}" if mapped is None else ROI_MAP
    counting = count_labels(q, phi, present, told)
    places, listed = counting.places, counting.listed
    whole = None if listed is None else (q[listed], phi[listed])
    notes = (*q_notes, *phi_notes, *counting.notes)
    return Lists(q[places], phi[places], notes, counting.doubt, whole)


class Counting(NamedTuple):
    """Positions in the lists of the labels 1, 2, ..., with a note if these are not all.

    `doubt` is set if the labels are ambiguous; `listed` if they are not, but could also mean these places.
    """

    places: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    doubt: ContradictionError | None = None
    listed: NDArray[np.int64] | None = None


def count_labels(q: NDArray[np.float64], phi: NDArray[np.float64], present: NDArray[np.int64], told: str) -> Counting:
    """Return how labels count the entries of the lists: over all, or over those of bins with pixels only.

    Programs write NaN for bins without pixels into one of the lists or into both, or -1 or 0; but 0 may also be the
    bin at the beam, and -1 an azimuth. A label that a way of counting does not have excludes it, and labels from 1 to
    the last one of a way show it.

    Parameters
    ----------
    q, phi : the lists.
    present : labels that have pixels, or maps, ascending.
    told : their source, for messages.
    """
    # Rings have no azimuth, but they have pixels.
    without = np.isnan(q) | (q < 0) | (np.isnan(phi) & ~np.isnan(phi).all())
    filled = np.flatnonzero(~(without | (q == 0) | (phi == -1)))
    every, sure = np.arange(q.size), np.flatnonzero(~without)
    if filled.size in (0, q.size):
        return Counting(every)
    said = _marked(q.size - filled.size, q.size)
    most = present.max(initial=0)
    ways = [every] if np.isin(present - 1, sure).all() else []
    ways += [way for way in (sure, filled) if way.size < q.size and most <= way.size]
    if not ways:
        raise ContradictionError(
            f"{said}, without pixels, but the labels of {told} run to {most} and belong to such bins: list and map are "
            "of different partitions, correct the file"
        )
    if all(np.array_equal(way[present - 1], ways[0][present - 1]) for way in ways):
        return Counting(ways[0], (_counted(ways[0], q.size, filled.size, told),))
    wider = "all" if ways[0] is every else "all but those of NaN or below 0"
    complete = next((way for way in ways if way.size == present.size), None)
    if complete is not None:
        note = f"{_counted(complete, q.size, filled.size, told)}; data.bins=listed counts {wider}"
        return Counting(complete, (note,), listed=ways[0])
    doubt = ContradictionError(
        f"{said}, and the labels of {told} ({list_numbers(present)}) may count all bins or the others only: q and phi "
        f"differ by which; data.bins=listed counts {wider}; if they count the others, add the map of labels "
        f"{ROI_MAP} of the same partition"
    )
    return Counting(ways[0], (), doubt)


def _marked(number: int, n_bins: int) -> str:
    return f"{number} of {n_bins} bins in {Q_LIST} or {PHI_LIST} {'is' if number == 1 else 'are'} NaN, 0 or -1"


def _counted(way: NDArray[np.int64], n_bins: int, n_filled: int, told: str) -> str:
    if way.size == n_bins:
        return f"{_marked(n_bins - n_filled, n_bins)}: labels count all bins, as in {told}"
    return f"{_marked(n_bins - way.size, n_bins)}, without pixels: labels count the {way.size} others, as in {told}"


def bin_labels(source: Source, found: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the bin labels of the maps from the numbers in their names, and a note if these were a counter.

    Some programs number the maps by their bins, others count them over the list of processed bins. Where maps are
    missing, numbers that are no processed bins prove a counter, and numbers beyond the list bins.
    """
    if not source.has(BINS) or (found < 1).any():
        return found, ()
    bins = integers(source, BINS)
    counted, numbered = bool(np.all(found <= bins.size)), bool(np.isin(found, bins).all())
    if np.array_equal(np.sort(found), np.arange(1, bins.size + 1)):
        numbered = False
    if counted and numbered and not np.array_equal(bins[found - 1], found):
        raise DataError(
            f"{DATA_KEY}: found maps {', '.join(map(str, found.tolist()))} of the {bins.size} of {BINS}, which are bin "
            "labels or places in that list: q and phi differ by which; complete the file"
        )
    if counted and not numbered:
        labels = bins[found - 1]
        same = np.array_equal(labels, found)
        return labels, () if same else (f"maps are counted over {BINS}, their numbers are not bin labels",)
    return found, ()


def write(path: Path, data: Sequence[TwoTimeData]) -> None:
    """Write a file of this layout, a measurement for each q; scalars are (1, 1) arrays, frames are counted from 1."""
    q, phi = np.repeat([one.q for one in data], data[0].n_phi), np.concatenate([one.phi for one in data])
    frame_time, stride, begin = raw_frames(data[0])
    with writing_hdf5(path) as file:
        write_maps(file.create_group(DATA_KEY), "g2_", data)
        file[Q_LIST], file[PHI_LIST] = q[None, :], phi[None, :]
        file[BINS] = np.arange(1, q.size + 1)[:, None]
        file[FRAME_TIME], file[STRIDE] = np.array([[frame_time]]), np.array([[stride]])
        file[AVERAGE], file[BEGIN] = np.array([[1]]), np.array([[begin + 1]])
        mark_early(file[BEGIN], begin)
