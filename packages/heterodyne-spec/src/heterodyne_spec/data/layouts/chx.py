"""NSLS-II CHX result files: g12b (N, N, n_roi), the bins as attributes of qval_dict, metadata as attributes of md.

Attribute i of ``qval_dict`` belongs to ``g12b[:, :, i]``: (q,) of a ring, (q, azimuth) of a segment, or at grazing
incidence (q parallel, q perpendicular), which are no azimuths. Frames are those from ``md@beg`` on, counted from 0;
``tausb`` are the lags of the maps in s, binning of frames included.
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from heterodyne_spec.data.contents import Clock, Contents, Source, attempted_clock
from heterodyne_spec.data.layouts.base import map_number, positive, quantity, stack, stack_shape
from heterodyne_spec.data.layouts.units import TIME, WAVEVECTOR, convert, stated_unit
from heterodyne_spec.errors import DataError

NAME = "chx"
DATA_KEY = "g12b"
BINS = "qval_dict"
METADATA = "md"
LAGS = "tausb"
GRAZING = "qr_1d_pds"
PERIODS = ("frame_time", "acquire period")
"""Time between frames in s, the detector's before the asked one; md's exposure time is not the time between frames."""


def matches(source: Source) -> bool:
    """Tell whether the file has the array of maps."""
    return source.has(DATA_KEY)


def contents(source: Source) -> Contents:
    """List the maps, one per region of interest."""
    n_maps, n_t = stack_shape(source, DATA_KEY, axis=-1)
    q, phi, notes = bins(source, n_maps)
    clock = attempted_clock(lambda: frame_clock(source, n_t))
    return Contents(stack(DATA_KEY, -1, q, phi), clock, "one_array_q_last", (*notes, *clock.notes))


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
    q, notes = convert(BINS, table[:, 0], stated_unit(source, BINS), WAVEVECTOR)
    if table.shape[1] == 2 and not grazing(source):
        return q, table[:, 1], notes
    why = "grazing incidence" if table.shape[1] == 2 else "rings"
    return q, np.full(n_maps, np.nan), (*notes, f"{BINS}: bins of {why} have no azimuth")


def grazing(source: Source) -> bool:
    """Tell whether the second number of a bin is q perpendicular, not an azimuth."""
    return GRAZING in source.names() or "Qz" in source.attribute_names(METADATA)


def frame_clock(source: Source, n_t: int) -> Clock:
    """Return the time base: the lags of the maps before the metadata, which count camera frames."""
    stated = next((name for name in PERIODS if name in source.attribute_names(METADATA)), None)
    asked = None if stated is None else number(source, METADATA, stated)
    period = positive(asked)
    start, notes = first_frame(source, n_t)
    if not source.has(LAGS):
        found = (
            f"neither {' nor '.join(PERIODS)} in {METADATA}" if asked is None else f"{METADATA}@{stated} = {asked:g}"
        )
        return Clock(period, start, found, notes)
    lags, lag_notes = quantity(source, LAGS, TIME)
    positive_lags = lags[(lags > 0) & np.isfinite(lags)]
    step = float(positive_lags.min()) if positive_lags.size else None
    if step is None or period is None:
        return Clock(positive(step), start, f"{LAGS} without a positive lag", (*notes, *lag_notes))
    binned = max(round(step / period), 1) if math.isfinite(step / period) else 0
    if abs(step - binned * period) > 1e-3 * step:
        fault = (
            f"{LAGS}, {METADATA}@{stated}: found a first lag of {step:g} s and {period:g} s between frames, expected a "
            "whole multiple of it; correct the file"
        )
        return Clock(None, start, "", (*notes, *lag_notes), fault)
    words = (
        (f"every frame of the maps is {binned} of the camera's ({LAGS}, {METADATA}@{stated})",) if binned > 1 else ()
    )
    return Clock(step, start, LAGS, (*notes, *lag_notes, *words))


def first_frame(source: Source, n_t: int) -> tuple[float, tuple[str, ...]]:
    """Return the 1-based number of the maps' first frame, and a note when the file does not tell."""
    if not {"beg", "end"} <= set(source.attribute_names(METADATA)):
        return 1.0, (f"{METADATA} has no beg and end: ages counted from the first frame of the maps",)
    beg, end = number(source, METADATA, "beg"), number(source, METADATA, "end")
    if not (beg >= 0 and end - beg == n_t):
        return 1.0, (
            f"{METADATA}: beg {beg:g} and end {end:g} do not fit {n_t} frames: ages counted from the maps' first one",
        )
    return beg + 1.0, ()


def numeric(source: Source, key: str, name: str) -> NDArray[np.float64]:
    """Read an attribute as a flat array of numbers; several are stored as texts."""
    value = source.attribute(key, name)
    try:
        return np.asarray(value, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise DataError(f"{key}@{name}: found {value!r}, expected numbers; correct the file") from None


def number(source: Source, key: str, name: str) -> float:
    """Read an attribute as one number."""
    values = numeric(source, key, name)
    if values.size != 1:
        raise DataError(f"{key}@{name}: found {values.size} numbers, expected one; correct the file")
    return float(values[0])
