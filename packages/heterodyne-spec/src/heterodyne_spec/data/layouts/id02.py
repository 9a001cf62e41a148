"""ESRF ID02 result files: /<entry>/1_XPCS/results with q, t and, where it was asked for, the two-time maps ttcf.

q has the unit of its attribute, ``q_nm^-1`` as a rule; ``t`` are lags, so that their step is the time between frames.
Bins are rings of a mask; azimuths ``phi``, one per bin, are read where they are there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heterodyne_spec.data.contents import Clock, Contents, Source
from heterodyne_spec.data.layouts.base import azimuths, quantity, stack, stack_shape, wavevectors
from heterodyne_spec.data.layouts.units import TIME
from heterodyne_spec.data.time_axis import time_axis
from heterodyne_spec.errors import DataError

NAME = "id02"
DATA_KEY = "/<entry>/1_XPCS/results/ttcf"
RESULTS = "1_XPCS/results"


def matches(source: Source) -> bool:
    """Tell whether an entry has the group of results."""
    return bool(results(source))


def results(source: Source) -> list[str]:
    """Return the groups of results, one per entry."""
    return [key for key in (f"/{entry}/{RESULTS}" for entry in source.names()) if _holds(source, key)]


def _holds(source: Source, key: str) -> bool:
    try:
        return bool(source.names(key))
    except DataError:  # an entry that links to raw data elsewhere, which are not the results
        return False


def contents(source: Source) -> Contents:
    """List the maps, one per bin of q."""
    groups = results(source)
    if len(groups) > 1:
        raise DataError(
            f"found results in {', '.join(groups)}, expected one entry; copy the one to read into its own file"
        )
    group = groups[0]
    if not source.has(f"{group}/ttcf"):
        listed = ", ".join(source.names(group))
        raise DataError(
            f"{group}: found {listed}, expected two-time maps ttcf (n_q, N, N); run the correlator with the two-time "
            "correlation switched on"
        )
    n_maps, n_t = stack_shape(source, f"{group}/ttcf", axis=0)
    q, notes = wavevectors(source, f"{group}/q", required=True)
    phi, phi_notes = angles(source, group, n_maps)
    if not q.size == phi.size == n_maps:
        raise DataError(
            f"{group}/ttcf, q, phi: found {n_maps} maps, {q.size} q and {phi.size} angles, expected one each per bin; "
            "correct the file"
        )
    clock = lag_clock(source, f"{group}/t", n_t)
    maps = stack(f"{group}/ttcf", 0, q, phi)
    return Contents(maps, clock, "one_array_q_first", (*notes, *phi_notes, *clock.notes))


def angles(source: Source, group: str, n_maps: int) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the azimuths in degrees, NaN where the bins are rings, and notes."""
    if source.has(f"{group}/phi"):
        return azimuths(source, f"{group}/phi")
    return np.full(n_maps, np.nan), (f"{group}/phi is missing: bins have no azimuth",)


def lag_clock(source: Source, key: str, n_t: int) -> Clock:
    """Return the time base from the lags, which start at 0."""
    if not source.has(key):
        return Clock(None, 1.0, f"{key} is missing")
    lags, notes = quantity(source, key, TIME, required=True)
    _, step = time_axis(lags, None, n_t)
    return Clock(step, 1.0, f"{key} with a step of {step:g} s", notes)
