"""In-place operations on a map (N, N), tile by tile because maps can be as large as 8000 x 8000."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.levels import BELOW_1, Level
from heterodyne_spec import DataError

NEIGHBOURS = 5
WINDOW = 2 * NEIGHBOURS + 1
"""Number of frames on either side, and in total, to which a frame is compared."""
FEWEST_TO_COMPARE = 32
USUAL, HOT_TIMES, HOT_LEAST = 0.8, 6.0, 0.05
"""A frame is hot if the mean of its pairs deviates by this multiple of the deviation not exceeded by this fraction of
frames, and by this fraction of the baseline. The multiple was at most 5 in a hundred maps without hot frames, and 6 to
13 in six maps with one."""

PARTS, PART, PART_USED = 8, 8, 128
"""Number of parts of a side of a map, smallest number of frames of a part, and number of its frames that are used."""
LEAST = 0.1
"""Fraction of parts that count as the least correlated."""

LAGS, LEANS = 4, 1e-3
"""Short lags, in frames, and the relative increase after reversing rows from which a map is upside down."""
UPSIDE_DOWN = (
    "the line of equal times runs from the lower left to the upper right, expected the first frame at the upper left; "
    "store c2[::-1] (or state time_origin_location as in NXxpcs)"
)

ZEROS_MISSING = "pairs of exactly 0 are treated as missing"
HALVES = ("upper_half", "lower_half")

type Map = NDArray[np.floating[Any]]
type Frames = NDArray[np.bool_]

# Side of a tile: a tile and its mirror image fit into cache together.
TILE = 512
# Allowed asymmetry relative to the median or the baseline, from rounding of float32 sums; far below any noise.
SYMMETRY = 1e-4
# Larger values count as infinite, because their squares overflow and results are stored in single precision.
LARGEST = 1e30


def tiles(n: int) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles (rows, columns) on and above the diagonal."""
    for row in range(0, n, TILE):
        for column in range(row, n, TILE):
            yield slice(row, min(row + TILE, n)), slice(column, min(column + TILE, n))


def rows_of(n: int) -> Iterator[slice]:
    """Yield blocks of rows."""
    for row in range(0, n, TILE):
        yield slice(row, min(row + TILE, n))


def filled(values: Map) -> NDArray[np.bool_]:
    """Return which entries are neither zero nor NaN."""
    return np.asarray(np.isfinite(values) & (values != 0))


def populated_elements(c2: Map) -> str | None:
    """Return which triangle has values: all, upper_half or lower_half (terms of NXxpcs); None if neither.

    A half with a single value counts as empty if the other half has different ones: ``triu(c2) - 1`` leaves -1 there.
    """
    found = _filled_elements(c2)
    if found != "all" or (lower := _is_level(c2, "lower_half")) == _is_level(c2, "upper_half"):
        return found
    return "upper_half" if lower else "lower_half"


def _filled_elements(c2: Map) -> str | None:
    """Return which triangle has values other than zero and NaN."""
    upper = lower = False
    for rows, columns in tiles(len(c2)):
        above, below = filled(c2[rows, columns]), filled(c2[columns, rows])
        if rows == columns:
            above, below = np.triu(above, 1), np.tril(below, -1)
        upper, lower = upper or bool(above.any()), lower or bool(below.any())
        if upper and lower:
            return "all"
    return "upper_half" if upper else "lower_half" if lower else None


def _is_level(c2: Map, half: str) -> bool:
    """Return whether all values of a half that are not NaN are equal."""
    count, known = 0, np.nan
    for rows, columns in tiles(len(c2)):
        tile = c2[rows, columns] if half == "upper_half" else c2[columns, rows].T
        values = tile[np.triu_indices(len(tile), 1)] if rows == columns else tile
        values = values[np.isfinite(values)]
        if values.size:
            known = values[0] if count == 0 else known
            if not (values == known).all():
                return False
        count += values.size
    return count > len(c2) * (len(c2) - 1) // 4


def complete_half(c2: Map, half: str) -> str:
    """Mirror the filled half into the empty one, in place, and return a note; the diagonal is unchanged."""
    left = c2[-1, 0] if half == "upper_half" else c2[0, -1]
    for rows, columns in tiles(len(c2)):
        if rows == columns:
            tile = c2[rows, rows]
            kept = np.triu(tile) if half == "upper_half" else np.tril(tile)
            strict = np.triu(tile, 1) if half == "upper_half" else np.tril(tile, -1)
            # Adding onto zeros is exact, NaN entries of the filled half included.
            c2[rows, rows] = kept + strict.T
        elif half == "upper_half":
            c2[columns, rows] = c2[rows, columns].T
        else:
            c2[rows, columns] = c2[columns, rows].T
    there = f", the other one is {left:g} throughout" if filled(left) else ""
    return f"{half.replace('_', ' ')} completed to the full matrix{there}"


