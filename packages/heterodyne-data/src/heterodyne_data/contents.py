"""Description of the contents of a file, available before any map is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.packing import packing_of
from heterodyne_data.pixels import PixelMap
from heterodyne_data.source import Source
from heterodyne_spec import BusyError, ContradictionError, DataError, one_line

MOST_FRAMES = 1e12
"""Maximum number of frames before the first of a map: a year at 30 µs per frame; beyond, ages lose precision."""
OLDEST = 1e8
"""Maximum age in s, three years: larger times are calendar times (seconds since 1970 are 1.8e9)."""


def check_flags(key: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return flags after checking that they are booleans, or 0 and 1."""
    if values.dtype.kind != "b" and (wrong := values[(values != 0) & (values != 1)]).size:
        raise DataError(not_flags(key, f"{wrong[0]:g}"))
    return values


def not_flags(key: str, found: str) -> str:
    """Return that a field does not contain flags, as text."""
    return f"{key}: found {found}, expected booleans, true for valid entries; correct the file"


@dataclass(frozen=True, eq=False)
class Flags:
    """Location of the flags of valid frames or pairs of a map; `index` is that of the map, None for all.

    `values` are flags of frames that were read already, for example from an attribute.
    """

    key: str
    index: int | None
    pairs: bool
    values: NDArray[np.bool_] | None = None

    def read(self, source: Source, frames: slice) -> NDArray[np.bool_]:
        """Read which entries of a window of frames are valid, (N, N)."""
        place = () if self.index is None else (self.index,)
        if self.values is not None:
            return _pairs(self.values[(*place, frames)])
        stored = source.read(self.key, (*place, frames, frames) if self.pairs else (*place, frames))
        found: NDArray[np.bool_] = check_flags(self.key, stored) != 0
        return found if self.pairs else _pairs(found)


