"""Fill values inside the range of a correlation, detected as frequent repetitions of one value among noise.

Lags beyond a maximum, blocks that were never written: programs fill these with 1, 0.5 or 2. Noise repeats no value, so
many of one were not measured. Rounded maps repeat all of theirs, and maps without noise their tail: these stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.cleaning import Map, filled

FEWEST, TIMES = 24, 8
"""Pairs of one value, of those looked at, that are no measurement, and times the number of any that is one."""
FEWEST_OTHERS = 100
"""Other pairs, which tell what noise is."""
RARE, MOSTLY = 3, 0.9
"""Times that a value stands among others in noise, and the share of the others that stand no more often."""
TURNS, NOTHING = 0.4, 1e-6
"""Share of neighbours between which values turn, two thirds of those of noise, and steps that are none."""
SIDE = 448
"""Frames looked at: a hundred thousand pairs."""
MOST = 4
"""Different values of one map."""


def repeated_values(c2: Map) -> list[float]:
    """Return the values of a symmetric map that stand in for missing ones, the most frequent first."""
    step = -(-len(c2) // SIDE)
    part = c2[::step, ::step]
    values = part[np.triu_indices(len(part), 1)]
    values, counts = np.unique(values[filled(values)], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST]
    taken = [int(place) for place in order if counts[place] >= FEWEST]
    rest = np.delete(counts, taken)
    taken = [place for place in taken if counts[place] >= TIMES * rest.max(initial=0)]
    rest = np.delete(counts, taken)
    # What is filled may be most of a map, but the rest must tell what noise is.
    if not taken or rest.sum() < FEWEST_OTHERS or rest[rest <= RARE].sum() < MOSTLY * rest.sum():
        return []
    return [float(values[place]) for place in taken] if is_noisy(c2, values[taken]) else []


def is_noisy(c2: Map, left_out: NDArray[np.floating[Any]]) -> bool:
    """Tell whether values next to each other along the diagonal, at one lag, go up and down as noise does."""
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