def blank_infinite(c2: Map) -> None:
    """Replace infinite entries by NaN."""
    for rows in rows_of(len(c2)):
        block = c2[rows]
        block[np.abs(block) > LARGEST] = np.nan


def blank_zeros(c2: Map, valid: Frames) -> int:
    """Replace off-diagonal entries of exactly 0 by NaN; return their number among pairs of valid frames.

    A correlation with baseline 1 is never 0: programs leave 0 where nothing was computed.
    """
    count = 0
    for rows in rows_of(len(c2)):
        block = c2[rows]
        empty = block == 0
        empty[np.arange(len(block)), np.arange(rows.start, rows.stop)] = False
        block[empty] = np.nan
        count += int((empty & valid & valid[rows, None]).sum())
    return count // 2


def has_zeros(c2: Map) -> bool:
    """Return whether an entry off the diagonal is exactly 0."""
    return any(bool(any_off_diagonal(rows, c2[rows] == 0).any()) for rows in rows_of(len(c2)))


def has_infinite(c2: Map) -> bool:
    """Return whether an entry is infinite or too large."""
    return any(bool((np.abs(c2[rows]) > LARGEST).any()) for rows in rows_of(len(c2)))


def quiet_nan(c2: Map) -> None:
    """Replace all NaN by the standard quiet NaN, in place, because signalling NaN from damaged files cause warnings."""
    for rows in rows_of(len(c2)):
        block = c2[rows]
        block[np.isnan(block)] = np.nan


def check_symmetric(c2: Map, where: str, given: Map | None = None) -> None:
    """Raise DataError when c2[i, j] and c2[j, i] differ, or when only one of them is NaN.

    `given` is the map before blanking, for the message.
    """
    worst = 0.0
    place = (0, 0)
    for rows, columns in tiles(len(c2)):
        above, below = c2[rows, columns], c2[columns, rows].T
        if np.array_equal(above, below) or np.array_equal(above, below, equal_nan=True):
            continue
        # A single NaN of a pair counts as infinite asymmetry.
        with np.errstate(invalid="ignore"):  # of two infinities
            apart = np.nan_to_num(np.abs(above - below))
        off = np.where(np.isnan(above) != np.isnan(below), np.inf, apart)
        if off.max() > worst:
            i, j = divmod(int(off.argmax()), off.shape[1])
            worst, place = float(off.max()), (rows.start + i + 1, columns.start + j + 1)
    # Not relative to the largest value, because with a fill value of 1e20 any two halves would agree.
    if worst > 0 and worst > SYMMETRY * max(1.0, abs(level(c2, np.ones(len(c2), dtype=bool)))):
        i, j = place
        shown = c2 if given is None else given
        if is_upside_down(shown):
            raise DataError(f"{where}: {UPSIDE_DOWN}")
        raise DataError(
            f"{where}: both halves have values but differ at frames {i} and {j} ({shown[i - 1, j - 1]:g} and "
            f"{shown[j - 1, i - 1]:g}), expected a symmetric map or one half; correct the file"
        )
    if leans(c2):
        raise DataError(f"{where}: {UPSIDE_DOWN}")


def leans(c2: Map) -> bool:
    """Return whether a symmetric map is also symmetric upside down, with higher short lags.

    A steady flow without noise is symmetric both ways.
    """
    turned = c2[::-1]
    short, other = (_short_lags(side) for side in (c2, turned))
    # A few rows first: noise is not symmetric both ways.
    likely = np.isfinite(short) and other - short > LEANS * abs(other)
    return bool(
        likely
        and np.allclose(turned[:LAGS], turned[:, :LAGS].T, rtol=SYMMETRY, atol=0, equal_nan=True)
        and is_upside_down(c2)
    )


def _short_lags(c2: Map) -> float:
    """Return the highest of the medians of some short lags, NaN where one has no value."""
    lines = [line[np.isfinite(line)] for line in (np.diagonal(c2, lag) for lag in range(1, LAGS + 1))]
    return max(float(np.median(line)) for line in lines) if all(line.size for line in lines) else float("nan")


def is_upside_down(c2: Map) -> bool:
    """Return whether a map is complete or half filled if the order of its rows is reversed."""
    turned = c2[::-1]
    if populated_elements(turned) in HALVES:
        return True
    return bool(np.allclose(turned, turned.T, rtol=SYMMETRY, atol=0, equal_nan=True))


def any_off_diagonal(rows: slice, entries: NDArray[np.bool_]) -> Frames:
    """Return for each row of a block whether one of its off-diagonal entries is marked."""
    entries[np.arange(len(entries)), np.arange(rows.start, rows.stop)] = False
    return np.asarray(entries.any(axis=1))


