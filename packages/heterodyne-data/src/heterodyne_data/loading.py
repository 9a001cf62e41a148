"""From a file to a measurement, and the hash that identifies the file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heterodyne_data.listing import list_maps
from heterodyne_data.opening import open_source
from heterodyne_data.reading import frame_count, read_checked
from heterodyne_data.selected import as_selection
from heterodyne_data.selection import PhiChoice, mean_q, select_maps, wrap
from heterodyne_data.source import Source
from heterodyne_data.stored import MERGED
from heterodyne_data.time_axis import frame_number, needed_step, step_of, window_ages
from heterodyne_data.two_time import BASELINE, TwoTimeData, as_weight
from heterodyne_data.window import check_window, masked
from heterodyne_spec import Config, DataConfig, DataError, load_config, one_line

LARGE = 2 * 1024**3
"""Size in bytes above which only parts of a file are hashed."""
MEBIBYTE = 1024**2


def load_data(
    path: str | Path,
    q: float | None = None,
    phi: PhiChoice = None,
    frames: Sequence[int] | None = None,
    q_tolerance: float | None = None,
    *,
    dt: float | None = None,
    bins: str | None = None,
    mask_frames: Iterable[int] | None = None,
    baseline: int | None = None,
    frame_weights: ArrayLike | None = None,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    hashed: bool = True,
) -> TwoTimeData:
    """Read the two-time correlation maps of one q.

    Only the chosen maps, and of these only the window, are read. What is None
    is taken from the section ``data`` of `config`.

    Parameters
    ----------
    path : an HDF5 or .npz file of a known layout.
    q : wavevector in 1/Å; needed when the file holds several.
    phi : None or "all", a list of angles, or of ranges [low, high] modulo 360, in degrees.
    frames : first and last frame, 1-based and inclusive, in the file's map. A
        window keeps its absolute age.
    q_tolerance : relative tolerance of q; 0.02 unless configured.
    dt : time between frames of the map in s, which replaces the file's times, even faulty ones.
    bins : "listed" takes q and phi of the bins from the file's lists, "pixels" from the centre of their pixels. If
        None, the lists are used, and refused if they contradict the pixels.
    mask_frames : frames to exclude, 1-based in the file's map.
    baseline : stored c2 of an uncorrelated pair, 0 or 1; determined from the data if None.
    frame_weights : `TwoTimeData.weight` of the frames of the window, shape (N,); those in the file if None, or 1.
    config : a Config, a mapping, or the path of a configuration file.
    hashed : put a hash of the file into the provenance, for which the whole file is read (up to 2 GiB of it).

    Returns
    -------
    TwoTimeData
        Full maps with baseline 1, ascending in phi; `notes` lists findings and changes.

    Raises
    ------
    DataError
        The file cannot be read, or does not contain what was requested.
    ConfigError
        The configuration has problems.
    """
    if not isinstance(path, str | os.PathLike):
        shape = f" of shape {np.shape(path)}" if isinstance(path, np.ndarray) else ""
        raise DataError(
            f"data: found {type(path).__name__}{shape}, expected the path of a file, or a measurement: "
            "TwoTimeData(c2=maps, q=0.0054, phi=[0, 90], dt=0.1)"
        )
    path = Path(path)
    stated = load_config(config).data
    if q is None:
        refuse_several(stated)
    q, phi, frames = _or(q, stated.q), _or(phi, stated.phi), _or(frames, stated.frames)
    q_tolerance, dt, bins = _or(q_tolerance, stated.q_tolerance), _or(dt, stated.dt), _or(bins, stated.bins)
    mask_frames, frame_weights = list(_or(mask_frames, stated.mask_frames)), _or(frame_weights, stated.frame_weights)
    with open_source(path) as source:
        layout, contents = list_maps(source, bins)
        # Errors in the times come first, as in descriptions of files.
        step_of(contents.clock, dt)
        refs, notes = select_maps(contents.maps, q, phi, q_tolerance, contents.way_out)
        n_t = frame_count(source, refs)
        first, last = check_window(frames, n_t)
        step, clock_notes = needed_step(contents.clock, dt)
        mask, mask_notes = masked(mask_frames, first, last, n_t)
        given, weight_notes = weights_of(frame_weights, first, last)
        refs, c2, valid, found = read_checked(source, refs, first, mask, baseline, contents.baseline)
        own = None if contents.weights is None else contents.weights[[ref.label - 1 for ref in refs], first - 1 : last]
        if given is not None and own is not None:
            weight_notes.append("the weights in the file are replaced by data.frame_weights")
        angles = [wrap(ref.phi) for ref in refs]
        ages = window_ages(contents.clock.start, step, first, last - first + 1)
        return TwoTimeData(
            c2=c2,
            t=ages,
            q=mean_q(refs),
            phi=angles,
            dt=step,
            valid=valid,
            weight=own if given is None else given,
            notes=map(one_line, (*contents.notes, *notes, *found, *clock_notes, *mask_notes, *weight_notes)),
            provenance={
                "file": path.name,
                "layout": layout,
                **(fingerprint(path) if hashed else {}),
                "maps": tuple(ref.where for ref in refs),
                "labels": tuple(ref.label for ref in refs),
                "frames": (first, last),
                "start_frame": frame_number(float(ages[0]) / step),
                **({} if baseline is None else {BASELINE: baseline}),
                **_merged(source),
                "selection": as_selection(phi, frames, mask_frames, bins),
            },
        )


def _merged(source: Source) -> dict[str, object]:
    """Return the entry of the provenance on the measurements that were merged in a file, if it states any."""
    stated = source.attribute("/", MERGED) or "".join(source.texts(MERGED))
    try:
        parts = json.loads(stated) if isinstance(stated, str) else []
    except ValueError:
        parts = []
    parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return {MERGED: parts} if parts else {}


def _or[T](given: T | None, stated: T) -> T:
    return stated if given is None else given


def refuse_several(asked: DataConfig) -> None:
    """Refuse a configuration that asks for several q where there is one measurement.

    Raises
    ------
    DataError : if it does.
    """
    if asked.several is not None:
        several = asked.several if isinstance(asked.several, str) else ", ".join(f"{q:g}" for q in asked.several)
        raise DataError(
            f"data.q asks for several q ({several}), for fits together; add --joint (from Python: fit_joint_jax), or "
            "give one q"
        )


def weights_of(given: ArrayLike | None, first: int, last: int) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return the checked weights of the frames of a window, None when none are given, and a note on them."""
    if given is None:
        return None, []
    weight = as_weight(given, 1, last - first + 1, "frame_weights")[0]
    return weight, [f"frame weights as given, from {weight.min():g} to {weight.max():g}"]


def fingerprint(path: Path, large: int = LARGE) -> dict[str, str]:
    """Return the SHA-256 of a file, with a key that states what was hashed.

    For a file larger than `large` bytes, which would take longer to hash than to read, its size, modification time and
    first and last MiB are hashed.
    """
    status = path.stat()
    with path.open("rb") as file:
        if status.st_size <= large:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
        digest.update(file.read(MEBIBYTE))
        file.seek(-MEBIBYTE, 2)
        digest.update(file.read(MEBIBYTE))
    return {"sha256_of_size_mtime_first_and_last_mib": digest.hexdigest()}
