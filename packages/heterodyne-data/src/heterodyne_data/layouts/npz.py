"""NumPy .npz files: c2 (n_phi, N, N) or (N, N), q (1/Å), phi (degrees), t and/or dt (s), perhaps start_frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heterodyne_data.contents import Clock, Contents, MapRef, Source, attempted_clock
from heterodyne_data.layouts.base import azimuths, seconds, stack_shape, times, wavevectors, whole
from heterodyne_data.layouts.flags import flagged
from heterodyne_data.layouts.units import check_units_known
from heterodyne_data.storage import write_npz
from heterodyne_data.stored import stored_map
from heterodyne_data.time_axis import UNIFORM, axis_clock, precision
from heterodyne_spec.errors import DataError

if TYPE_CHECKING:
    from heterodyne_data.two_time import TwoTimeData

NAME = "npz"
DATA_KEY = "c2"
FIRST = "start_frame"
"""Number of the first frame, 1-based, where there are no ages."""


def matches(source: Source) -> bool:
    """Tell whether the file has an array c2 at its top."""
    return source.has(DATA_KEY)


def contents(source: Source) -> Contents:
    """List the maps; one q stands for all, or each map has its own."""
    return stacked(source, DATA_KEY)


def stacked(source: Source, key: str) -> Contents:
    """List the maps of an array (n_phi, N, N) or (N, N) that has q, phi, and t or dt beside it."""
    check_units_known(source, ("q", "phi", "t", "dt"))
    shape = source.shape(key)
    if len(shape) not in (2, 3) or not shape[0]:
        raise DataError(
            f"{key}: found shape {shape}, expected (N, N) or (n_phi, N, N) with at least one map; correct the file"
        )
    n_maps = stack_shape(source, key, axis=0)[0] if len(shape) == 3 else 1
    (q, q_notes), (phi, phi_notes) = wavevectors(source, "q"), azimuths(source, "phi")
    if phi.size != n_maps or q.size not in (1, n_maps):
        raise DataError(
            f"{key}, q, phi: found {n_maps} maps, {q.size} q and {phi.size} angles, expected one "
            "angle per map; correct the file"
        )
    index: list[int | None] = list(range(n_maps)) if len(shape) == 3 else [None]
    maps = tuple(
        MapRef(key, label, float(one_q), float(one_phi), i)
        for label, (one_q, one_phi, i) in enumerate(zip(np.broadcast_to(q, n_maps), phi, index, strict=True), start=1)
    )
    found = attempted_clock(lambda: clock(source, shape[-1]))
    maps, weights, said = flagged(source, maps, shape[-1])
    notes = (*q_notes, *phi_notes, *said, *found.notes)
    return Contents(maps, found, "one_array_q_first", notes, weights=weights)


def clock(source: Source, n_t: int) -> Clock:
    """Return the time base from t, dt or both."""
    dt, notes = seconds(source, "dt")
    # Nobody but the author of the arrays wrote it: no default of a detector that a configuration puts right.
    if dt is not None and not (np.isfinite(dt) and dt > 0):
        raise DataError(f"dt: found {dt:g}, expected a positive number of seconds; correct the file")
    numbered, has_ages = source.has(FIRST), source.has("t")
    # Where frames are counted from 0, the first may be number 0; only its age tells.
    first = whole(source, FIRST, 1, 0 if has_ages else 1)
    if not has_ages:
        said = (f"{FIRST} = {first:g}: the age of the first frame is {first:g} dt",) if numbered else ()
        return Clock(dt, first, "neither t nor dt" if dt is None else f"dt = {dt:g}", (*notes, *said))
    ages, t_notes = times(source, "t")
    found = axis_clock(ages, dt, n_t, "t", (*notes, *t_notes), precision(source.dtype("t")))
    return check_first(found, first, "t") if numbered else found


def check_first(clock: Clock, first: float, name: str) -> Clock:
    """Return a time base, at fault where the number of its first frame is stated as another; `name` has its times."""
    # Ages between two frames are numbered by one of these.
    if clock.fault or abs(clock.start - first) <= 0.5 + UNIFORM:
        return clock
    found = f"found {name} that begins at frame {clock.start:g} and {FIRST} = {first:g}"
    fault = f"{name}, {FIRST}: {found}, expected the same; correct the file"
    return replace(clock, dt=None, start=first, fault=fault)


def write(path: Path, data: TwoTimeData) -> None:
    """Write a file of this layout: full maps in float32, weights where there are any."""
    maps = np.stack([stored_map(data, i) for i in range(data.n_phi)])
    weight = {} if (data.weight == 1).all() else {"weight": data.weight}
    write_npz(path, c2=maps, t=data.t, q=data.q, phi=data.phi, dt=data.dt, **weight)
