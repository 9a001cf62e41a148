"""The interface of a layout, and readers of small fields shared by all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.checks import as_meant
from heterodyne_data.contents import Contents, MapRef
from heterodyne_data.layouts.units import ANGLE, TIME, WAVEVECTOR, Kind, convert, stated_unit
from heterodyne_data.source import Source
from heterodyne_spec import DataError, shortened

if TYPE_CHECKING:
    from heterodyne_data.two_time import TwoTimeData


class Layout(Protocol):
    """A way of storing two-time maps; a module implements it."""

    @property
    def NAME(self) -> str:
        """Name of the layout."""

    @property
    def TITLE(self) -> str:
        """Its usual name."""

    @property
    def DATA_KEY(self) -> str:
        """Path of the maps inside the file, by which the layout is recognised."""

    def matches(self, source: Source) -> bool:
        """Return whether a file has this layout, by its data keys."""

    def contents(self, source: Source) -> Contents:
        """List the maps and read the time base; reads no map."""


class WritableLayout(Layout, Protocol):
    """A layout that can be written, too."""

    def write(self, path: Path, data: Sequence[TwoTimeData]) -> None:
        """Write a file of one measurement for each q, with the same azimuths and ages."""


ROUNDED = 0.0051
"""Tolerance for angles rounded to two decimals."""
FEW = 3
"""Number of angles from which it is no coincidence if all are odd, or count from 0 or 1."""
LARGEST_NUMBER = 10**9
"""Largest number of a bin or a map; a larger one means that the file is damaged."""


def numbers(source: Source, key: str) -> NDArray[np.float64]:
    """Read an array of numbers of any shape as a flat one; scalars may be stored as (1, 1)."""
    # Checked before reading, because strings and lists can have any length.
    if (dtype := source.dtype(key)).kind not in "fiub":
        raise DataError(f"{key}: found {dtype} values, expected numbers; correct the file")
    return as_meant(source.read(key)).ravel()


def quantity(
    source: Source, key: str, kind: Kind, required: bool = False, unit: str | None = None
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Read numbers in the unit of `kind`, assumed if the file states none, unless `required`.

    A given `unit` is one that the file states elsewhere.

    Returns
    -------
    values, notes
        Flat array, and a note when it was converted.
    """
    values, unit = numbers(source, key), unit or stated_unit(source, key, kind)
    if unit is None and required:
        raise DataError(f"{key}: states no unit, expected {kind.expected}; add it as the attribute units")
    return convert(key, values, unit, kind)


def axis(source: Source, key: str) -> NDArray[np.float64]:
    """Read the times of frames: a vector, or a grid of two axes (numpy.meshgrid) that varies along one of them."""
    values, shape = numbers(source, key), source.shape(key)
    if len(shape) != 2 or min(shape) < 2:
        return values
    grid = values.reshape(shape)
    for turned in (grid, grid.T):
        if np.array_equal(turned, np.broadcast_to(turned[:, :1], turned.shape)):
            return turned[:, 0]
    raise DataError(f"{key}: found a grid that varies along both axes, expected only one; give the times of frames")


