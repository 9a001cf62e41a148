"""APS 8-ID files until 2023-25: /exchange/C2T_all, one dataset per map.

xpcs-eigen numbers the maps by their label in the map of bins, with gaps where
bins are empty; old boost_corr counts them over qphi_bin_to_process.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heterodyne_spec.data.contents import Contents, Lists, MapRef, Source, attempted_bins, attempted_clock
from heterodyne_spec.data.layouts.base import (
    azimuths,
    bins_around,
    frame_clock,
    in_range,
    integers,
    map_names,
    wavevectors,
)
from heterodyne_spec.data.layouts.detector import geometry, photon_energy, pixel_map
from heterodyne_spec.data.pixels import LARGEST_BIN, Azimuths
from heterodyne_spec.data.stored import mark_early, raw_frames, write_maps
from heterodyne_spec.data.wording import list_numbers
from heterodyne_spec.errors import DataError
from heterodyne_spec.storage import writing_hdf5

if TYPE_CHECKING:
    from heterodyne_spec.data.two_time import TwoTimeData

NAME = "aps-legacy"
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
    """Tell whether the file has the group of maps."""
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
    # Raw frames are counted from 1 here.
    clock = attempted_clock(lambda: frame_clock(source, FRAME_TIMES, STRIDE, AVERAGE, BEGIN, 1))
    return Contents(maps, clock, "data_exchange_keys", (*notes, *counted, *clock.notes), None, bins, energy)


def lists(source: Source, used: NDArray[np.int64]) -> Lists:
    """Return the listed q and phi of every label; `used` are those of the maps."""
    (q, q_notes), (phi, phi_notes) = wavevectors(source, Q_LIST), azimuths(source, PHI_LIST)
    if q.size != phi.size:
        raise DataError(
            f"{Q_LIST}, {PHI_LIST}: found {q.size} and {phi.size} entries, expected one each per bin; correct the file"
        )
    labelled, notes = labelled_entries(source, q, phi, used)
    return q[labelled], phi[labelled], (*q_notes, *phi_notes, *notes)


def labelled_entries(
    source: Source, q: NDArray[np.float64], phi: NDArray[np.float64], used: NDArray[np.int64]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the places of the lists that the labels 1, 2, ... stand for, and a note where these are not all.

    Bins without pixels are NaN in one of the lists or in both, and most programs count the labels over the others only.
    The map of labels tells, or else the labels `used` by the maps: a label that a way of counting does not have
    excludes it.
    """
    # Rings have no azimuth, and pixels all the same.
    empty = np.isnan(q) | (np.isnan(phi) & ~np.isnan(phi).all())
    filled, every = np.flatnonzero(~empty), np.arange(q.size)
    if filled.size in (0, q.size):
        return every, ()
    mapped = integers(source, ROI_MAP) if source.has(ROI_MAP) else None
    present = np.unique(used if mapped is None else mapped[mapped > 0])
    told = f"the maps in {DATA_KEY}" if mapped is None else ROI_MAP
    said = f"{q.size - filled.size} of {q.size} bins in {Q_LIST} or {PHI_LIST} are NaN, without pixels"
    compact, whole = bool(present.max(initial=0) <= filled.size), bool(np.isin(present - 1, filled).all())
    if not (compact or whole):
        raise DataError(
            f"{said}, but the labels of {told} run to {present.max()} and belong to NaN bins: list and map are of "
            "different partitions, correct the file"
        )
    if compact and whole and not np.array_equal(filled[present - 1], present - 1):
        raise DataError(
            f"{said}, and the labels of {told} ({list_numbers(present)}) may count all bins or the others only: q and "
            f"phi differ by which; add the map of labels {ROI_MAP} of the same partition"
        )
    if whole:
        return every, (f"{said}: labels count all bins, as in {told}",)
    return filled, (f"{said}: labels count the {filled.size} others, as in {told}",)


def bin_labels(source: Source, found: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the bin labels of the maps from the numbers in their names, and a note if these were a counter.

    Some programs number the maps by their bins, others count them over the list of processed bins. Where maps are
    missing, numbers that are no processed bins prove a counter, and numbers beyond the list bins.
    """
    if not source.has(BINS):
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


def write(path: Path, data: TwoTimeData) -> None:
    """Write a file of this layout; its scalars are (1, 1) arrays and its frames are counted from 1."""
    frame_time, stride, begin = raw_frames(data)
    with writing_hdf5(path) as file:
        write_maps(file.create_group(DATA_KEY), "g2_", data)
        file[Q_LIST], file[PHI_LIST] = np.full((1, data.n_phi), data.q), data.phi[None, :]
        file[BINS] = np.arange(1, data.n_phi + 1)[:, None]
        file[FRAME_TIME], file[STRIDE] = np.array([[frame_time]]), np.array([[stride]])
        file[AVERAGE], file[BEGIN] = np.array([[1]]), np.array([[begin + 1]])
        mark_early(file[BEGIN], begin)
