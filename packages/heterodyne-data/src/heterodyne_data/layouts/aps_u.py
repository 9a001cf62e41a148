"""APS-U files (since 2023): /xpcs/twotime, one dataset per map, numbered by a running counter.

The bin of map k is ``b = processed_bins[k - 1]`` (1-based). Empty bins have no
label, hence ``nat = dynamic_index_mapping[b - 1]`` is the place of the bin on the
full q-phi grid: ``q = dim0[nat // n_phi]``, ``phi = dim1[nat % n_phi]``, or the
other way round where ``map_names`` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heterodyne_data.contents import Contents, Lists, MapRef, attempted_bins, attempted_clock
from heterodyne_data.layouts.base import azimuths, bins_around, in_range, integers, map_names, wavevectors
from heterodyne_data.layouts.bystanders import bystanders
from heterodyne_data.layouts.camera import Camera, assumed, frame_clock
from heterodyne_data.layouts.detector import geometry, photon_energy, pixel_map
from heterodyne_data.layouts.missing import missing_maps
from heterodyne_data.layouts.units import ANGLE, WAVEVECTOR, Kind, stated_unit
from heterodyne_data.pixels import LARGEST_BIN, Azimuths
from heterodyne_data.source import Source
from heterodyne_data.storage import writing_hdf5
from heterodyne_data.stored import mark_early, raw_frames, write_maps
from heterodyne_spec import ContradictionError, DataError

if TYPE_CHECKING:
    from heterodyne_data.two_time import TwoTimeData

NAME = "aps-u"
TITLE = "APS-U"
DATA_KEY = "/xpcs/twotime/correlation_map"
BINS = "/xpcs/twotime/processed_bins"
MAPPING = "/xpcs/qmap/dynamic_index_mapping"
DIMS = Q_LIST, PHI_LIST = "/xpcs/qmap/dynamic_v_list_dim0", "/xpcs/qmap/dynamic_v_list_dim1"
FRAME_TIME = "/entry/instrument/detector_1/frame_time"
STRIDE = "/xpcs/twotime/config/stride_frame"
AVERAGE = "/xpcs/twotime/config/avg_frame"
BEGIN = "/xpcs/twotime/config/begin_frame"
END = "/xpcs/twotime/config/end_frame"
CAMERA = Camera((FRAME_TIME,), (STRIDE,), (AVERAGE,), (BEGIN,), (END,), first=0, after_last=1)
"""Frames are counted from 0, and the end is excluded."""
GROUPS = ("/", "/xpcs", "/xpcs/twotime", "/xpcs/twotime/config", "/entry/instrument/detector_1")
"""Groups in which other fields on frames and times may be."""

NAMES, UNITS = "/xpcs/qmap/map_names", "/xpcs/qmap/map_units"
COUNTS = "/xpcs/qmap/dynamic_num_pts"
ROI_MAP = "/xpcs/qmap/dynamic_roi_map"
_QMAP, _DETECTOR = "/xpcs/qmap", "/entry/instrument/detector_1"
GEOMETRY = {
    "centre_x": (f"{_QMAP}/beam_center_x", f"{_DETECTOR}/beam_center_x"),
    "centre_y": (f"{_QMAP}/beam_center_y", f"{_DETECTOR}/beam_center_y"),
    "size_x": (f"{_QMAP}/pixel_size", f"{_DETECTOR}/x_pixel_size"),
    "size_y": (f"{_QMAP}/pixel_size", f"{_DETECTOR}/y_pixel_size"),
    "distance": (f"{_QMAP}/detector_distance", f"{_DETECTOR}/distance"),
    "energy": (f"{_QMAP}/energy", "/entry/instrument/incident_beam/incident_energy"),
}
UPWARDS = Azimuths(-1, 0.0)
"""Azimuths run from the columns of the detector against its rows."""


def matches(source: Source) -> bool:
    """Return whether the file has the group of maps."""
    return "correlation_map" in source.names("/xpcs/twotime")


def contents(source: Source) -> Contents:
    """List the maps with the bins they belong to."""
    names = map_names(source, DATA_KEY, "c2_")
    processed = integers(source, BINS)
    counters = in_range(f"{DATA_KEY} (counted by {BINS})", np.array(list(names)), 1, processed.size)
    pixels = pixel_map(source, ROI_MAP, geometry(source, GEOMETRY), UPWARDS)
    bins, notes = attempted_bins(lambda: lists(source), pixels)
    bins = bins if bins.fault else replace(bins, around=bins_around(source, COUNTS, axes(source)[1]))
    labels = in_range(BINS, processed[counters - 1], 1, LARGEST_BIN if bins.fault else bins.q.size)
    maps = tuple(
        MapRef(f"{DATA_KEY}/{name}", int(label), *bins.of(int(label)))
        for name, label in zip(names.values(), labels, strict=True)
    )
    energy = photon_energy(source, GEOMETRY["energy"])
    n_t = source.shape(maps[0].key)[-1:] if maps else ()
    clock = attempted_clock(lambda: frame_clock(source, CAMERA, n_t[0] if n_t else 0))
    gone = missing_maps(BINS, processed, labels.tolist(), None if bins.fault else bins)
    beside = bystanders(source, GROUPS, CAMERA.keys, clock, len(maps), n_t[0] if n_t else 0)
    said = (*notes, *gone, *clock.notes, *assumed(source, CAMERA), *beside)
    return Contents(maps, clock, "data_exchange_keys", said, None, bins, energy)


def lists(source: Source) -> Lists:
    """Return the listed q and phi of every bin."""
    of_q, of_phi = axes(source)
    (q, q_notes), (phi, phi_notes) = (
        read(source, DIMS[of], unit=map_unit(source, DIMS[of], of, kind))
        for read, of, kind in ((wavevectors, of_q, WAVEVECTOR), (azimuths, of_phi, ANGLE))
    )
    notes = (*q_notes, *phi_notes)
    if source.has(MAPPING):
        mapping = integers(source, MAPPING)
    else:
        mapping, notes = np.arange(q.size * phi.size), (*notes, f"{MAPPING} is missing: no empty bins assumed")
    inner = phi.size if of_phi == 1 else q.size
    places = np.divmod(in_range(MAPPING, mapping, 0, q.size * phi.size - 1), max(inner, 1))
    return Lists(q[places[of_q]], phi[places[of_phi]], notes)


def map_unit(source: Source, key: str, of: int, kind: Kind) -> str | None:
    """Return the unit of a list, from the list itself or the file's list of units, which must agree."""
    units = [unit.strip() for unit in source.texts(UNITS)]
    own, listed = stated_unit(source, key, kind), (units[of] or None) if of < len(units) else None
    if own is not None and listed is not None and not kind.same(own, listed):
        raise ContradictionError(
            f"{key}, {UNITS}: found the units {own!r} and {listed!r}, expected the same; correct the one that is wrong"
        )
    return own or listed


