"""Caches (.npz) of maps written by the public programs `homodyne`, `xpcsjax` and `heterodyne`.

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
from heterodyne_data.contents import Clock, Contents, MapRef, attempted_clock
from heterodyne_data.layouts.base import (
    LARGEST_NUMBER,
    azimuths,
    seconds,
    stack_shape,
    time_between,
    times,
    wavevectors,
    whole,
)
from heterodyne_data.layouts.beside import AGES, FIRST, agreeing, check_first_frame, counting_note, named, unused
from heterodyne_data.layouts.fields import with_attributes
from heterodyne_data.layouts.flags import flagged, said_of
from heterodyne_data.layouts.units import TIME, check_units_known, stated_unit
from heterodyne_data.source import Source
from heterodyne_data.time_axis import UNIFORM, axis_clock, precision
from heterodyne_spec import DataError, count_noun, list_q, shortened

NAME = "analysis-cache"
TITLE = "cache"
DATA_KEY = "c2_exp"
Q_LIST, PHI_LIST, TIMES = "wavevector_q_list", "phi_angles_list", ("t1", "t2")
SAME_Q = 1e-3
"""Relative, of q under two names: one may be rounded."""
FROM_THE_FIRST = "ages counted from the first frame of the maps"
METADATA = "cache_metadata_json"
# The cache of `heterodyne` has the same key for the maps as our own archive; this one identifies it.
OTHER_MAPS, OTHER_MARK = "c2", "source_mtime"


def matches(source: Source) -> bool:
    """Return whether the file has maps under the name that only these programs use, or the mark of their cache."""
    return source.has(DATA_KEY) or (source.has(OTHER_MAPS) and source.has(OTHER_MARK))


def contents(source: Source) -> Contents:
    """List the maps, each with its own q."""
    own = source.has(DATA_KEY)
    key = DATA_KEY if own else OTHER_MAPS
    q_key = Q_LIST if own else "q_values" if source.has("q_values") else "q"
    source = with_attributes(source, key)
    maps, notes = map_refs(source, key, q_key, PHI_LIST if own else "phi")
    n_t = source.shape(key)[-1]
    read, used = (window_clock, TIMES) if own else (index_clock, ("t",))
    first = stated_first(source)
    clock = attempted_clock(lambda: agreeing(source, read(source, n_t, first), n_t, used))
    check_first_frame(source, clock, n_t)
    maps, weights, said = flagged(source, maps, n_t)
    fields = (
        key,
        q_key,
        PHI_LIST if own else "phi",
        *used,
        "dt",
        METADATA,
        "cache_metadata",
        OTHER_MARK,
        *said_of(source),
    )
    left = (*frames_note(source, n_t), *unused(source, fields, n_t))
    return Contents(maps, clock, "one_array_q_first", (*notes, *said, *left, *clock.notes), weights=weights)


def map_refs(source: Source, key: str, q_key: str, phi_key: str) -> tuple[tuple[MapRef, ...], tuple[str, ...]]:
    """Return the maps of the stack `key`, one q may stand for all, and notes on their units."""
    shape = source.shape(key)
    check_units_known(source, (q_key, phi_key, "dt", *AGES, "q", "phi"))
    if len(shape) not in (2, 3):
        raise DataError(f"{key}: found shape {shape}, expected (n, N, N); write the cache again")
    n_maps = stack_shape(source, key, axis=0)[0] if len(shape) == 3 else 1
    (q, q_notes), (phi, phi_notes) = wavevectors(source, q_key), azimuths(source, phi_key)
    if q_key != "q" and source.has("q"):
        check_same_q(q_key, q, wavevectors(source, "q")[0])
    if phi.size != n_maps or q.size not in (1, n_maps):
        raise DataError(
            f"{key}, {q_key}, {phi_key}: found {count_noun(n_maps, 'map')}, {q.size} q and {phi.size} angles, expected "
            "one of each per map; write the cache again"
        )
    index: list[int | None] = list(range(n_maps)) if len(shape) == 3 else [None]
    maps = tuple(
        MapRef(key, label, float(one_q), float(one_phi), i)
        for label, (one_q, one_phi, i) in enumerate(zip(np.broadcast_to(q, n_maps), phi, index, strict=True), start=1)
    )
    return maps, (*q_notes, *phi_notes)


def check_same_q(key: str, q: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    """Refuse a second q, of one map or of each, that differs."""
    if other.size not in (1, q.size) or not np.allclose(q, other, rtol=SAME_Q, atol=0):
        raise DataError(
            f"{key}, q: found {list_q(q)} and {list_q(other)} 1/Å, expected the same; write the cache again, or "
            "remove one of them"
        )


def stated_first(source: Source) -> tuple[str, int | None]:
    """Return the source of the number of the first frame (metadata, or a field beside the maps), and the number."""
    first, key = stated_frame(metadata(source)), named(source, FIRST)
    if key is None:
        return METADATA, first
    beside = round(whole(source, key, 1, 1))
    if first not in (None, beside):
        raise DataError(
            f"{METADATA}, {key}: found first frames {first} and {beside}, expected the same; write the cache again"
        )
    return key, beside


def stated_step(source: Source) -> tuple[str, float | None]:
    """Return the time between frames in s that a cache states, and its source; None if there is none."""
    dt = metadata(source).get("dt")
    beside, facts = seconds(source, "dt")[0], float(dt) if is_finite(dt) and dt > 0 else None
    if beside is not None and facts is not None and abs(beside - facts) > UNIFORM * facts:
        raise DataError(f"dt, {METADATA}: found {beside:g} and {facts:g} s, expected the same; write the cache again")
    return (METADATA, facts) if beside is None else ("dt", time_between("dt", beside))


def window_clock(source: Source, n_t: int, first: tuple[str, int | None]) -> Clock:
    """Return the time base of a cache of homodyne or xpcsjax; its notes state what was concluded about its origin.

    `first` is as of `stated_first`.
    """
    where, stated_dt = stated_step(source)
    if not all(source.has(name) for name in TIMES):
        said = () if first[1] or stated_dt is None else (f"no {' or '.join(TIMES)}: {FROM_THE_FIRST}",)
        return Clock(stated_dt, float(first[1] or 1), f"no {' or '.join(TIMES)}", said)
    eps = max(precision(source.dtype(name)) for name in TIMES)
    values, notes = common_axis(source)
    counted = counting_note(source, TIMES[0], values) if stated_dt is None else ()
    clock = origin(TIMES[0], axis_clock(values, None, n_t, TIMES[0], (*notes, *counted), eps), first)
    if clock.dt is None or stated_dt is None or abs(stated_dt - clock.dt) <= UNIFORM * clock.dt:
        return clock
    return at_odds(clock, TIMES[0], where, stated_dt)


def at_odds(clock: Clock, times: str, where: str, stated: float) -> Clock:
    """Return a time base at fault: the steps of its `times` are not the time between frames that `where` states."""
    fault = (
        f"{times}, {where}: found a step of {clock.dt:g} s and dt = {stated:g} s, expected the same; write the cache "
        "again"
    )
    return replace(clock, dt=None, fault=fault)


def stated_frame(facts: Mapping[str, Any]) -> int | None:
    """Return the number of the first frame that the metadata state, None where they state none, or 0."""
    first = facts.get("start_frame")
    # Other languages write whole numbers as 100.0.
    whole = is_finite(first) and first == round(first)
    if first is not None and not (whole and first >= 0):
        raise DataError(
            f"{METADATA}: found start_frame = {shortened(repr(first))}, expected an integer, 1 or more; write the "
            "cache again"
        )
    return round(first) if whole and first else None


def frames_note(source: Source, n_t: int) -> tuple[str, ...]:
    """Return a note where the frames that the metadata state are not as many as those of the maps."""
    facts = metadata(source)
    first, last = facts.get("start_frame"), facts.get("end_frame")
    if not (is_finite(first) and is_finite(last) and last >= first > 0) or last - first + 1 == n_t:
        return ()
    return (
        f"{METADATA}: found frames {first:g} to {last:g}, but maps of {n_t}: taken as consecutive from the "
        "first, as for a shorter run",
    )


def origin(name: str, clock: Clock, first: tuple[str, int | None]) -> Clock:
    """Return the time base of a window whose times `name` are those of `clock`; `first` numbers its first frame, as of
    `stated_first`.

    The times of an invalid axis are also used, because a given time between frames replaces only the steps.
    """
    begins, (where, number) = clock.start, first
    # Uneven steps leave the first age in units of their mean uncertain.
    within = UNIFORM if clock.fault is None else 0.5
    relative = abs(begins) < within or abs(begins - 1) < within
    said = f"{name} begins at " + (f"frame {begins:.4g}" if clock.dt is None else f"{begins * clock.dt:g} s")
    if number is not None:
        if not relative and abs(begins - number) > max(within, UNIFORM * number):
            raise DataError(
                f"{name}: begins at frame {begins:g}, but {where} states {FIRST} = {number}; write the cache again"
            )
        numbered = f"{said}; {where} states first frame {number}"
        return replace(clock, start=float(number), notes=(*clock.notes, numbered))
    if not relative:
        return replace(
            clock,
            notes=(
                *clock.notes,
                f"{said}, taken as the age of its first frame",
            ),
        )
    aged = "" if clock.dt is None else f", of age {clock.dt:g} s"
    meant = f"its first frame is taken as frame 1{aged}; for a window of a longer run this age is too small"
    return replace(clock, start=1.0, notes=(*clock.notes, f"{said}: {meant}"))


def common_axis(source: Source) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the times in s that t1 and t2 agree on, and a note where they were converted."""
    (axes, notes) = zip(*(times(source, name) for name in TIMES), strict=True)
    if axes[0].shape != axes[1].shape or not np.allclose(axes[0], axes[1], rtol=UNIFORM, atol=0):
        raise DataError(
            f"{TIMES[0]}, {TIMES[1]}: found different times, expected the same frames on both axes; "
            "write the cache again"
        )
    return axes[0], notes[0]