def _pairs(frames: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return frames[:, None] & frames


@dataclass(frozen=True)
class MapRef:
    """Location of one map, and its bin.

    Parameters
    ----------
    key : path of the array inside the file.
    label : number of the bin in the file's own counting.
    q : wavevector in 1/Å.
    phi : azimuth in degrees, as in the file.
    index : index of the map in a stack; None if the array is the map.
    axis : axis of the stack, 0 or -1.
    time_origin : corner of the stored map that holds the first frame, upper_left or lower_left (words of NXxpcs).
    populated : elements with values according to the file: all, upper_half or lower_half; None if not stated.
    flags : location of the flags of valid frames or pairs; None if there are none.
    """

    key: str
    label: int
    q: float
    phi: float
    index: int | None = None
    axis: int = 0
    time_origin: str = "upper_left"
    populated: str | None = None
    flags: Flags | None = None

    @property
    def where(self) -> str:
        """Name of the map for messages."""
        return one_line(self.key if self.index is None else f"{self.key}[{self.index}]")

    def read(self, source: Source, frames: slice) -> NDArray[Any]:
        """Read this map's window of frames, the first frame at the upper left, NaN where it is not valid."""
        c2 = packing_of(source, self.key).unpacked(self._read(source, frames))
        return c2 if self.flags is None else np.where(self.flags.read(source, frames), c2, c2.dtype.type(np.nan))

    def _read(self, source: Source, frames: slice) -> NDArray[Any]:
        if self.time_origin == "upper_left":
            return source.read(self.key, self._selection(frames, frames))
        n_t = self.shape(source)[0]
        upwards = slice(n_t - frames.stop, n_t - frames.start)
        return source.read(self.key, self._selection(upwards, frames))[::-1]

    def as_stored(self, half: str | None) -> str | None:
        """Convert the term for the populated part of the map as read to that of the stored one, and back."""
        if self.time_origin == "upper_left":
            return half
        return {"upper_half": "lower_half", "lower_half": "upper_half"}.get(half or "", half)

    def _selection(self, rows: slice, columns: slice) -> tuple[slice | int, ...]:
        if self.index is None:
            return (rows, columns)
        return (self.index, rows, columns) if self.axis == 0 else (rows, columns, self.index)

    def shape(self, source: Source) -> tuple[int, ...]:
        """Return the shape of this map, without reading it."""
        shape = source.shape(self.key)
        if self.index is None:
            return shape
        return shape[1:] if self.axis == 0 else shape[:-1]


@dataclass(frozen=True)
class Clock:
    """Time base of the maps.

    Parameters
    ----------
    dt : time between frames of the map in s; None if the file has no usable one.
    start : age of the first frame in units of dt; 1 for a run correlated from its first frame.
    found : the file's statement, for messages.
    notes : conversions, as text.
    fault : error in the file's times, as a sentence: then dt must be given. None if there is none.
    """

    dt: float | None
    start: float
    found: str
    notes: tuple[str, ...] = ()
    fault: str | None = None

    def __post_init__(self) -> None:
        if not abs(self.start) < MOST_FRAMES:
            raise DataError(
                f"age of the first frame: found {self.start:g} frames, expected below {MOST_FRAMES:g}; correct the file"
            )
        if self.dt is not None and not (math.isfinite(self.dt) and self.dt > 0):
            raise DataError(f"time between frames: found {self.dt:g} s, expected a positive number; correct the file")
        age = self.start * (1.0 if self.dt is None else self.dt)
        if self.start < 0 or (self.dt is not None and age > OLDEST):
            raise DataError(
                f"age of the first frame: found {age:g} s, expected 0 to {OLDEST:g}, counted from the start of the "
                "sample, not from a date; correct the file"
            )


def attempted_clock(read: Callable[[], Clock]) -> Clock:
    """Return the time base from `read`; an error in the file's times becomes its `fault`."""
    try:
        return read()
    except BusyError:
        raise
    except DataError as error:
        return Clock(None, 1.0, "", fault=str(error))


@dataclass(frozen=True, eq=False)
class Bins:
    """The bins of a file with a map of pixels.

    Parameters
    ----------
    q, phi : listed values, by label - 1, in 1/Å and degrees; NaN if the list has none.
    pixels : the map of pixels, or why there is none, as text.
    fault : why the lists cannot be used; None if they can.
    doubt : why the entries that belong to the labels are ambiguous; None if they are not.
    whole : q and phi of the whole list, if labels are assumed to skip some of its entries but may not.
    around : key and value of the number of azimuthal bins; None if not stated.
    """

    q: NDArray[np.float64]
    phi: NDArray[np.float64]
    pixels: PixelMap | str
    fault: DataError | None = None
    doubt: ContradictionError | None = None
    whole: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    around: tuple[str, int] | None = None

    def of(self, label: int) -> tuple[float, float]:
        """Return listed q and phi of a bin, NaN where the list has none."""
        known = 0 < label <= self.q.size
        return (float(self.q[label - 1]), float(self.phi[label - 1])) if known else (math.nan, math.nan)


class Lists(NamedTuple):
    """Listed q (1/Å) and phi (degrees) by label - 1, notes, and `doubt` and `whole` of `Bins`."""

    q: NDArray[np.float64]
    phi: NDArray[np.float64]
    notes: tuple[str, ...]
    doubt: ContradictionError | None = None
    whole: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


def attempted_bins(read: Callable[[], Lists], pixels: PixelMap | str) -> tuple[Bins, tuple[str, ...]]:
    """Return the bins with the lists from `read`, and notes; an error in the lists becomes their `fault`."""
    try:
        q, phi, notes, doubt, whole = read()
    except BusyError:
        raise
    except DataError as error:
        return Bins(np.array([]), np.array([]), pixels, error), ()
    return Bins(q, phi, pixels, doubt=doubt, whole=whole), notes


@dataclass(frozen=True, eq=False)
class Contents:
    """The contents of a file: maps, time base and storage.

    `storage_mode` is a term of NXxpcs: data_exchange_keys, one_array_q_first, one_array_q_last, other.
    `baseline` is the stated c2 of an uncorrelated pair, 0 or 1; None if not stated. `bins` is None in
    layouts that have no map of pixels; the q and phi of `maps` are those of its lists. `energy` is that of the photons
    in keV, None if not stated. `weights` are those of the frames by label - 1, (n, N); None without any.
    `way_out` is what to do if its bins have no azimuth; may be empty.
    """

    maps: tuple[MapRef, ...]
    clock: Clock
    storage_mode: str
    notes: tuple[str, ...] = ()
    baseline: int | None = None
    bins: Bins | None = None
    energy: float | None = None
    weights: NDArray[np.float64] | None = None
    way_out: str = ""

    def __post_init__(self) -> None:
        if not self.maps:
            raise DataError(
                "contains no map of a correlation, expected at least one; run the two-time correlation again"
            )
