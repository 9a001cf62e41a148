"""Fill values in a map (N, N) (-1, -999, 1e20) where nothing was computed, and frames and maps with a single value.

Equal values alone are not suspicious: maps are rounded, and without noise most pairs are 1. Zeros and infinities are
not considered here, because they always count as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.cleaning import Frames, Map, filled, rows_of
from heterodyne_data.levels import LOWEST

FEWEST = 16
"""Smallest number of other pairs."""
ALIKE = 2
"""Number of equal pairs that is no coincidence."""
MOST = 4
"""Maximum number of fill values of one map."""
FAR = 5.0
"""Ratio of the distance of a large value from the others to their largest distance above the median."""
CONTRAST = 1.0
"""Upper limit of that distance without noise."""
APART, REPEATED = "far from all others", "many of exactly this value among noise"
"""Reasons why pairs were not measured."""
FEWEST_OF_FRAME = 8
"""Number of pairs of a frame from which it may have a single value."""


def pairs(c2: Map) -> Iterator[NDArray[np.floating[Any]]]:
    """Yield the finite non-zero values of the pairs i < j, by blocks of rows."""
    for rows in rows_of(len(c2)):
        block = c2[rows, rows.start :]
        later = np.arange(block.shape[1]) > np.arange(len(block))[:, None]
        yield block[later & np.isfinite(block) & (block != 0)]


def ends(c2: Map, low: float = -np.inf, high: float = np.inf) -> tuple[float, float]:
    """Return the least and the largest of the values that lie strictly between two numbers; NaN without any."""
    inside = [values[(values > low) & (values < high)] for values in pairs(c2)]
    found = [(float(values.min()), float(values.max())) for values in inside if values.size]
    return (min(one for one, _ in found), max(one for _, one in found)) if found else (np.nan, np.nan)


def fill_values(c2: Map) -> list[float]:
    """Return the fill values of a symmetric map.

    A fill value is impossible for a correlation, far from all other values, and an integer or repeated. Possible values
    are kept, because keeping a fill value is less harmful than losing a measurement.
    """
    found: list[float] = []
    low, high = -np.inf, np.inf
    while len(found) < MOST:
        least, most = ends(c2, low, high)
        after, before = ends(c2, least, most)
        sample = next((one for one in (v[(v > least) & (v < most)] for v in pairs(c2)) if one.size >= FEWEST), None)
        if sample is None:
            break
        middle = float(np.median(sample))
        if _stands_in(c2, least, after, middle):
            low = least
            found.append(least)
        elif _stands_in(c2, most, before, middle):
            high = most
            found.append(most)
        else:
            break
    return found


def _stands_in(c2: Map, value: float, nearest: float, middle: float) -> bool:
    if value < nearest:
        # c2 of intensities is not negative, and c2 - 1 = -1 means c2 = 0, which counts as missing anyway.
        far = value < LOWEST and nearest - value > abs(nearest - middle)
    else:
        # Few photons in few pixels give a long tail: if only one of 30 pixels has counts in two frames, c2 is 30.
        far = value - nearest > FAR * max(nearest - middle, CONTRAST)
    return far and (value == round(value) or count(c2, value) >= ALIKE)


def count(c2: Map, value: float) -> int:
    """Return how many pairs i < j have exactly this value."""
    return sum(int((values == value).sum()) for values in pairs(c2))


def blank(c2: Map, values: Sequence[float], why: str = APART) -> list[str]:
    """Replace off-diagonal entries with these values by NaN, in place; return a note on each."""
    for rows in rows_of(len(c2)) if values else ():
        block = c2[rows]
        alike = np.isin(block, np.array(values, dtype=c2.dtype))
        alike[np.arange(len(block)), np.arange(rows.start, rows.stop)] = False
        block[alike] = np.nan
    return [f"pairs of {value:g}, {why}, are treated as missing" for value in values]


def stuck_frames(c2: Map) -> Frames:
    """Return which frames of a symmetric map have a single value in all pairs, because they were filled, not measured.

    None if most pairs of the other frames have this value too: without noise, all uncorrelated pairs are 1.
    """
    least, most = np.full(len(c2), np.inf), np.full(len(c2), -np.inf)
    number = np.zeros(len(c2), dtype=int)
    for rows in rows_of(len(c2)):
        block, held = c2[rows], _held(c2, rows)
        least[rows] = block.min(axis=1, where=held, initial=np.inf)
        most[rows] = block.max(axis=1, where=held, initial=-np.inf)
        number[rows] = held.sum(axis=1)
    # A dark frame has few pairs that are not 0, and these may be equal.
    stuck: Frames = (least == most) & (number >= max(FEWEST_OF_FRAME, number.max() // 2))
    # Two such frames share a pair, and so their value.
    return stuck if stuck.any() and _is_rare(c2, float(least[stuck][0]), ~stuck) else np.zeros_like(stuck)


def _held(c2: Map, rows: slice) -> NDArray[np.bool_]:
    """Return which off-diagonal entries of a block of rows have a value."""
    held = filled(c2[rows])
    held[np.arange(len(held)), np.arange(rows.start, rows.stop)] = False
    return held


def _is_rare(c2: Map, value: float, frames: Frames) -> bool:
    """Return whether less than half of the pairs of these frames have exactly this value."""
    alike = total = 0
    for rows in rows_of(len(c2)):
        held = _held(c2, rows) & frames & frames[rows, None]
        total += int(held.sum())
        alike += int((held & (c2[rows] == value)).sum())
    return 2 * alike < total


def one_value(c2: Map) -> bool:
    """Return whether all pairs have the same value, so that the map is not a correlation."""
    least, most = ends(c2)
    return least == most


def only_whole(c2: Map) -> bool:
    """Return whether values differ but are all integers, so that c2 between 1 and 2 was rounded or scaled."""
    least, most = ends(c2)
    return least < most and all(bool((values == np.rint(values)).all()) for values in pairs(c2))
