"""NeXus files after the application definition NXxpcs: /entry/twotime/two_time_corr_func and its four attributes.

The n-th map belongs to the n-th value of ``dynamic_roi_map``; a value counts entries of ``dynamic_q_list`` and
``dynamic_phi_list`` from 1. With ``data_exchange_keys`` two_time_corr_func is a group with one map per value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.contents import Bins, Clock, Contents, MapRef, attempted_clock
from heterodyne_data.layouts.base import (
    azimuths,
    in_range,
    integers,
    map_number,
    numbers,
    seconds,
    stack_shape,
    time_between,
    wavevectors,
)
from heterodyne_data.layouts.bystanders import bystanders
from heterodyne_data.layouts.detector import geometry, photon_energy, pixel_map
from heterodyne_data.layouts.missing import missing_maps
from heterodyne_data.layouts.units import ANGLE, WAVEVECTOR, normalised, stated_unit
from heterodyne_data.source import Source
from heterodyne_spec import DataError, count_noun, shortened

NAME = "nxxpcs"
TITLE = "NXxpcs"
DATA_KEY = "/entry/twotime/two_time_corr_func"
MASKS = "/entry/instrument/masks"
ROI_MAP, Q_LIST, PHI_LIST = (f"{MASKS}/dynamic_{name}" for name in ("roi_map", "q_list", "phi_list"))
INSTRUMENT = "/entry/instrument"
GEOMETRY = {
    "centre_x": "beam_center_x",
    "centre_y": "beam_center_y",
    "size_x": "x_pixel_size",
    "size_y": "y_pixel_size",
    "distance": "distance",
}
AXES = {"one_array_q_first": 0, "one_array_q_last": -1}
STORAGE = (*AXES, "data_exchange_keys")
ORIGINS = ("upper_left", "lower_left")
ELEMENTS = ("all", "upper_half", "lower_half")
BASELINES = ("0", "1")
MOST_DETECTORS = 64
"""Maximum number of detectors (or modules) whose times are compared, because a thousand take seconds."""

type Places = list[tuple[str, int | None, int]]
"""Places of the maps: key, index in a stack, label."""


def matches(source: Source) -> bool:
    """Return whether the file has the field of two-time maps."""
    return "two_time_corr_func" in source.names("/entry/twotime")


def contents(source: Source) -> Contents:
    """List the maps with the bins they belong to."""
    mode, origin = word(source, "storage_mode", STORAGE), word(source, "time_origin_location", ORIGINS)
    elements = word(source, "populated_elements", ELEMENTS, required=False)
    baseline = word(source, "baseline_reference", BASELINES, required=False)
    q, phi, notes = bins(source)
    axis = AXES.get(str(mode), 0)
    places = in_keys(source) if mode == "data_exchange_keys" else in_stack(source, axis, q.size)
    in_range(f"{DATA_KEY} (labels of {Q_LIST})", np.array([label for *_, label in places]), 1, q.size)
    maps = tuple(
        MapRef(key, label, float(q[label - 1]), float(phi[label - 1]), index, axis, str(origin), elements)
        for key, index, label in places
    )
    values, energy = geometry_of(source), photon_energy(source, energies(source))
    # The definition does not fix the origin of azimuths.
    listed = Bins(q, phi, pixel_map(source, ROI_MAP, values, None))
    clock = attempted_clock(lambda: frame_clock(source))
    n_t = maps[0].shape(source)[-1] if maps and maps[0].shape(source) else 0
    groups = ("/", "/entry", "/entry/twotime", "/entry/twotime/config", *detectors(source))
    notes += bystanders(source, groups, frame_times(source), clock, len(maps), n_t)
    notes += other_entries(source)
    notes += missing_maps(Q_LIST, np.arange(1, q.size + 1), [label for *_, label in places], listed)
    silent = [name for name, found in (("populated_elements", elements), ("baseline_reference", baseline)) if not found]
    notes += tuple(f"{DATA_KEY}@{name} is missing: seen from the maps" for name in silent)
    level = None if baseline is None else int(baseline)
    way_out = "" if source.has(PHI_LIST) else f"if these are wedges, add their azimuths in degrees as {PHI_LIST}"
    return Contents(maps, clock, str(mode), (*notes, *clock.notes), level, listed, energy, way_out=way_out)


def geometry_of(source: Source) -> dict[str, float] | str:
    """Return the geometry of the pixels, from the one detector with a beam centre, or why there is none."""
    groups = [f"{INSTRUMENT}/{name}" for name in source.names(INSTRUMENT)]
    detectors = [group for group in groups if source.has(f"{group}/beam_center_x")]
    if len(detectors) > 1:
        return f"{', '.join(detectors)} each have a beam centre, expected one detector"
    group = detectors[0] if detectors else f"{INSTRUMENT}/detector"
    fields = {name: (f"{group}/{key}",) for name, key in GEOMETRY.items()}
    return geometry(source, fields | {"energy": energies(source) or (f"{INSTRUMENT}/incident_beam/incident_energy",)})


def energies(source: Source) -> tuple[str, ...]:
    """Return the keys of the energy of the photons that the file has."""
    keys = (f"{INSTRUMENT}/{name}/incident_energy" for name in source.names(INSTRUMENT))
    return tuple(key for key in keys if source.has(key))


def word(source: Source, name: str, known: Sequence[str], required: bool = True) -> str | None:
    """Return one of the attributes of the definition, checked; None when it is missing and may be."""
    value = source.attribute(DATA_KEY, name)
    if value is None and not required:
        return None
    found = value if isinstance(value, str | None) else _told(value)
    spelled = None if found is None else re.sub(r"[\s-]+", "_", found.strip()).casefold()
    if spelled not in known:
        what = "is missing" if found is None else f"found {found!r}"
        raise DataError(f"{DATA_KEY}@{name}: {what}, expected {', '.join(known)}; correct the attribute")
    return spelled


def _told(value: NDArray[Any]) -> str:
    return f"{value.item():g}" if value.size == 1 and value.dtype.kind in "iuf" else shortened(str(value.tolist()))


def in_keys(source: Source) -> Places:
    """Return the maps of a group; the number at the end of a name is the value in the map of regions."""
    numbered = [(name, re.search(r"([0-9]+)$", name)) for name in source.names(DATA_KEY)]
    labels = {name: map_number(name, match[1]) for name, match in numbered if match}
    if not labels or len(set(labels.values())) < len(labels) or len(labels) < len(numbered):
        listed = ", ".join(source.names(DATA_KEY)[:6]) or "nothing"
        raise DataError(
            f"{DATA_KEY}: found {listed}, expected a group of maps whose names end in different numbers (storage_mode "
            "data_exchange_keys); correct the file"
        )
    return [(f"{DATA_KEY}/{name}", None, label) for name, label in sorted(labels.items(), key=lambda item: item[1])]


def in_stack(source: Source, axis: int, n_bins: int) -> Places:
    """Return the maps of one array; if there are fewer than bins, the map of regions determines which."""
    n_maps, _ = stack_shape(source, DATA_KEY, axis)
    labels = np.arange(1, n_maps + 1)
    if n_maps != n_bins:
        found = integers(source, ROI_MAP) if source.has(ROI_MAP) else np.array([], dtype=np.int64)
        labels = np.unique(found[found > 0])
        if labels.size != n_maps:
            raise DataError(
                f"{DATA_KEY}, {Q_LIST}, {ROI_MAP}: found {count_noun(n_maps, 'map')}, {n_bins} q and {labels.size} "
                "regions, expected one map per region; correct the file"
            )
    return [(DATA_KEY, i, int(label)) for i, label in enumerate(labels)]


def bins(source: Source) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """Return q (1/Å) and azimuth (degrees, NaN where there is none) by label, and notes."""
    q, notes = wavevectors(source, Q_LIST)
    if max(source.shape(Q_LIST), default=1) != q.size:
        raise DataError(
            f"{Q_LIST}: found shape {source.shape(Q_LIST)}, expected one q per region, azimuths in {PHI_LIST}; correct "
            "the file"
        )
    if not source.has(PHI_LIST):
        return q, np.full(q.size, np.nan), (*notes, f"{PHI_LIST} is missing: bins have no azimuth")
    phi, phi_notes = angles(source)
    if phi.size != q.size:
        raise DataError(
            f"{Q_LIST}, {PHI_LIST}: found {q.size} and {phi.size} entries, expected one each per region; correct the "
            "file"
        )
    return q, phi, (*notes, *phi_notes)


def angles(source: Source) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Read the azimuths in degrees; by mistake the definition requires a unit of 1/length, and files comply."""
    unit = stated_unit(source, PHI_LIST, ANGLE)
    if unit is None or WAVEVECTOR.divisor(normalised(unit)) is None:
        return azimuths(source, PHI_LIST)
    return numbers(source, PHI_LIST), (f"{PHI_LIST}: unit {unit}, as in the definition NXxpcs; taken as degrees",)


