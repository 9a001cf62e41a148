"""NSLS-II CHX result files: g12b (N, N, n_roi), the bins as attributes of qval_dict, metadata as attributes of md.

Attribute i of ``qval_dict`` belongs to ``g12b[:, :, i]``: (q,) of a ring, (q, azimuth) of a segment, or at grazing
incidence (q parallel, q perpendicular), which are no azimuths. Frames are those from ``md@beg`` on, counted from 0;
``tausb`` are the lags of the maps in s, binning of frames included.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.checks import as_meant
from heterodyne_data.contents import Bins, Clock, Contents, attempted_clock
from heterodyne_data.layouts.base import map_number, numbers, quantity, radians_note, stack, stack_shape, time_between
from heterodyne_data.layouts.bystanders import bystanders
from heterodyne_data.layouts.detector import likely_energy, missing_fields, pixel_map
from heterodyne_data.layouts.units import TIME, WAVEVECTOR, convert, stated_unit
from heterodyne_data.pixels import HC, Azimuths
from heterodyne_data.source import Source
from heterodyne_spec import DataError, list_numbers

NAME = "chx"
TITLE = "NSLS-II CHX"
DATA_KEY = "g12b"
BINS = "qval_dict"
METADATA = "md"
LAGS = "tausb"
IMAGES, IMAGE_SUMS = "number of images", "imgsum"
"""Number of the camera's frames, and the sum of each."""
BINNED = ("bin_frame_number", "bin_frame", "binning")
"""Number of camera frames binned to one."""
BAD_FRAMES = "bad_frame_list"
GRAZING = "qr_1d_pds"
ROI_MAP = "roi_mask"
DOWNWARDS = Azimuths(1, 0.0)
"""Azimuths run from the columns of the detector to its rows."""
GEOMETRY = {
    "centre_x": ("beam_center_x",),
    "centre_y": ("beam_center_y",),
    "size_x": ("x_pixel_size",),
    "size_y": ("y_pixel_size",),
    "distance": ("det_distance", "detector_distance"),
    "wavelength": ("wavelength", "incident_wavelength"),
}
"""Names in the metadata; the wavelength in Å."""
LARGEST_IN_M = 100.0
"""Larger distances are in mm, because the program that writes these files converts from m."""
SAME_PERIOD = 1e-3
PERIODS = ("frame_time", "acquire period")
"""Time between frames in s, measured before requested; md's exposure time is not the time between frames."""


def matches(source: Source) -> bool:
    """Return whether the file has the array of maps."""
    return source.has(DATA_KEY)


def contents(source: Source) -> Contents:
    """List the maps, one per region of interest."""
    n_maps, n_t = stack_shape(source, DATA_KEY, axis=-1)
    q, phi, notes = bins(source, n_maps)
    values = geometry(source)
    # At grazing incidence q is that along the surface, which does not follow from the pixels.
    listed = None if grazing(source) else Bins(q, phi, pixel_map(source, ROI_MAP, values, DOWNWARDS))
    clock = attempted_clock(lambda: frame_clock(source, n_t))
    energy = None if isinstance(values, str) else likely_energy(values["energy"])
    maps = stack(DATA_KEY, -1, q, phi)
    beside = bystanders(source, ("/",), (BAD_FRAMES, LAGS), clock, n_maps, n_t)
    said = (*notes, *bad_frames(source), *clock.notes, *beside)
    return Contents(maps, clock, "one_array_q_last", said, None, listed, energy)


