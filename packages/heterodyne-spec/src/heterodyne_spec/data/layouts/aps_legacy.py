"""APS 8-ID files until 2023-25: /exchange/C2T_all, one dataset per map.

xpcs-eigen numbers the maps by their label in the map of bins, with gaps where
bins are empty; old boost_corr counts them over qphi_bin_to_process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
from heterodyne_spec.errors import DataError
from heterodyne_spec.storage import writing_hdf5

if TYPE_CHECKING:
    from heterodyne_spec.data.two_time import TwoTimeData

NAME = "aps-legacy"
DATA_KEY = "/exchange/C2T_all"
Q_LIST = "/xpcs/dqlist"
PHI_LIST = "/xpcs/dphilist"
BINS = "/xpcs/qphi_bin_to_process"
FRAME_TIME = "/measurement/instrument/detector/exposure_period"
STRIDE = "/xpcs/stride_frames"
AVERAGE = "/xpcs/avg_frames"
BEGIN = "/xpcs/data_begin_todo"


def matches(source: Source) -> bool:
    """Tell whether the file has the group of maps."""
    return "C2T_all" in source.names("/exchange")


def contents(source: Source) -> Contents:
    """List the maps with the bins they belong to."""
    names = map_names(source, DATA_KEY, "g2_")
    (q, q_notes), (phi, phi_notes) = wavevectors(source, Q_LIST), azimuths(source, PHI_LIST)
    if q.size != phi.size:
        raise DataError(
            f"{Q_LIST}, {PHI_LIST}: found {q.size} and {phi.size} entries, expected one each per bin; correct the file"
        )
    labels, notes = bin_labels(source, np.array(list(names)))
    in_range(f"{DATA_KEY} (labels of {Q_LIST})", labels, 1, q.size)
    maps = tuple(
        MapRef(f"{DATA_KEY}/{name}", int(label), float(q[label - 1]), float(phi[label - 1]))
        for name, label in zip(names.values(), labels, strict=True)
    )
    # Raw frames are counted from 1 here.
    skipped = (scalar(source, BEGIN, 1.0) or 0.0) - 1.0
    clock = frame_clock(source, FRAME_TIME, STRIDE, AVERAGE, skipped)
    return Contents(maps, clock, "data_exchange_keys", (*q_notes, *phi_notes, *notes, *clock.notes))


def bin_labels(source: Source, found: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the bin labels of the maps from the numbers in their names, and a note if these were a counter."""
    bins = integers(source, BINS) if source.has(BINS) else np.array([], dtype=np.int64)
    if bins.size == found.size and np.array_equal(found, np.arange(1, found.size + 1)):
        same = np.array_equal(bins, found)
        return bins, () if same else (f"maps are counted over {BINS}, their numbers are not bin labels",)
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