def frame_times(source: Source) -> list[str]:
    """Return the keys of the times between frames that detectors have."""
    return [key for group in detectors(source) if source.has(key := f"{group}/frame_time")]


def detectors(source: Source) -> list[str]:
    """Return the groups of the instrument; the name of the detector is arbitrary."""
    return [f"{INSTRUMENT}/{name}" for name in source.names(INSTRUMENT)]


def other_entries(source: Source) -> tuple[str, ...]:
    """Return a note on other entries with two-time maps, which are not read."""
    own = DATA_KEY.split("/")[1]
    found = [name for name in source.names() if name != own and _has_maps(source, name)]
    return (f"read: /{own}; maps of {', '.join(found)} are not read",) if found else ()


def _has_maps(source: Source, entry: str) -> bool:
    try:
        return "two_time_corr_func" in source.names(f"/{entry}/twotime")
    except DataError:  # a link to elsewhere
        return False


def frame_clock(source: Source) -> Clock:
    """Return the time base: frame_time of the detector, whose group may have any name."""
    keys = frame_times(source)
    if len(keys) > MOST_DETECTORS:
        raise DataError(f"{INSTRUMENT}: found {len(keys)} detectors with a frame_time, expected one; correct the file")
    read = {key: seconds(source, key) for key in keys}
    if len({value for value, _ in read.values()}) > 1:
        listed = ", ".join(f"{key} = {value:g} s" for key, (value, _) in read.items())
        raise DataError(f"{INSTRUMENT}: found {listed}, expected one time between frames; correct the file")
    for key, (value, notes) in read.items():
        return Clock(time_between(key, value), 1.0, f"{key} = {value:g}", notes)
    return Clock(None, 1.0, f"no frame_time of a detector in {INSTRUMENT}")
