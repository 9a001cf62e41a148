"""Means over blocks of frames of a part of a map, sent to the browser instead of the map.

A map of 8000 frames has 64 million entries, its picture on a screen some 230 pixels along a side. Coarse means of the
whole map are kept (`Pyramid`), so that a zoomed-out view reads a sixteenth or less of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.floating]

MOST_BLOCKS = 300
"""Maximum number of blocks along one side of a view."""
_AT_ONCE = 200_000
"""Entries that are summed at once."""
_COARSE = 4
"""Frames along the side of a block of the coarse level."""


class Window(NamedTuple):
    """Frames of a view, from 0, the ends excluded: rows are t1, columns t2."""

    first_row: int
    end_row: int
    first_column: int
    end_column: int

    @property
    def width(self) -> int:
        """Side of the blocks, in frames, of which at most `MOST_BLOCKS` fit along the view."""
        longest = max(self.end_row - self.first_row, self.end_column - self.first_column)
        return max(-(-longest // MOST_BLOCKS), 1)


class View(NamedTuple):
    """Means over blocks, (n_row, n_column), NaN where a block has no valid pair, and the frames that they cover."""

    values: FloatArray
    window: Window
    width: int


def window_of(n_t: int, rows: tuple[float, float], columns: tuple[float, float]) -> Window:
    """Return the window of frames that contains ranges of frame numbers from 0, clipped to a map of `n_t` frames.

    Blocks start at multiples of their width, so that panning does not change the means.
    """
    sides = []
    for low, high in (rows, columns):
        first = int(np.clip(np.floor(min(low, high)), 0, n_t - 1))
        sides += [first, int(np.clip(np.ceil(max(low, high)), first + 1, n_t))]
    width = Window(*sides).width
    aligned = [
        side // width * width if k % 2 == 0 else min(-(-side // width) * width, n_t) for k, side in enumerate(sides)
    ]
    return Window(*aligned)


def block_means(values: FloatArray, width: int) -> FloatArray:
    """Return means over blocks of `width` entries along both sides, (n_row, n_column); NaN entries are left out.

    The last blocks may be smaller.
    """
    if width == 1:
        return np.array(values, float)
    total, count = _block_sums(values, width)
    return _means(total, count)


def _means(total: FloatArray, count: FloatArray) -> FloatArray:
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _block_sums(values: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
    """Return sums and numbers of the finite entries of blocks."""
    starts = [np.arange(0, side, width) for side in values.shape]
    totals, counts = (np.empty([len(one) for one in starts]) for _ in range(2))
    # Some rows of blocks at a time stay in the cache; adding rows before columns touches memory in order.
    step = max(_AT_ONCE // (width * max(values.shape[1], 1)), 1)
    for first in range(0, len(starts[0]), step):
        part = values[first * width : (first + step) * width]
        finite = np.isfinite(part)
        rows = np.arange(0, len(part), width)
        for found, one in ((totals, np.where(finite, part, 0)), (counts, finite)):
            along = np.add.reduceat(one, rows, axis=0, dtype=np.float64)
            found[first : first + step] = np.add.reduceat(along, starts[1], axis=1)
    return totals, counts


@dataclass(frozen=True)
class Pyramid:
    """A map (n_t, n_t) with the sums of its blocks of a few frames, and which frames have any value, (n_t,)."""

    values: FloatArray
    total: FloatArray
    count: FloatArray
    usable: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, values: FloatArray) -> Pyramid:
        """Return the pyramid of a map, in one pass over it."""
        total, count = _block_sums(values, _COARSE)
        return cls(values, total, count, np.isfinite(values).any(axis=1))

    def view(self, window: Window) -> View:
        """Return the means over the blocks of a window."""
        width = window.width
        rows, columns = slice(window.first_row, window.end_row), slice(window.first_column, window.end_column)
        if width < 2 * _COARSE:
            return View(block_means(self.values[rows, columns], width), window, width)
        # Whole coarse blocks.
        step = -(-width // _COARSE)
        coarse = [slice(part.start // _COARSE // step * step, -(-part.stop // _COARSE)) for part in (rows, columns)]
        total, count = (_block_totals(part[coarse[0], coarse[1]], step) for part in (self.total, self.count))
        n_t, width = len(self.values), step * _COARSE
        ends = [min(len(range(0, part.stop - part.start, step)) * width + part.start * _COARSE, n_t) for part in coarse]
        covered = Window(coarse[0].start * _COARSE, ends[0], coarse[1].start * _COARSE, ends[1])
        return View(_means(total, count), covered, width)


def _block_totals(values: FloatArray, step: int) -> FloatArray:
    rows, columns = (np.arange(0, side, step) for side in values.shape)
    return np.add.reduceat(np.add.reduceat(values, columns, axis=1), rows, axis=0)


def colour_range(values: FloatArray) -> tuple[float, float]:
    """Return colour limits that exclude the outermost 0.5 % on either side; (0, 1) if no value is finite."""
    inside = values[np.isfinite(values)]
    if not inside.size:
        return 0.0, 1.0
    low, high = np.percentile(inside, [0.5, 99.5])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(high) + 0.5)
