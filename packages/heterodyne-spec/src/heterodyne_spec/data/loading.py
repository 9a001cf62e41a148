"""From a file to a measurement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from heterodyne_spec.data.checks import is_finite
from heterodyne_spec.data.contents import Clock
from heterodyne_spec.data.fingerprint import fingerprint
from heterodyne_spec.data.layouts import find_layout
from heterodyne_spec.data.opening import open_source
from heterodyne_spec.data.reading import frame_count, read_maps, shift_baseline
from heterodyne_spec.data.selection import PhiChoice, list_phi_of, mean_q, select_maps, wrap
from heterodyne_spec.data.time_axis import window_ages
from heterodyne_spec.data.two_time import TwoTimeData
from heterodyne_spec.data.window import check_window, masked
from heterodyne_spec.data.wording import same_words
from heterodyne_spec.errors import DataError


def load_data(
    path: str | Path,
    q: float | None = None,
    phi: PhiChoice = None,
    frames: Sequence[int] | None = None,
    q_tolerance: float = 0.02,
    *,
    dt: float | None = None,
    mask_frames: Iterable[int] = (),
    baseline: int | None = None,
) -> TwoTimeData:
    """Read the two-time correlation maps of one q.

    Only the chosen maps, and of these only the window, are read.

    Parameters
    ----------
    path : an HDF5 file (APS-U or APS legacy layout) or an .npz file.
    q : wavevector in 1/Å; needed when the file holds several.
    phi : None or "all", a list of angles, or of ranges [low, high] modulo 360, in degrees.
    frames : first and last frame, 1-based and inclusive, in the file's map. A
        window keeps its absolute age.
    q_tolerance : relative tolerance of q.
    dt : time between frames of the map in s, instead of the file's.
    mask_frames : frames not to use, 1-based in the file's map.
    baseline : 0 or 1, what a fully decorrelated pair has in the file; seen from the data when None.

    Returns
    -------
    TwoTimeData
        Full maps with baseline 1, ascending in phi; `notes` says what was found and done.

    Raises
    ------
    DataError
        The file cannot be read, or does not hold what is asked for.
    """
    path = Path(path)
    with open_source(path) as source:
        layout = find_layout(source)
        contents = layout.contents(source)
        refs, notes = select_maps(contents.maps, q, phi, q_tolerance)
        n_t = frame_count(source, refs)
        first, last = check_window(frames, n_t)
        step, clock_notes = step_of(contents.clock, dt)
        mask, mask_notes = masked(mask_frames, first, last, n_t)
        c2, dead, findings = read_maps(source, refs, first, last)

        # An angle without a single value tells nothing: it is left out, and said so.
        filled = ~dead.all(axis=1)
        if not filled.any():
            raise DataError(
                f"{refs[0].where}: found only NaN or zeros, as in all {len(refs)} chosen maps; choose "
                "other frames or run the correlation again"
            )
        if not filled.all():
            empty = [ref for ref, keep in zip(refs, filled, strict=True) if not keep]
            notes.append(f"phi = {list_phi_of(empty)}: the map holds only NaN or zeros, left out")
            refs = [ref for ref, keep in zip(refs, filled, strict=True) if keep]
            c2, dead = c2[filled], dead[filled]

        valid = ~dead & ~mask
        angles = [wrap(ref.phi) for ref in refs]
        baseline_note = shift_baseline(c2, valid, angles, baseline)
        ages = window_ages(contents.clock.start, step, first, last - first + 1)
        words = same_words([finding for finding in findings if finding[0] in angles], len(angles))
        return TwoTimeData(
            c2=c2,
            t=ages,
            q=mean_q(refs),
            phi=angles,
            dt=step,
            valid=valid,
            notes=[*contents.notes, *notes, baseline_note, *words, *clock_notes, *mask_notes],
            provenance={
                "file": path.name,
                "layout": layout.NAME,
                **fingerprint(path),
                "maps": tuple(ref.where for ref in refs),
                "labels": tuple(ref.label for ref in refs),
                "frames": (first, last),
                "start_frame": round(float(ages[0]) / step),
            },
        )


def step_of(clock: Clock, given: float | None) -> tuple[float, list[str]]:
    """Return the time between frames in s, the given one before the file's, and a note when they differ."""
    if given is not None:
        if not (is_finite(given) and given > 0):
            raise DataError(f"dt: found {given!r}, expected a positive number; give the time between frames in s")
        differ = clock.dt is not None and not np.isclose(given, clock.dt, rtol=1e-9, atol=0)
        return float(given), [f"dt = {given:g} s as given, the file has {clock.dt:g} s"] if differ else []
    if clock.dt is None:
        raise DataError(
            f"no usable time between frames: found {clock.found}, expected a positive number; give it as "
            "data.dt in the configuration or as dt="
        )
    return clock.dt, []
