"""Caches (.npz) that the public programs `homodyne`, `xpcsjax` and `heterodyne` keep of the maps they have read.

Of homodyne and xpcsjax: ``c2_exp`` (n, N, N), ``wavevector_q_list`` (1/Å) and ``phi_angles_list`` (degrees) with one
entry per map, ``t1`` and ``t2`` (s; vectors, or grids of two axes in older files). Of heterodyne: ``c2``, ``q_values``
or ``q``, ``phi``, ``t``, and ``source_mtime``. Both hold the window that was analysed, and their times begin anew with
it: at 0, whatever the age of its first frame was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.checks import is_finite, is_whole
from heterodyne_data.contents import Clock, Contents, MapRef, Source, attempted_clock
from heterodyne_data.layouts.base import LARGEST_NUMBER, axis, azimuths, stack_shape, wavevectors
from heterodyne_data.layouts.flags import flagged
from heterodyne_data.layouts.units import check_units_known
from heterodyne_data.time_axis import UNIFORM, axis_clock, precision
from heterodyne_spec.errors import DataError, shortened

NAME = "analysis-cache"
DATA_KEY = "c2_exp"
Q_LIST, PHI_LIST, TIMES = "wavevector_q_list", "phi_angles_list", ("t1", "t2")
METADATA = "cache_metadata_json"
# The cache of `heterodyne` has our own archive's key for the maps; this one tells it apart.
OTHER_MAPS, OTHER_MARK = "c2", "source_mtime"


def matches(source: Source) -> bool:
    """Tell whether the file has the maps under the name that only these programs use, or the mark of their cache."""
    return source.has(DATA_KEY) or (source.has(OTHER_MAPS) and source.has(OTHER_MARK))


def contents(source: Source) -> Contents:
    """List the maps, each with its own q."""
    if source.has(DATA_KEY):
        maps, notes = map_refs(source, DATA_KEY, Q_LIST, PHI_LIST)
        clock = attempted_clock(lambda: window_clock(source, source.shape(DATA_KEY)[-1]))
    else:
        maps, notes = map_refs(source, OTHER_MAPS, "q_values" if source.has("q_values") else "q", "phi")
        clock = attempted_clock(lambda: index_clock(source, source.shape(OTHER_MAPS)[-1]))
    maps, weights, said = flagged(source, maps, source.shape(maps[0].key)[-1])
    return Contents(maps, clock, "one_array_q_first", (*notes, *said, *clock.notes), weights=weights)


def map_refs(source: Source, key: str, q_key: str, phi_key: str) -> tuple[tuple[MapRef, ...], tuple[str, ...]]:
    """Return the maps of the stack `key`, one q may stand for all, and notes on their units."""
    shape = source.shape(key)
    # These programs write none; one that somebody has added would be ignored.
    check_units_known(source, (q_key, phi_key))
    if len(shape) not in (2, 3):
        raise DataError(f"{key}: found shape {shape}, expected (n, N, N); write the cache again")
    n_maps = stack_shape(source, key, axis=0)[0] if len(shape) == 3 else 1
    (q, q_notes), (phi, phi_notes) = wavevectors(source, q_key), azimuths(source, phi_key)
    if phi.size != n_maps or q.size not in (1, n_maps):
        raise DataError(
            f"{key}, {q_key}, {phi_key}: found {n_maps} maps, {q.size} q and {phi.size} angles, expected one of each "
            "per map; write the cache again"
        )
    index: list[int | None] = list(range(n_maps)) if len(shape) == 3 else [None]
    maps = tuple(
        MapRef(key, label, float(one_q), float(one_phi), i)
        for label, (one_q, one_phi, i) in enumerate(zip(np.broadcast_to(q, n_maps), phi, index, strict=True), start=1)
    )
    return maps, (*q_notes, *phi_notes)


def window_clock(source: Source, n_t: int) -> Clock:
    """Return the time base of a cache of homodyne or xpcsjax; its notes say what was concluded about its origin."""
    facts = metadata(source)
    dt = facts.get("dt")
    first = stated_frame(facts)
    stated_dt = float(dt) if is_finite(dt) and dt > 0 else None
    if not all(source.has(name) for name in TIMES):
        return Clock(stated_dt, float(first or 1), f"no {' or '.join(TIMES)}")
    eps = max(precision(source.dtype(name)) for name in TIMES)
    clock = origin(TIMES[0], axis_clock(common_axis(source), None, n_t, TIMES[0], eps=eps), first)
    if clock.dt is None or stated_dt is None or abs(stated_dt - clock.dt) <= UNIFORM * clock.dt:
        return clock
    fault = (
        f"{TIMES[0]}, {METADATA}: found a step of {clock.dt:g} s and dt = {stated_dt:g} s, expected the same; write "
        "the cache again"
    )
    return replace(clock, dt=None, fault=fault)


def stated_frame(facts: Mapping[str, Any]) -> int | None:
    """Return the number of the first frame that the metadata state, None where they state none, or 0."""
    first = facts.get("start_frame")
    # Other languages write whole numbers as 100.0.
    whole = is_finite(first) and first == round(first)
    if first is not None and not (whole and first >= 0):
        raise DataError(
            f"{METADATA}: found start_frame = {shortened(repr(first))}, expected a whole number, 1 or more; write the "
            "cache again"
        )
    return round(first) if whole and first else None


def origin(name: str, times: Clock, first: int | None) -> Clock:
    """Return the time base of a window whose times `name` are those of `times`; `first` numbers its first frame.

    Of an axis at fault the times are good for this all the same: a given time between frames makes up for the rest.
    """
    begins = times.start
    # Uneven steps leave the first age in units of their mean uncertain.
    within = UNIFORM if times.fault is None else 0.5
    relative = abs(begins) < within or abs(begins - 1) < within
    said = f"{name} begins at " + (f"frame {begins:.4g}" if times.dt is None else f"{begins * times.dt:g} s")
    if first is not None:
        if not relative and abs(begins - first) > max(within, UNIFORM * first):
            raise DataError(
                f"{name}: begins at frame {begins:g}, but {METADATA} says start_frame = {first}; write the cache again"
            )
        numbered = f"{said}; {METADATA} says that its first frame is number {first}"
        return replace(times, start=float(first), notes=(numbered,))
    if not relative:
        return replace(times, notes=(f"{said}, taken as the age of its first frame",))
    aged = "" if times.dt is None else f", of age {times.dt:g} s"
    meant = f"its first frame is taken as frame 1{aged}; for a window of a longer run this is too young"
    return replace(times, start=1.0, notes=(f"{said}: {meant}",))


def common_axis(source: Source) -> NDArray[np.float64]:
    """Return the times that t1 and t2 agree on."""
    axes = [axis(source, name) for name in TIMES]
    if axes[0].shape != axes[1].shape or not np.allclose(axes[0], axes[1], rtol=UNIFORM, atol=0):
        raise DataError(
            f"{TIMES[0]}, {TIMES[1]}: found different times, expected the same frames on both axes; "
            "write the cache again"
        )
    return axes[0]


def metadata(source: Source) -> dict[str, Any]:
    """Return what the cache says of itself in JSON, or {}: older ones hold Python objects, which are never read."""
    if not source.has(METADATA):
        return {}
    try:
        facts = json.loads(str(source.read(METADATA).item()))
    except (ValueError, RecursionError):
        raise DataError(f"{METADATA}: found no JSON; write the cache again") from None
    facts = facts if isinstance(facts, dict) else {}
    if (is_whole(first := facts.get("start_frame")) or is_finite(first)) and abs(first) > LARGEST_NUMBER:
        raise DataError(f"{METADATA}: found a start_frame beyond {LARGEST_NUMBER}; write the cache again")
    return facts


def index_clock(source: Source, n_t: int) -> Clock:
    """Return the time base of a cache of heterodyne, whose t counts frames from 0 where its origin had no times."""
    if not source.has("t"):
        return Clock(None, 1.0, "no t")
    times = axis_clock(axis(source, "t"), None, n_t, eps=precision(source.dtype("t")))
    if times.dt == 1 and times.start == round(times.start):
        found = f"t counting frames from {times.start:g} (or seconds, which cannot be told apart)"
        note = f"t counts frames from {times.start:g}: the first is frame {times.start + 1:g}"
        return Clock(None, times.start + 1.0, found, (note,))
    return origin("t", times, None)
