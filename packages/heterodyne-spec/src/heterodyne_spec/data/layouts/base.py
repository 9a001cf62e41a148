"""What a layout has to offer, and readers of small fields that they share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from heterodyne_spec.data.contents import Clock, Contents, Source
from heterodyne_spec.errors import DataError

if TYPE_CHECKING:
    from heterodyne_spec.data.two_time import TwoTimeData


class Layout(Protocol):
    """A way of storing two-time maps; a module implements it."""

    @property
    def NAME(self) -> str:
        """Name of the layout."""

    @property
    def DATA_KEY(self) -> str:
        """Path of the maps inside the file, which the layout is known by."""

    def matches(self, source: Source) -> bool:
        """Tell by its data keys whether a file has this layout."""

    def contents(self, source: Source) -> Contents:
        """List the maps and read the time base; reads no map."""


class WritableLayout(Layout, Protocol):
    """A layout that can be written, too."""

    def write(self, path: Path, data: TwoTimeData) -> None:
        """Write a file."""


def numbers(source: Source, key: str) -> NDArray[np.float64]:
    """Read an array of numbers of any shape as a flat one; scalars may be stored as (1, 1)."""
    values = source.read(key)
    if values.dtype.kind not in "fiub":
        raise DataError(f"{key}: found {values.dtype} values, expected numbers; correct the file")
    return np.asarray(values, dtype=np.float64).ravel()


def integers(source: Source, key: str) -> NDArray[np.int64]:
    """Read an index array as int64: files hold uint8 ones, in which arithmetic overflows silently."""
    values = numbers(source, key)
    if not (np.isfinite(values).all() and np.array_equal(values, np.rint(values))):
        raise DataError(f"{key}: found numbers that are not whole, expected bin numbers; correct the file")
    return values.astype(np.int64)


def scalar(source: Source, key: str, default: float | None = None) -> float | None:
    """Read one number, stored as a scalar or as an array of one; `default` when it is missing."""
    if not source.has(key):
        return default
    values = numbers(source, key)
    if values.size != 1:
        raise DataError(f"{key}: found {values.size} numbers, expected one; correct the file")
    return float(values[0])


def counted(names: Iterable[str], prefix: str) -> dict[int, str]:
    """Return the names made of `prefix` and digits, by their number, in ascending order."""
    found = {int(match[1]): name for name in names if (match := re.fullmatch(rf"{prefix}(\d+)", name))}
    return dict(sorted(found.items()))


def map_names(source: Source, group: str, prefix: str) -> dict[int, str]:
    """Return the maps of a group by their number."""
    found = counted(source.names(group), prefix)
    if not found:
        raise DataError(f"{group}: holds no maps ({prefix}00001, ...); run the two-time correlation again")
    return found


def in_range(key: str, values: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
    """Return `values` after checking that all lie in low..high."""
    outside = values[(values < low) | (values > high)]
    if outside.size:
        raise DataError(
            f"{key}: found bin number {outside[0]}, expected {low} to {high}; the map of bins does not "
            "belong to these maps, correct the file"
        )
    return values


def frame_clock(source: Source, frame_time: str, stride: str, average: str, skipped: float) -> Clock:
    """Return the time base of maps made of raw frames.

    Parameters
    ----------
    frame_time, stride, average : keys of the time between raw frames (s), of
        the step, and of the number of frames averaged; the last two may be missing.
    skipped : raw frames before the first one used.
    """
    step = (scalar(source, stride, 1.0) or 0.0) * (scalar(source, average, 1.0) or 0.0)
    if not step > 0:
        raise DataError(f"{stride}, {average}: found a step of {step:g} frames, expected at least 1; correct the file")
    seconds = scalar(source, frame_time)
    found = f"{frame_time} is missing" if seconds is None else f"{frame_time} = {seconds:g}"
    dt = seconds * step if seconds is not None and np.isfinite(seconds) and seconds > 0 else None
    # Counted in frames of the map, so that the ages (start + k) * dt take one rounding.
    return Clock(dt, skipped / step + 1.0, found)
