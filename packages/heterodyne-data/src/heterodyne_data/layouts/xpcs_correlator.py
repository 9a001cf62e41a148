"""Results of xpcs-correlator under its own names: ttcf (n, N, N) with t1 and t2, and dt, q and phi.

The program returns arrays and writes no file; users save them under their names. `t1` counts camera frames.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heterodyne_data.contents import Clock, Contents, attempted_clock
from heterodyne_data.layouts.base import azimuths, stack, stack_shape, times, wavevectors, whole
from heterodyne_data.layouts.beside import FIRST, agreeing, check_first_frame, named, same_clock, told, unused
from heterodyne_data.layouts.fields import with_attributes
from heterodyne_data.layouts.flags import flagged, said_of
from heterodyne_data.layouts.frame_axes import T1, T2, axes_clock, check_axes
from heterodyne_data.layouts.npz import check_first
from heterodyne_data.layouts.units import check_units_known
from heterodyne_data.source import Source
from heterodyne_data.time_axis import axis_clock, precision
from heterodyne_spec import DataError, count_noun

NAME = "xpcs-correlator"
TITLE = "xpcs-correlator"
DATA_KEY = "ttcf"
AGES = "t"
"""Ages of the frames in s, added by users."""
FORM = "ttcf_format"
ROIS = "roimask"
"""Pixels of each region, without a geometry."""


def matches(source: Source) -> bool:
    """Return whether the maps are at the top."""
    return source.has(DATA_KEY)


def contents(source: Source) -> Contents:
    """List the maps, one per region of interest."""
    check_axes(source, "", DATA_KEY)
    if not (source.has(T1) or source.texts(FORM)):
        raise DataError(
            f"{DATA_KEY}: neither {T1} nor {FORM} states whether its axes are t1 and t2, or age and lag; add {FORM} = "
            "'t1,t2' if they are"
        )
    source = with_attributes(source, DATA_KEY)
    check_units_known(source, ("q", "phi", T1, T2, AGES, "dt"))
    n_maps, n_t = stack_shape(source, DATA_KEY, axis=0)
    q, notes = wavevectors(source, "q", required=True)
    phi, phi_notes = azimuths(source, "phi") if source.has("phi") else (np.full(n_maps, np.nan), ("phi is missing",))
    if phi.size != n_maps or q.size not in (1, n_maps):
        raise DataError(
            f"{DATA_KEY}, q, phi: found {count_noun(n_maps, 'map')}, {q.size} q and {phi.size} angles, expected one "
            "each per map; correct the file"
        )
    clock = attempted_clock(lambda: agreed(source, axes_clock(source, "", n_t, "dt"), n_t))
    check_first_frame(source, clock, n_t)
    maps, weights, said = flagged(source, stack(DATA_KEY, 0, np.broadcast_to(q, n_maps), phi), n_t)
    left = unused(source, (DATA_KEY, "q", "phi", "dt", T1, T2, AGES, FORM, ROIS, *said_of(source)), n_t)
    notes = (*notes, *phi_notes, *said, *left, *clock.notes)
    way_out = "" if source.has("phi") else "store the azimuth of each map in degrees as phi"
    return Contents(maps, clock, "one_array_q_first", notes, weights=weights, way_out=way_out)


def agreed(source: Source, clock: Clock, n_t: int) -> Clock:
    """Return the time base of t1, or of the ages if there is no t1, with a fault if other fields contradict it."""
    if source.has(AGES):
        values, notes = times(source, AGES)
        ages = axis_clock(values, None, n_t, AGES, notes, precision(source.dtype(AGES)))
        if not source.has(T1):
            clock = ages
        elif not (clock.fault or ages.fault) and not same_clock(clock, ages):
            fault = (
                f"{T1}, {AGES}: found {told(clock)} and {told(ages)}, expected the same times of the frames; correct "
                "the file"
            )
            clock = replace(clock, dt=None, fault=fault)
    if (numbered := named(source, FIRST)) is not None:
        clock = check_first(clock, whole(source, numbered, 1, 0), T1)
    return agreeing(source, clock, n_t, (T1, T2, AGES))
