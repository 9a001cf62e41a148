"""Maps with nothing to clean, recognised in one pass: nearly all, and a large one is read many times otherwise."""

from __future__ import annotations

import numpy as np

from heterodyne_data.cleaning import Map, has_zeros, rows_of
from heterodyne_data.fills import CONTRAST, FAR
from heterodyne_data.levels import LOWEST


def is_ordinary(c2: Map) -> bool:
    """Return whether a map (N, N), the diagonal aside, is finite, without zeros and far values, and varies in all rows.

    Then no frame is dead or stuck, no half is empty, no value is infinite or a fill value far from all others
    (`heterodyne_data.fills`), and not all are integers. A map that is not ordinary may still be in order.
    """
    least, most = np.full(len(c2), np.nan), np.full(len(c2), np.nan)
    for rows in rows_of(len(c2)):
        tile, place = c2[rows, rows].copy(), np.arange(rows.stop - rows.start)
        # A value of the same row in place of the diagonal.
        tile[place, place] = c2[np.arange(rows.start, rows.stop), np.arange(rows.start + 1, rows.stop + 1) % len(c2)]
        parts = [part for part in (c2[rows, : rows.start], tile, c2[rows, rows.stop :]) if part.size]
        least[rows] = np.min([part.min(axis=1) for part in parts], axis=0)
        most[rows] = np.max([part.max(axis=1) for part in parts], axis=0)
        if not np.isfinite(least[rows]).all():
            return False
    low, high = float(least.min()), float(most.max())
    if not (low >= LOWEST and high - low <= FAR * CONTRAST and (least < most).all()):
        return False
    whole = bool((c2[0, 1:] == np.rint(c2[0, 1:])).all())
    return not whole and not (low <= 0 <= high and has_zeros(c2))