def axes(source: Source) -> tuple[int, int]:
    """Return which of the two lists is that of q, and which that of phi."""
    own = [attribute.strip().casefold() for key in DIMS if isinstance(attribute := source.attribute(key, "name"), str)]
    stated = [name.strip().casefold() for name in source.texts(NAMES)]
    if stated and sorted(own) == ["phi", "q"] and own != stated:
        raise DataError(
            f"{NAMES}, {DIMS[0]}@name: found {', '.join(stated)} and {', '.join(own)}, expected the same; correct the "
            "one that is wrong"
        )
    names = stated or (own if sorted(own) == ["phi", "q"] else ["q", "phi"])
    if sorted(names) != ["phi", "q"]:
        raise DataError(
            f"{NAMES}: found {', '.join(names)}, expected q and phi: the bins of this partition have no azimuth in the "
            "file's lists; make a map of q and phi bins"
        )
    return names.index("q"), names.index("phi")


def write(path: Path, data: Sequence[TwoTimeData]) -> None:
    """Write a file of this layout, a measurement for each q."""
    first, n_bins = data[0], sum(one.n_phi for one in data)
    frame_time, stride, begin = raw_frames(first)
    with writing_hdf5(path) as file:
        write_maps(file.create_group(DATA_KEY), "c2_", data)
        file[BINS] = np.arange(1, n_bins + 1, dtype=np.int32)
        file[MAPPING] = np.arange(n_bins, dtype=np.int32)
        file[Q_LIST], file[PHI_LIST] = np.array([one.q for one in data]), first.phi
        file[FRAME_TIME], file[STRIDE], file[AVERAGE], file[BEGIN] = frame_time, stride, 1, begin
        mark_early(file[BEGIN], begin)
