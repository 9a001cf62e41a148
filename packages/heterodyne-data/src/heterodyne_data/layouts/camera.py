"""Maps of binned or skipped camera frames: their number per frame, the first one, and consistency checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from heterodyne_data.contents import Clock
from heterodyne_data.layouts.base import seconds, stands, time_between, whole
from heterodyne_data.layouts.detector import missing_fields
from heterodyne_data.source import Source
from heterodyne_data.stored import EARLY
from heterodyne_spec import DataError

FEWEST_BINNED = 2
"""Ratio of camera frames to those needed from which each frame of the maps may be several."""


@dataclass(frozen=True)
class Camera:
    """Fields in which a layout states the frames of its maps, the usual name of each first.

    Parameters
    ----------
    times : keys of the time between camera frames (s), which must agree if there are several.
    stride, average : keys of the step between frames, and of the number of frames averaged.
    begin, end : keys of the first and last frame used.
    first : number of the first frame of a run.
    after_last : offset of the number at `end` from the last frame; a number below 1 means the end of the run.
    bursts : keys of stride and average within bursts, which change the time between frames unless they are 1.
    """

    times: Sequence[str]
    stride: Sequence[str]
    average: Sequence[str]
    begin: Sequence[str]
    end: Sequence[str]
    first: int
    after_last: int
    bursts: Sequence[str] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All of these keys."""
        return (*self.times, *self.stride, *self.average, *self.begin, *self.end, *self.bursts)


def frame_clock(source: Source, camera: Camera, n_t: int) -> Clock:
    """Return the time base of maps of `n_t` frames."""
    stride, average, begin = (standing(source, keys) for keys in (camera.stride, camera.average, camera.begin))
    step, stated = whole(source, stride, 1, 1) * whole(source, average, 1, 1), whole(source, begin, camera.first)
    early = source.attribute(begin, EARLY) is not None
    # A count from 0 where 1 is usual skips none, either.
    skipped = 0.0 if stated == 0 and not early else stated - camera.first
    if skipped < (-step if early else 0):
        raise DataError(
            f"{begin}: found {stated:g}, a first frame counted from the end of the run: the file has no age "
            "of the first frame"
        )
    # Counted in frames of the map, so that the ages (start + k) * dt take one rounding.
    clock = period_clock(source, camera.times, step, skipped / step + 1.0)
    if clock.fault is not None:
        return clock
    fault = burst_fault(source, camera) or number_fault(source, camera, skipped, step, n_t)
    if fault is not None:
        return replace(clock, dt=None, fault=fault)
    return replace(clock, notes=(*clock.notes, *left_over(source, camera, skipped, step, n_t)))


def period_clock(source: Source, times: Sequence[str], step: float, start: float) -> Clock:
    """Return the time base of frames of `step` camera frames each, the first at camera frame `start`."""
    there = [key for key in times if source.has(key)] or list(times[:1])
    (raw, notes), *others = [seconds(source, key) for key in there]
    for key, (other, _) in zip(there[1:], others, strict=True):
        if raw is not None and other is not None and not np.isclose(raw, other, rtol=1e-6, atol=0.0):
            words = f"{there[0]}, {key}: found {raw:g} and {other:g} s, expected one time between frames"
            return Clock(None, start, "", notes, words)
    found = f"{there[0]} is missing" if raw is None else f"{there[0]} = {raw:g}"
    usable = time_between(there[0], raw)
    return Clock(None if usable is None else usable * step, start, found, notes)


def standing(source: Source, keys: Sequence[str]) -> str:
    """Return the first of these keys that exists, or the usual one."""
    return next((key for key in keys if stands(source, key)), keys[0])


def burst_fault(source: Source, camera: Camera) -> str | None:
    """Return why steps within bursts leave the time between frames undetermined; None if there are none."""
    for usual, burst in zip((camera.stride, camera.average), camera.bursts, strict=False):
        taken = standing(source, usual)
        count = whole(source, burst, 1)
        if taken != burst and stands(source, burst) and count != 1 and count != whole(source, taken, 1):
            return (
                f"{taken}, {burst}: found {whole(source, taken, 1):g} and {count:g}: frames were taken together within "
                "bursts, so the time between frames of the maps is unknown"
            )
    return None


def frames_used(source: Source, camera: Camera, skipped: float) -> tuple[str, float] | None:
    """Return the keys of the first and last frame, and the number of frames; None if the file does not state them."""
    end = standing(source, camera.end)
    if not stands(source, end) or whole(source, end, 0) < 1:
        return None
    last = whole(source, end, 0) - camera.after_last
    return f"{standing(source, camera.begin)}, {end}", last - (skipped + camera.first) + 1


def number_fault(source: Source, camera: Camera, skipped: float, step: float, n_t: int) -> str | None:
    """Return how first and last frame contradict the number of frames of the maps; None if they do not.

    Programs differ in whether the last frame is included, and drop an incomplete last batch.
    """
    if (stated := frames_used(source, camera, skipped)) is None:
        return None
    where, there = stated
    used = f"{where}: found {there:g} camera frames for {n_t} frames of the maps, of {step:g} each"
    if (there + 1) // step < n_t:
        return f"{used}, expected {n_t * step:g} or more; correct the file"
    if there >= FEWEST_BINNED * n_t * step:
        return f"{used}: each may contain more of them, so the time between frames is unknown"
    return None


def left_over(source: Source, camera: Camera, skipped: float, step: float, n_t: int) -> tuple[str, ...]:
    """Return a note if first and last frame span more frames than the maps have: these may have been cropped."""
    stated = frames_used(source, camera, skipped)
    if stated is None or (stated[1] - 1) // step <= n_t:
        return ()
    where, there = stated
    return (
        f"{where}: found {there:g} camera frames for {n_t} frames of the maps, of {step:g} each: assumed that the last "
        "were dropped; if the first were, the ages are too small",
    )


def assumed(source: Source, camera: Camera) -> tuple[str, ...]:
    """Return notes on the assumptions behind the times if the file does not state which camera frames were used."""
    keys = [standing(source, of) for of in (camera.stride, camera.average)]
    steps = [key for key in keys if not stands(source, key)]
    words = (
        (f"{missing_fields(steps)}: assumed to be 1; dt may be that of the camera, not of the maps",) if steps else ()
    )
    near = [
        f"{of[0]} is missing: {key} used instead"
        for of in (camera.stride, camera.average, camera.begin)
        if (key := standing(source, of)) != of[0]
    ]
    if stands(source, standing(source, camera.begin)):
        return (*words, *near)
    return (*words, *near, f"{missing_fields([camera.begin[0]])}: ages counted from the first frame of the maps")