def dead_frames(c2: Map) -> Frames:
    """Return which frames are empty: all off-diagonal entries are NaN, or zero while those of other frames are not."""
    live = [any_off_diagonal(rows, filled(c2[rows])) for rows in rows_of(len(c2))]
    dead = ~np.concatenate(live)
    return dead if not dead.all() else ~usable_frames(c2, np.ones(len(c2), dtype=bool))


def usable_frames(c2: Map, candidates: Frames) -> Frames:
    """Return which of the candidate frames have at least one finite pair with another one."""
    usable = [any_off_diagonal(rows, np.isfinite(c2[rows]) & candidates) for rows in rows_of(len(c2))]
    return candidates & np.concatenate(usable)


def hot_frames(c2: Map, valid: Frames) -> Frames:
    """Return which valid frames are outliers: the mean of their pairs is compared to a running median.

    An intensity spike of the beam or detector that was not normalised changes all pairs of a single frame, whereas a
    sample changes over many frames.
    """
    means = np.full(len(c2), np.nan)
    for rows in rows_of(len(c2)):
        block = c2[rows]
        pairs = np.isfinite(block) & valid
        pairs[np.arange(len(block)), np.arange(rows.start, rows.stop)] = False
        count, total = pairs.sum(axis=1), np.sum(block, axis=1, where=pairs, dtype=np.float64)
        means[rows] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    frames = np.flatnonzero(valid & np.isfinite(means))
    hot = np.zeros(len(c2), dtype=bool)
    if frames.size >= FEWEST_TO_COMPARE:
        around = np.lib.stride_tricks.sliding_window_view(np.pad(means[frames], NEIGHBOURS, mode="reflect"), WINDOW)
        apart = np.abs(means[frames] - np.median(around, axis=1))
        hot[frames[apart > max(HOT_TIMES * float(np.quantile(apart, USUAL)), HOT_LEAST)]] = True
    return hot


def blank_frames(c2: Map, frames: Frames) -> None:
    """Set rows and columns of frames to NaN."""
    c2[frames] = np.nan
    c2[:, frames] = np.nan


def excluded_pairs(c2: Map, valid: Frames) -> int:
    """Count the NaN pairs i < j of valid frames."""
    count = 0
    for rows in rows_of(len(c2)):
        nan = np.isnan(c2[rows]) & valid & valid[rows, None]
        nan[np.arange(len(nan)), np.arange(rows.start, rows.stop)] = False
        count += int(nan.sum())
    return count // 2


def level(c2: Map, valid: Frames) -> float:
    """Return the median of the valid off-diagonal entries without exact zeros, where nothing was computed.

    For a large map only every n-th row is used, which suffices to distinguish 0 from 1 without a copy of the map.
    """
    values = sampled(c2, valid)
    return float(np.median(values)) if values.size else float("nan")


def level_of(c2: Map, valid: Frames) -> Level:
    """Return the level of a map and its baseline, the median of the least correlated tenth of its parts.

    Medians of parts are used because single values, and in particular their minimum, are dominated by noise.
    """
    values = sampled(c2, valid)
    if not values.size:
        return Level(np.nan, np.nan, np.nan)
    middle = float(np.median(values))
    edges = np.linspace(0, len(c2), min(PARTS, max(len(c2) // PART, 1)) + 1).astype(int)
    sides = [slice(one, other, max((other - one) // PART_USED, 1)) for one, other in itertools.pairwise(edges)]
    parts = [_median_of_part(c2, valid, one, other) for i, one in enumerate(sides) for other in sides[i:]]
    known = [part for part in parts if np.isfinite(part)]
    low = float(np.quantile(known, LEAST)) if known else middle
    return Level(middle, min(low, middle), float((values < BELOW_1).mean()))


def _median_of_part(c2: Map, valid: Frames, rows: slice, columns: slice) -> float:
    """Return the median of a part of a map above its diagonal, NaN where that has few values."""
    part = c2[rows, columns]
    kept = filled(part) & valid[rows, None] & valid[columns]
    kept &= np.arange(len(c2))[rows, None] < np.arange(len(c2))[columns]
    return float(np.median(part[kept])) if kept.sum() >= PART else float("nan")


def sampled(c2: Map, valid: Frames, rows_used: int = 128) -> NDArray[np.floating[Any]]:
    """Return valid values off the diagonal, of a large map those of every n-th row."""
    frames = np.flatnonzero(valid)
    rows = frames[:: max(1, len(frames) // rows_used)]
    block = c2[rows]
    block[:, ~valid] = np.nan
    block[np.arange(len(rows)), rows] = np.nan
    return np.asarray(block[filled(block)])
