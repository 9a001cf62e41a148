"""ESRF ID02 result files (v2): /<entry>/correlations/<direction>/twotime with the maps ttcf (n_q, N, N), t1 and t2.

Every direction is a group named by its azimuth (``phi_45``), with the q of its maps in ``parameters/q``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from heterodyne_data.contents import Clock, Contents, MapRef, attempted_clock
from heterodyne_data.layouts.base import radians_note, stack_shape, wavevectors
from heterodyne_data.layouts.bystanders import bystanders
from heterodyne_data.layouts.frame_axes import axes_clock, check_axes
from heterodyne_data.source import Source
from heterodyne_spec import DataError, count_noun

NAME = "id02"
TITLE = "ESRF ID02"
DATA_KEY = "/<entry>/correlations/<direction>/twotime/ttcf"
NAMED = "name the directions by their azimuth in degrees, as phi_45"
_AZIMUTH = re.compile(r"phi_([+-]?\d+(?:\.\d+)?)")


def matches(source: Source) -> bool:
    """Return whether a direction of an entry has two-time maps."""
    return next(directions(source), None) is not None


def directions(source: Source) -> Iterator[str]:
    """Yield the groups of all directions that have two-time maps."""
    for entry in source.names():
        try:
            for name in source.names(f"/{entry}/correlations"):
                if source.has(f"/{entry}/correlations/{name}/twotime/ttcf"):
                    yield f"/{entry}/correlations/{name}"
        except DataError:  # an entry that links to raw data elsewhere, which are not the results
            continue


def without_maps(source: Source, groups: list[str]) -> Iterator[str]:
    """Yield a note on the directions of the entry of these groups that have no two-time maps."""
    entry = f"/{groups[0].split('/')[1]}/correlations"
    empty = [
        name for name in source.names(entry) if f"{entry}/{name}" not in groups and source.names(f"{entry}/{name}")
    ]
    if empty:
        listed = ", ".join(empty)
        yield f"{entry}: {count_noun(len(empty), 'direction')} without two-time maps, may be incomplete: {listed}"


def contents(source: Source) -> Contents:
    """List the maps of all directions, by q and then by direction."""
    groups = list(directions(source))
    if len(entries := sorted({group.split("/")[1] for group in groups})) > 1:
        raise DataError(
            f"found results in {', '.join(entries)}, expected one entry; copy the one to read into its own file"
        )
    notes: dict[str, None] = dict.fromkeys(without_maps(source, groups))
    places: list[tuple[int, float, str, float]] = []
    for group in groups:
        key = f"{group}/twotime/ttcf"
        check_axes(source, f"{group}/twotime/", key)
        n_maps, _ = stack_shape(source, key, axis=0)
        q, q_notes = wavevectors(source, f"{group}/parameters/q", required=True)
        if q.size != n_maps:
            raise DataError(
                f"{key}: found {count_noun(n_maps, 'map')} and {q.size} q, expected one each per map; correct the file"
            )
        places += [(i, azimuth(group), key, float(one)) for i, one in enumerate(q)]
        notes |= dict.fromkeys(q_notes)
        if math.isnan(azimuth(group)):
            notes[f"{group}: neither its name (phi_45) nor its bins have an azimuth"] = None
    maps = tuple(
        MapRef(key, label, q, phi, i) for label, (i, phi, key, q) in enumerate(sorted(places, key=_by_q), start=1)
    )
    clock = attempted_clock(lambda: common_clock(source, groups))
    places_beside = ("/", *(f"{group}{inner}" for group in groups for inner in ("", "/twotime", "/parameters")))
    read = [f"{group}/twotime/{name}" for group in groups for name in ("t1", "t2")]
    beside = bystanders(source, places_beside, read, clock, len(maps), maps[0].shape(source)[-1] if maps else 0)
    phi_notes = radians_note("the azimuths in the names of directions", np.unique([azimuth(group) for group in groups]))
    return Contents(maps, clock, "one_array_q_first", (*notes, *phi_notes, *clock.notes, *beside), way_out=NAMED)


def _by_q(place: tuple[int, float, str, float]) -> tuple[int, float, str]:
    i, phi, key, _ = place
    return i, math.inf if math.isnan(phi) else phi, key


def azimuth(group: str) -> float:
    """Return the azimuth in degrees in the name of a direction, NaN if there is none."""
    match = _AZIMUTH.fullmatch(group.rpartition("/")[2])
    return float(match[1]) if match else math.nan


def common_clock(source: Source, groups: list[str]) -> Clock:
    """Return the common time base of all directions."""
    clocks = []
    for group in groups:
        _, n_t = stack_shape(source, f"{group}/twotime/ttcf", axis=0)
        clocks.append(axes_clock(source, f"{group}/twotime/", n_t, None))
    if len({(clock.dt, clock.start) for clock in clocks}) > 1:
        raise DataError(
            f"{groups[0]}/twotime/t1: differs from that of another direction, expected the same times; correct the file"
        )
    return clocks[0]