def metadata(source: Source) -> dict[str, Any]:
    """Return the metadata of the cache from JSON, or {}: older ones are Python objects, which are never read."""
    if not source.has(METADATA):
        return {}
    try:
        facts = json.loads(str(source.read(METADATA).item()))
    except (ValueError, RecursionError):
        raise DataError(f"{METADATA}: not JSON; write the cache again") from None
    facts = facts if isinstance(facts, dict) else {}
    if (is_whole(first := facts.get("start_frame")) or is_finite(first)) and abs(first) > LARGEST_NUMBER:
        raise DataError(f"{METADATA}: found a start_frame beyond {LARGEST_NUMBER}; write the cache again")
    return facts


def index_clock(source: Source, n_t: int, first: tuple[str, int | None]) -> Clock:
    """Return the time base of a cache of heterodyne, whose t counts frames from 0 where its origin had no times."""
    where, dt = stated_step(source)
    if not source.has("t"):
        said = () if first[1] or dt is None else (f"no t: {FROM_THE_FIRST}",)
        return Clock(dt, float(first[1] or 1), "no t", said)
    values, notes = times(source, "t")
    ages = axis_clock(values, None, n_t, "t", notes, precision(source.dtype("t")))
    counted = ages.dt == 1 and ages.start == round(ages.start) and stated_unit(source, "t", TIME) is None
    if counted and (dt is None or abs(dt - 1) > UNIFORM):
        number = ages.start + 1.0
        if first[1] is not None and ages.start and first[1] != number:
            raise DataError(f"t: counts frames from {ages.start:g}, but {FIRST} = {first[1]}; write the cache again")
        number = float(first[1] or number)
        found = f"t counting frames from {ages.start:g} (or seconds, which is indistinguishable)"
        note = f"t counts frames from {ages.start:g}: the first is frame {number:g}"
        return Clock(dt, number, found, (note,))
    clock = origin("t", ages, first)
    if clock.dt is None or dt is None or abs(dt - clock.dt) <= UNIFORM * clock.dt:
        return clock
    return at_odds(clock, "t", where, dt)
