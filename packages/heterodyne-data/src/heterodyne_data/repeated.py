"""Fill values inside the range of a correlation, detected as frequent repetitions of one value among noise.

Programs fill lags beyond a maximum, or blocks never written, with 1, 0.5 or 2. Noise repeats no value, so
many equal values were not measured. Rounded maps repeat all values, and maps without noise their tail: these are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.cleaning import Map, filled

FEWEST, TIMES = 24, 8
"""Number of sampled pairs with one value from which it is a fill value, and its ratio to that of other values."""
FEWEST_OTHERS = 100
"""Number of other pairs, which represent the noise."""
RARE, MOSTLY = 3, 0.9
"""Maximum number of repetitions of a value in noise, and the fraction of values that repeat no more often."""
TURNS, NOTHING = 0.4, 1e-6
"""Fraction of turning points among neighbours, two thirds of that of noise, and the size of steps that do not count."""
SIDE = 448
"""Number of sampled frames: a hundred thousand pairs."""
MOST = 4
"""Maximum number of fill values of one map."""


def repeated_values(c2: Map) -> list[float]:
    """Return the fill values of a symmetric map, the most frequent first."""
    step = -(-len(c2) // SIDE)
    part = c2[::step, ::step]
    values = part[np.triu_indices(len(part), 1)]
    values, counts = np.unique(values[filled(values)], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST]
    taken = [int(place) for place in order if counts[place] >= FEWEST]
    rest = np.delete(counts, taken)
    taken = [place for place in taken if counts[place] >= TIMES * rest.max(initial=0)]
    rest = np.delete(counts, taken)
    # Most of a map may be filled, but the rest must be enough to determine the noise.
    if not taken or rest.sum() < FEWEST_OTHERS or rest[rest <= RARE].sum() < MOSTLY * rest.sum():
        return []
    return [float(values[place]) for place in taken] if is_noisy(c2, values[taken]) else []


def is_noisy(c2: Map, left_out: NDArray[np.floating[Any]]) -> bool:
    """Return whether neighbouring values along the diagonal, at one lag, fluctuate like noise."""
    turns = total = 0
    for lag in range(1, len(c2) - 2, max(1, len(c2) // SIDE)):
        line = np.diagonal(c2, lag).astype(np.float64)
        steps = np.diff(np.where(np.isin(line, left_out) | (line == 0), np.nan, line))
        one, other = steps[:-1], steps[1:]
        known = np.isfinite(one) & np.isfinite(other)
        apart = known & (np.abs(one) > NOTHING) & (np.abs(other) > NOTHING)
        turns += int((apart & (one * other < 0)).sum())
        total += int(known.sum())
    return total > 0 and turns >= TURNS * total