def times(source: Source, key: str, unit: str | None = None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Read the times of frames in s, see `axis`, and a note when they were converted; `unit` is stated elsewhere."""
    return convert(key, axis(source, key), unit or stated_unit(source, key, TIME), TIME)


def wavevectors(
    source: Source, key: str, required: bool = False, unit: str | None = None
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Read q in 1/Å, and a note when it was converted."""
    return quantity(source, key, WAVEVECTOR, required, unit)


def azimuths(source: Source, key: str, unit: str | None = None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Read angles in degrees, and a note when they were converted, or state no unit and look like radians."""
    values, notes = quantity(source, key, ANGLE, unit=unit)
    return values, notes if unit is not None or stated_unit(source, key, ANGLE) is not None else radians_note(
        key, values
    )


def radians_note(key: str, angles: NDArray[np.float64]) -> tuple[str, ...]:
    """Return a note on angles without a unit that look like radians, or like map numbers."""
    if like_numbers(angles):
        return (
            f"{key}: taken as degrees, but the angles, {angles[0]:g} to {angles[-1]:g}, may be map numbers; if they "
            "are not azimuths, store these in degrees",
        )
    if not like_radians(angles):
        return ()
    return (f"{key}: taken as degrees, but the angles look like radians; if they are, multiply them by 180/pi",)


def like_numbers(angles: NDArray[np.float64]) -> bool:
    """Return whether three or more angles are 0, 1, 2, ... or 1, 2, 3, ..."""
    counted = np.arange(angles.size)
    return angles.size >= FEW and (np.array_equal(angles, counted) or np.array_equal(angles, counted + 1))


def like_radians(angles: NDArray[np.float64]) -> bool:
    """Return whether several angles are odd degrees within a turn in radians.

    Two or three angles, or angles with repeats, count if they are sectors of 15° in radians, or of 5° if given with
    enough digits: separated by these or by multiples of them.
    """
    known = np.unique(angles[np.isfinite(angles) & (angles != 0)])
    if known.size < 2 or np.abs(known).max() > 2 * np.pi + ROUNDED:
        return False
    odd = 2 * known != np.rint(2 * known)
    if known.size >= FEW and odd.all():
        return True
    rounded = bool((known == np.round(known, 3)).all())
    step, slack = (np.pi / 12, ROUNDED) if rounded else (np.pi / 36, 1e-4)
    return bool(odd.any()) and any(
        bool((np.abs(places / step - np.rint(places / step)) * step <= slack).all())
        for places in (known, np.diff(known))
    )


def seconds(source: Source, key: str, unit: str | None = None) -> tuple[float | None, tuple[str, ...]]:
    """Read one time in s, None when it is missing, and a note when it was converted; `unit` is stated elsewhere."""
    if not source.has(key):
        return None, ()
    values, notes = quantity(source, key, TIME, unit=unit)
    return one(key, values), notes


def integers(source: Source, key: str) -> NDArray[np.int64]:
    """Read an index array as int64: files contain uint8, in which arithmetic overflows silently."""
    values = numbers(source, key)
    if not (np.isfinite(values).all() and np.array_equal(values, np.rint(values))):
        raise DataError(f"{key}: found non-integers, expected bin numbers; correct the file")
    if (too_large := values[np.abs(values) > LARGEST_NUMBER]).size:
        raise DataError(f"{key}: found {too_large[0]:g}, expected bin numbers; correct the file")
    return values.astype(np.int64)


def scalar(source: Source, key: str) -> float | None:
    """Read one number, stored as a scalar or as an array of one; None when it is missing."""
    return one(key, numbers(source, key)) if source.has(key) else None


def one(key: str, values: NDArray[np.float64]) -> float:
    """Return the only number of an array."""
    if values.size != 1:
        raise DataError(f"{key}: found {values.size} numbers, expected one; correct the file")
    return float(values[0])


def time_between(key: str, value: float | None) -> float | None:
    """Return a time between frames in s, None if a file has none: detectors write 0 or NaN for an unknown one.

    Raises
    ------
    DataError
        It is negative or infinite; `key` is its name in the message.
    """
    if value is not None and (value < 0 or np.isinf(value)):
        raise DataError(f"{key}: found {value:g} s, expected a positive time between frames; correct the file")
    return value if value is not None and value > 0 else None


def stands(source: Source, key: str) -> bool:
    """Return whether there is a value at `key`, or an attribute of that name of its group."""
    group, _, name = key.rpartition("/")
    return source.has(key) or name in source.attribute_names(group or "/")


def attributed(source: Source, key: str) -> float | None:
    """Read one number at `key`, or from the attribute of that name of its group; None if it is missing."""
    group, _, name = key.rpartition("/")
    if source.has(key) or (stored := source.attribute(group or "/", name)) is None:
        return scalar(source, key)
    try:
        return one(key, as_meant(np.asarray(stored)).ravel())
    except (TypeError, ValueError):
        raise DataError(f"{group}@{name}: found {shortened(repr(stored))}, expected a number; correct it") from None


def whole(source: Source, key: str, default: int, least: int | None = None) -> float:
    """Read a number of frames, which is whole, and `least` or more; `default` when it is missing."""
    found = attributed(source, key)
    value = float(default) if found is None else found
    if not np.isfinite(value) or value != round(value) or (least is not None and value < least):
        expected = "an integer" if least is None else f"an integer, {least} or more"
        raise DataError(f"{key}: found {value:g} frames, expected {expected}; correct the file")
    return value


def counted(names: Iterable[str], prefix: str) -> dict[int, str]:
    """Return the names made of `prefix` and digits, by their number, in ascending order."""
    found: dict[int, str] = {}
    for name in names:
        if match := re.fullmatch(rf"{prefix}([0-9]+)", name):
            number = map_number(name, match[1])
            if number in found:
                raise DataError(f"{found[number]}, {name}: found two maps with the same number; remove one of them")
            found[number] = name
    return dict(sorted(found.items()))


def map_number(name: str, digits: str) -> int:
    """Return the number in the name of a map."""
    if len(digits) > len(str(LARGEST_NUMBER)) or int(digits) > LARGEST_NUMBER:
        raise DataError(f"{shortened(name)}: found a number of {len(digits)} digits, expected at most {LARGEST_NUMBER}")
    return int(digits)


def map_names(source: Source, group: str, prefix: str) -> dict[int, str]:
    """Return the maps of a group by their number."""
    found = counted(source.names(group), prefix)
    if not found:
        if group in source.lost:
            raise DataError(source.lost[group])
        raise DataError(f"{group}: contains no maps ({prefix}00001, ...); run the two-time correlation again")
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


def bins_around(source: Source, key: str, place: int) -> tuple[str, int] | None:
    """Return `key`, under which a file counts its bins, with the number of those around, at this place; None if not."""
    counts = integers(source, key) if source.has(key) else np.array([], dtype=np.int64)
    return (key, int(counts[place])) if counts.size > place else None


def stack_shape(source: Source, key: str, axis: int) -> tuple[int, int]:
    """Return the number of maps and of frames of maps stacked along `axis` (0 or -1)."""
    shape = source.shape(key)
    expected = "(n, N, N)" if axis == 0 else "(N, N, n)"
    rows, columns = (shape[1:] if axis == 0 else shape[:-1]) if len(shape) == 3 else (0, 1)
    if rows != columns or not shape[axis]:
        turned = len(shape) == 3 and bool(shape[axis]) and (shape[0] == shape[1] if axis == 0 else shape[1] == shape[2])
        moved = f"the maps are stacked along the other axis, store numpy.moveaxis({key}, {-1 - axis}, {axis})"
        raise DataError(
            f"{key}: found shape {shape}, expected {expected}: square maps, one per bin; "
            f"{moved if turned else 'correct the file'}"
        )
    return shape[axis], rows


def stack(key: str, axis: int, q: NDArray[np.float64], phi: NDArray[np.float64]) -> tuple[MapRef, ...]:
    """Return the maps of a stack that holds one per bin, labelled from 1."""
    return tuple(
        MapRef(key, i + 1, float(one_q), float(one_phi), i, axis)
        for i, (one_q, one_phi) in enumerate(zip(q, phi, strict=True))
    )