def bins(source: Source, n_maps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """Return q (1/Å) and azimuth (degrees, NaN where there is none) of every map, and notes."""
    found = [name for name in source.attribute_names(BINS) if re.fullmatch("[0-9]+", name)]
    names = [name for _, name in sorted((map_number(name, name), name) for name in found)]
    if [int(name) for name in names] != list(range(n_maps)):
        listed = f"{names[0]} to {names[-1]}" if names else "no numbers"
        raise DataError(
            f"{BINS}: found {len(names)} bins ({listed}), expected 0 to {n_maps - 1}, one attribute per map of "
            f"{DATA_KEY}; correct the file"
        )
    values = [numeric(source, BINS, name) for name in names]
    if len({value.size for value in values}) > 1 or values[0].size not in (1, 2):
        sizes = ", ".join(str(size) for size in sorted({value.size for value in values}))
        raise DataError(
            f"{BINS}: found bins of {sizes} numbers, expected all (q) or all (q, azimuth); correct the file"
        )
    table = np.stack(values)
    q, notes = convert(BINS, table[:, 0], unit_of_q(source), WAVEVECTOR)
    if table.shape[1] == 2 and not grazing(source):
        return q, table[:, 1], (*notes, *radians_note(BINS, table[:, 1]))
    why = "grazing incidence" if table.shape[1] == 2 else "rings"
    return q, np.full(n_maps, np.nan), (*notes, f"{BINS}: bins of {why} have no azimuth")


def unit_of_q(source: Source) -> str | None:
    """Return the unit of q that the bins state, or the metadata, which must agree."""
    own = stated_unit(source, BINS, WAVEVECTOR)
    names = [name for name in source.attribute_names(METADATA) if name.casefold() in ("q_unit", "q_units")]
    other = next((text for name in names if isinstance(text := source.attribute(METADATA, name), str)), None)
    if own is not None and other is not None and not WAVEVECTOR.same(own, other):
        raise DataError(f"{BINS}, {METADATA}: found the units {own!r} and {other!r}, expected the same; correct them")
    return own or other


def geometry(source: Source) -> dict[str, float] | str:
    """Return the geometry of the pixels (lengths in m, the distance also in mm), or why there is none."""
    names = source.attribute_names(METADATA)
    places = {name: next((one for one in ones if one in names), None) for name, ones in GEOMETRY.items()}
    if missing := [f"{METADATA}@{GEOMETRY[name][0]}" for name, place in places.items() if place is None]:
        return missing_fields(missing)
    try:
        values = {name: number(source, METADATA, str(place)) for name, place in places.items()}
    except DataError as error:
        return str(error)
    wavelength, distance = values.pop("wavelength"), values["distance"]
    values["distance"] = distance / 1000 if distance > LARGEST_IN_M else distance
    return values | {"energy": HC / wavelength if wavelength > 0 else math.nan}


def grazing(source: Source) -> bool:
    """Return whether the second number of a bin is q perpendicular, not an azimuth."""
    return GRAZING in source.names() or "Qz" in source.attribute_names(METADATA)


def frame_clock(source: Source, n_t: int) -> Clock:
    """Return the time base: the lags of the maps before the metadata, which count camera frames."""
    periods = {name: number(source, METADATA, name) for name in PERIODS if name in source.attribute_names(METADATA)}
    stated, asked = next(iter(periods.items()), ("", None))
    period = time_between(f"{METADATA}@{stated}", asked)
    start, notes = first_frame(source, n_t)
    if not source.has(LAGS):
        clock = clock_of_metadata(periods, start, notes)
        fault = None if clock.dt is None else binning_fault(source, n_t, clock.found)
        return clock if fault is None else replace(clock, dt=None, fault=fault)
    lags, lag_notes = quantity(source, LAGS, TIME)
    positive_lags = lags[(lags > 0) & np.isfinite(lags)]
    step = float(positive_lags.min()) if positive_lags.size else None
    if step is not None and (fault := first_lag_fault(positive_lags)) is not None:
        return Clock(None, start, "", (*notes, *lag_notes), fault)
    if step is None or period is None:
        return Clock(step, start, f"{LAGS} without a positive lag", (*notes, *lag_notes))
    binned = max(round(step / period), 1) if math.isfinite(step / period) else 0
    if abs(step - binned * period) > SAME_PERIOD * step:
        fault = (
            f"{LAGS}, {METADATA}@{stated}: found a first lag of {step:g} s and {period:g} s between frames, expected a "
            "whole multiple of it; correct the file"
        )
        return Clock(None, start, "", (*notes, *lag_notes), fault)
    if (few := images_fault(source, n_t, binned)) is not None:
        return Clock(None, start, "", (*notes, *lag_notes), few)
    words = (
        (f"every frame of the maps is {binned} of the camera's ({LAGS}, {METADATA}@{stated})",) if binned > 1 else ()
    )
    return Clock(step, start, LAGS, (*notes, *lag_notes, *words))


def first_lag_fault(lags: NDArray[np.float64]) -> str | None:
    """Return why the smallest positive lag is not the time between frames, if others are closer to each other."""
    apart = float(np.diff(np.unique(lags)).min(initial=math.inf))
    if apart >= (1 - SAME_PERIOD) * lags.min():
        return None
    return (
        f"{LAGS}: found a first lag of {lags.min():g} s and others {apart:g} s apart, expected the first to be one "
        "frame; correct the file"
    )


def images_fault(source: Source, n_t: int, binned: int) -> str | None:
    """Return why `n_t` frames of `binned` camera frames each do not fit this run, which has too few."""
    if IMAGES not in source.attribute_names(METADATA):
        return None
    images = number(source, METADATA, IMAGES)
    if not images > 0 or images >= (n_t - 1) * binned + 1:
        return None
    return (
        f"{LAGS}, {METADATA}@{IMAGES}: found lags of {binned} camera frames, {n_t} frames in {DATA_KEY}, and "
        f"{images:g} images, expected {n_t * binned} or more: the lags may count frames; correct the file"
    )


def clock_of_metadata(periods: Mapping[str, float], start: float, notes: tuple[str, ...]) -> Clock:
    """Return the time base of a file without lags: the periods of the metadata, which must agree."""
    times = {name: time_between(f"{METADATA}@{name}", value) for name, value in periods.items()}
    usable = {name: time for name, time in times.items() if time is not None}
    if not usable:
        listed = ", ".join(f"{METADATA}@{name} = {value:g}" for name, value in periods.items())
        return Clock(None, start, listed or f"neither {' nor '.join(PERIODS)} in {METADATA}", notes)
    (first, dt), *others = usable.items()
    for other, time in others:
        if abs(time - dt) > SAME_PERIOD * dt:
            fault = (
                f"{METADATA}: found {first} = {dt:g} s and {other} = {time:g} s, expected one time between frames, as "
                f"there is no {LAGS}; correct the file"
            )
            return Clock(None, start, "", notes, fault)
    return Clock(dt, start, f"{METADATA}@{first} = {dt:g}", notes)


def binning_fault(source: Source, n_t: int, period: str) -> str | None:
    """Return why `period`, the camera's, may not be that of the `n_t` frames of maps without lags; None if it is.

    If the maps have fewer frames than the camera, these were cropped or binned; only the lags decide.
    """
    counts, names = {}, source.attribute_names(METADATA)
    for name in BINNED:
        if name in names and (binned := number(source, METADATA, name)) not in (0, 1):
            return (
                f"{LAGS} is missing, and {METADATA}@{name} = {binned:g}: each frame of {DATA_KEY} may be that many of "
                f"the camera's, for which {period} s"
            )
    if IMAGES in names:
        counts[f"{METADATA}@{IMAGES}"] = images = number(source, METADATA, IMAGES)
        if images < n_t:
            return f"{METADATA}@{IMAGES}: found {images:g}, expected {n_t} or more, the frames of {DATA_KEY}"
    if {"beg", "end"} <= set(names):
        counts[f"{METADATA}@end - beg"] = number(source, METADATA, "end") - number(source, METADATA, "beg")
    if source.has(IMAGE_SUMS):
        counts[f"shape of {IMAGE_SUMS}"] = float(math.prod(source.shape(IMAGE_SUMS)))
    key, most = max(counts.items(), key=lambda item: item[1], default=("", 0.0))
    if most < 2 * n_t:
        return None
    return (
        f"{LAGS} is missing, and {key} = {most:g} for {n_t} frames of {DATA_KEY}: each of these may be several of the "
        f"camera's, for which {period} s"
    )


def bad_frames(source: Source) -> tuple[str, ...]:
    """Return a note on frames marked as bad in the file, which are not excluded automatically."""
    numeric_list = source.has(BAD_FRAMES) and source.dtype(BAD_FRAMES).kind in "iuf"
    listed = numbers(source, BAD_FRAMES) if numeric_list else np.array([])
    stated = source.attribute(METADATA, BAD_FRAMES)
    # The program that writes these files converts lists that it cannot store to strings, "[3, 4]".
    if isinstance(stated, str):
        listed = np.append(listed, [float(digits) for digits in re.findall("[0-9]+", stated)])
    elif stated is not None and stated.dtype.kind in "iuf":
        listed = np.append(listed, stated)
    bad = np.unique(listed[np.isfinite(listed)])
    if not bad.size:
        return ()
    return (
        f"{BAD_FRAMES}: {bad.size} camera frames ({list_numbers(bad)}, counted from 0) are not excluded; give "
        "their frames in the maps, counted from 1, as data.mask_frames",
    )


def first_frame(source: Source, n_t: int) -> tuple[float, tuple[str, ...]]:
    """Return the 1-based number of the maps' first frame, and a note if the file does not state it."""
    if not {"beg", "end"} <= set(source.attribute_names(METADATA)):
        return 1.0, (f"{METADATA} has no beg and end: ages counted from the first frame of the maps",)
    beg, end = number(source, METADATA, "beg"), number(source, METADATA, "end")
    if not (beg >= 0 and end - beg == n_t):
        return 1.0, (
            f"{METADATA}: beg {beg:g} and end {end:g} do not fit {n_t} frames: ages counted from the maps' first one",
        )
    return beg + 1.0, ()


def numeric(source: Source, key: str, name: str) -> NDArray[np.float64]:
    """Read an attribute as a flat array of numbers; several are stored as strings."""
    value = source.attribute(key, name)
    try:
        return as_meant(np.asarray(value)).ravel()
    except (TypeError, ValueError):
        raise DataError(f"{key}@{name}: found {value!r}, expected numbers; correct the file") from None


def number(source: Source, key: str, name: str) -> float:
    """Read an attribute as one number."""
    values = numeric(source, key, name)
    if values.size != 1:
        raise DataError(f"{key}@{name}: found {values.size} numbers, expected one; correct the file")
    return float(values[0])
