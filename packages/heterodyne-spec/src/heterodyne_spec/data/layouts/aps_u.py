"""APS-U files (since 2023): /xpcs/twotime, one dataset per map, numbered by a running counter.

The bin of map k is ``b = processed_bins[k - 1]`` (1-based). Empty bins have no
label, hence ``nat = dynamic_index_mapping[b - 1]`` is the place of the bin on the
full q-phi grid: ``q = dim0[nat // n_phi]``, ``phi = dim1[nat % n_phi]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heterodyne_spec.data.contents import Contents, MapRef, Source
from heterodyne_spec.data.layouts.base import (
    azimuths,
    frame_clock,
    in_range,
    integers,
    map_names,
    scalar,
    wavevectors,
)
from heterodyne_spec.data.stored import raw_frames, write_maps
from heterodyne_spec.storage import writing_hdf5

if TYPE_CHECKING:
    from heterodyne_spec.data.two_time import TwoTimeData

NAME = "aps-u"
DATA_KEY = "/xpcs/twotime/correlation_map"
BINS = "/xpcs/twotime/processed_bins"
MAPPING = "/xpcs/qmap/dynamic_index_mapping"
Q_LIST = "/xpcs/qmap/dynamic_v_list_dim0"
PHI_LIST = "/xpcs/qmap/dynamic_v_list_dim1"
FRAME_TIME = "/entry/instrument/detector_1/frame_time"
STRIDE = "/xpcs/twotime/config/stride_frame"
AVERAGE = "/xpcs/twotime/config/avg_frame"
BEGIN = "/xpcs/twotime/config/begin_frame"


def matches(source: Source) -> bool:
    """Tell whether the file has the group of maps."""
    return "correlation_map" in source.names("/xpcs/twotime")


def contents(source: Source) -> Contents:
    """List the maps with the bins they belong to."""
    names = map_names(source, DATA_KEY, "c2_")
    (q, q_notes), (phi, phi_notes) = wavevectors(source, Q_LIST), azimuths(source, PHI_LIST)
    bins = integers(source, BINS)
    notes = (*q_notes, *phi_notes)
    if source.has(MAPPING):
        mapping = integers(source, MAPPING)
    else:
        mapping, notes = np.arange(q.size * phi.size), (*notes, f"{MAPPING} is missing: no empty bins assumed")
    counters = in_range(f"{DATA_KEY} (counted by {BINS})", np.array(list(names)), 1, bins.size)
    labels = in_range(BINS, bins[counters - 1], 1, mapping.size)
    places = in_range(MAPPING, mapping[labels - 1], 0, q.size * phi.size - 1)
    maps = tuple(
        MapRef(f"{DATA_KEY}/{name}", int(label), float(q[place // phi.size]), float(phi[place % phi.size]))
        for name, label, place in zip(names.values(), labels, places, strict=True)
    )
    clock = frame_clock(source, FRAME_TIME, STRIDE, AVERAGE, scalar(source, BEGIN, 0.0) or 0.0)
    return Contents(maps, clock, "data_exchange_keys", (*notes, *clock.notes))


def write(path: Path, data: TwoTimeData) -> None:
    """Write a file of this layout."""
    frame_time, stride, begin = raw_frames(data)
    with writing_hdf5(path) as file:
        write_maps(file.create_group(DATA_KEY), "c2_", data)
        file[BINS] = np.arange(1, data.n_phi + 1, dtype=np.int32)
        file[MAPPING] = np.arange(data.n_phi, dtype=np.int32)
        file[Q_LIST], file[PHI_LIST] = np.array([data.q]), data.phi
        file[FRAME_TIME], file[STRIDE], file[AVERAGE], file[BEGIN] = frame_time, stride, 1, begin
