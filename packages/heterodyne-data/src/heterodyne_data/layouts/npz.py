"""NumPy .npz files: c2 (n_phi, N, N) or (N, N), q (1/Å), phi (degrees), t and/or dt (s), perhaps start_frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heterodyne_data.contents import Clock, Contents, MapRef, attempted_clock
from heterodyne_data.layouts.base import azimuths, numbers, seconds, stack_shape, times, wavevectors, whole
from heterodyne_data.layouts.beside import (
    AGES,
    FIRST,
    LAGS,
    ages_keys,
    agreeing,
    arrays,
    check_first_frame,
    check_sides,
    counting_note,
    named,
    normal,
    unused,
)
from heterodyne_data.layouts.fields import with_attributes
from heterodyne_data.layouts.flags import flagged, said_of
from heterodyne_data.layouts.units import check_units_known
from heterodyne_data.source import Source
from heterodyne_data.storage import write_npz
from heterodyne_data.stored import MERGED, merged_in, stored_map
from heterodyne_data.time_axis import UNIFORM, axis_clock, mean_step, precision
from heterodyne_spec import DataError, count_noun

if TYPE_CHECKING:
    from heterodyne_data.two_time import TwoTimeData

NAME = "npz"
TITLE = "NumPy archive"
DATA_KEY = "c2"


LAG_STEPS = "lag_steps"


def matches(source: Source) -> bool:
    """Return whether the file has an array c2."""
    return source.has(DATA_KEY)


def contents(source: Source) -> Contents:
    """List the maps; there is one q for all, or one per map."""
    return stacked(source, DATA_KEY)


def stacked(source: Source, key: str) -> Contents:
    """List the maps of an array (n_phi, N, N) or (N, N) with q, phi, and t or dt."""
    source = with_attributes(source, key)
    check_units_known(source, ("q", "phi", "t", "dt", *AGES))
    shape = source.shape(key)
    if len(shape) not in (2, 3) or not shape[0]:
        raise DataError(
            f"{key}: found shape {shape}, expected (N, N) or (n_phi, N, N) with at least one map; correct the file"
        )
    n_maps = stack_shape(source, key, axis=0)[0] if len(shape) == 3 else 1
    (q, q_notes), (phi, phi_notes) = wavevectors(source, "q"), azimuths(source, "phi")
    if phi.size != n_maps or q.size not in (1, n_maps):
        raise DataError(
            f"{key}, q, phi: found {count_noun(n_maps, 'map')}, {q.size} q and {phi.size} angles, expected one "
            "angle per map; correct the file"
        )
    index: list[int | None] = list(range(n_maps)) if len(shape) == 3 else [None]
    maps = tuple(
        MapRef(key, label, float(one_q), float(one_phi), i)
        for label, (one_q, one_phi, i) in enumerate(zip(np.broadcast_to(q, n_maps), phi, index, strict=True), start=1)
    )
    for name in arrays(source):
        # Lags in files that also contain one-time correlations belong to these.
        of_maps = name == LAG_STEPS or math.prod(source.shape(name)) in (shape[-1] - 1, shape[-1])
        if normal(name) in LAGS and of_maps and source.dtype(name).kind in "fiu":
            _check_lags(source, name, shape[-1])
    numbered = named(source, FIRST)
    # Read outside `attempted_clock`, because a given time between frames does not replace it.
    first = None if numbered is None else whole(source, numbered, 1, 0 if ages_keys(source, shape[-1]) else 1)
    found = attempted_clock(lambda: clock(source, shape[-1], first))
    check_first_frame(source, found, shape[-1])
    maps, weights, said = flagged(source, maps, shape[-1])
    left = unused(source, (key, "q", "phi", "t", "dt", MERGED, *said_of(source)), shape[-1])
    notes = (*q_notes, *phi_notes, *said, *left, *found.notes)
    return Contents(maps, found, "one_array_q_first", notes, weights=weights)


def clock(source: Source, n_t: int, first: float | None) -> Clock:
    """Return the time base from ages of the frames, dt or both; `first` is the stated number of the first frame."""
    dt, notes = seconds(source, "dt")
    # Written by the author of the arrays, not a default of a detector that a configuration may correct.
    if dt is not None and not (np.isfinite(dt) and dt > 0):
        raise DataError(f"dt: found {dt:g}, expected a positive number of seconds; correct the file")
    read = ages_keys(source, n_t)
    if not read:
        said = () if first is None else (f"{FIRST} = {first:g}: the age of the first frame is {first:g} dt",)
        found = Clock(
            dt,
            1.0 if first is None else first,
            "neither t nor dt" if dt is None else f"dt = {dt:g}",
            (*notes, *said),
        )
        return agreeing(source, found, n_t, ())
    key = read[0]
    check_sides(source, key, dt)
    ages, t_notes = times(source, key)
    named_so = () if key == "t" else (f"{key}: taken as the ages of the frames",)
    counted = counting_note(source, key, ages) if dt is None else ()
    found = axis_clock(ages, dt, n_t, key, (*notes, *t_notes, *named_so, *counted), precision(source.dtype(key)))
    found = found if first is None else check_first(found, first, key)
    return agreeing(source, found, n_t, (key,))


def check_first(clock: Clock, first: float, name: str) -> Clock:
    """Return a time base, with a fault if another number of the first frame is stated; `name` has its times."""
    # Ages between two frames are numbered by one of these.
    if clock.fault or abs(clock.start - first) <= 0.5 + UNIFORM:
        return clock
    found = f"found {name} that begins at frame {clock.start:g} and {FIRST} = {first:g}"
    fault = f"{name}, {FIRST}: {found}, expected the same; correct the file"
    return replace(clock, dt=None, start=first, fault=fault)


def write(path: Path, data: Sequence[TwoTimeData]) -> None:
    """Write a file of this layout, a measurement for each q: full maps in float32, and weights if there are any."""
    first = data[0]
    maps = np.stack([stored_map(one, i) for one in data for i in range(one.n_phi)])
    all_weights = np.concatenate([one.weight for one in data])
    weight = {} if (all_weights == 1).all() else {"weight": all_weights}
    q = np.repeat([one.q for one in data], first.n_phi) if len(data) > 1 else first.q
    phi = np.concatenate([one.phi for one in data])
    merged = {MERGED: np.array(stated)} if (stated := merged_in(data)) else {}
    write_npz(path, c2=maps, t=first.t, q=q, phi=phi, dt=first.dt, **weight, **merged)


def _check_lags(source: Source, key: str, n_t: int) -> None:
    """Refuse maps of `n_t` frames with a lag that was not computed; lags count frames, or are times in s."""
    lags = numbers(source, key)
    step = lags[1] - lags[0] if lags.size > 1 else np.nan
    # Some programs omit the lag 0.
    complete = lags.size >= n_t - (lags[:1] == step).sum() and lags[0] in (0, step)
    few = lags[:n_t]
    if not complete or not np.allclose(few, few[0] + step * np.arange(few.size), rtol=UNIFORM, atol=0):
        raise DataError(
            f"{key}: found {lags.size} lags up to {lags.max(initial=0):g}, expected every one from 0 to {n_t - 1}: "
            f"the maps are empty between; run two_time_corr with num_levels=1 and num_bufs={n_t + n_t % 2}"
        )
    dt = _period(source) if step != 1 else None
    step = np.diff(times(source, key)[0][:2])[0] if step != 1 else step
    if step != 1 and (dt is None or abs(step - dt) > UNIFORM * dt):
        raise DataError(
            f"{key}: found steps of {step:g}, expected 1 (lags in frames) or dt (in s); correct {key} or dt, or "
            f"remove {key}"
        )


def _period(source: Source) -> float | None:
    """Return the time between frames in s from a field beside the maps, or from the ages there."""
    if source.has("dt") or not source.has("t"):
        return seconds(source, "dt")[0]
    return mean_step(times(source, "t")[0])
