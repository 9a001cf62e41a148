"""Description of a file in the vocabulary of NXxpcs, without loading it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heterodyne_data import cleaning
from heterodyne_data.contents import Contents, MapRef
from heterodyne_data.levels import baseline_of
from heterodyne_data.listing import list_maps
from heterodyne_data.opening import open_source
from heterodyne_data.reading import frame_count, kept_dtype, read_checked, restore
from heterodyne_data.selection import (
    check_unambiguous,
    known_maps,
    list_q_of,
    mean_q,
    nearest,
    q_groups,
    select_q,
    wrap,
)
from heterodyne_data.source import Source
from heterodyne_data.time_axis import frame_number, step_of, window_ages
from heterodyne_data.two_time import clean_maps
from heterodyne_spec import BusyError, Config, DataError, load_config, one_line

FRAMES_LOOKED_AT = 1024
"""Number of frames of the first map that determine half and baseline: all of 8000 would be half a gigabyte."""
FEWEST_LOOKED_AT = 64
MOST_CHECKED = 50_000_000
"""Maximum total number of entries whose values are checked: a few seconds."""


@dataclass(frozen=True)
class Checked:
    """The notes of a fit on a file, and for each q that it would refuse while others are accepted, the reason."""

    notes: tuple[str, ...]
    refused: tuple[str, ...] = ()


def describe_data(path: str | Path, config: Config | Mapping[str, Any] | str | Path | None = None) -> dict[str, Any]:
    """Describe a file of two-time maps from at most `FRAMES_LOOKED_AT` frames of one map, or all if these are empty.

    Parameters
    ----------
    path : file that `load_data` reads.
    config : ``bins`` and ``dt`` of its section ``data`` are used.

    Returns
    -------
    dict
        Conforms to ``schemas/data.schema.json``.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    path, asked = Path(path), load_config(config).data
    with open_source(path) as source:
        layout, contents = list_maps(source, asked.bins)
        dt, dt_notes = step_of(contents.clock, asked.dt)
        first = contents.maps[0]
        populated, found = look_at(source, first)
        baseline = contents.baseline if found is None and populated is not None else found
        return {
            "file": path.name,
            "layout": layout,
            "n_frames": frame_count(source, [first]),
            "dt": dt,
            "start_frame": frame_number(contents.clock.start),
            "start_age": None if dt is None else float(window_ages(contents.clock.start, dt, 1, 1)[0]),
            "maps": [describe_map(ref) for ref in contents.maps],
            "storage_mode": contents.storage_mode,
            "baseline_reference": baseline,
            "time_origin_location": first.time_origin,
            "populated_elements": populated,
            "notes": [
                one_line(note) for note in (*contents.notes, *dt_notes, *differences(contents, populated, found))
            ],
        }


def check_data(path: str | Path, config: Config | Mapping[str, Any] | str | Path | None = None) -> Checked:
    """Check all maps of a file as a fit with only q given, and return its notes.

    Values are not read from a file of more than `MOST_CHECKED` entries. With a configured q, only its maps are checked.

    Parameters
    ----------
    path : file that `load_data` reads.
    config : ``q``, ``bins``, ``dt`` and ``q_tolerance`` of its section ``data`` are used.

    Raises
    ------
    DataError
        None of these maps can be fitted.
    """
    asked = load_config(config).data
    with open_source(Path(path)) as source:
        _, contents = list_maps(source, asked.bins)
        step_of(contents.clock, asked.dt)
        known, notes = known_maps(contents.maps, contents.way_out)
        if asked.q is not None:
            known, q_notes = select_q(known, asked.q, asked.q_tolerance)
            notes += q_notes
        count = sum(math.prod(ref.shape(source)) for ref in known)
        look = count <= MOST_CHECKED
        groups = [known] if asked.q is not None else q_groups(known, asked.q_tolerance)
        errors: list[DataError] = []
        refused: list[str] = []
        for group in groups:
            of_q = f"q = {list_q_of(group)} 1/Å" if len(groups) > 1 else ""
            try:
                told = mean_q(group) if asked.q is None else asked.q
                taken, q_notes = nearest(select_q(known, told, asked.q_tolerance)[0], told)
                found = _check_group(source, taken, contents.baseline, look)
                notes += [f"{of_q}: {note}" if of_q else note for note in (*q_notes, *found)]
            except BusyError:
                raise
            except DataError as error:
                errors.append(error)
                refused.append(f"{of_q} cannot be fitted: {error}")
        if len(errors) == len(groups):
            raise errors[0]
        said = (
            f"values: {'the map' if len(known) == 1 else f'all {len(known)} maps'} checked as in a fit"
            if look
            else f"values: not checked, because {count:.3g} entries exceed {MOST_CHECKED:.0e}; a fit checks them"
        )
        return Checked((*map(one_line, notes), said), tuple(map(one_line, refused)))


def _check_group(source: Source, refs: list[MapRef], baseline: int | None, look: bool) -> list[str]:
    """Return the notes of a fit on these maps; with `look` their values are read."""
    refs = sorted(refs, key=lambda ref: wrap(ref.phi))
    check_unambiguous(refs)
    mask = np.zeros(frame_count(source, refs), dtype=bool)
    if not look:
        return []
    kept, c2, valid, notes = read_checked(source, refs, 1, mask, None, baseline)
    return notes + clean_maps(c2, valid, np.array([wrap(ref.phi) for ref in kept]))[2]


def describe_map(ref: MapRef) -> dict[str, Any]:
    """Describe one map; q or phi is None if unknown."""
    return {
        "key": ref.where,
        "label": ref.label,
        "q": ref.q if np.isfinite(ref.q) else None,
        "phi": wrap(ref.phi) if np.isfinite(ref.phi) else None,
    }


def differences(contents: Contents, populated: str | None, baseline: int | None) -> Iterator[str]:
    """Yield contradictions between the file's statements and its first map."""
    first = contents.maps[0]
    if populated is not None and first.populated not in (None, populated):
        yield f"{first.where}: populated_elements is {first.populated}, found {populated}"
    if baseline is None and populated is not None and contents.baseline is None:
        yield f"{first.where}: its values do not determine whether it is c2 or c2 - 1, those of the other maps may"
    if baseline is not None and contents.baseline not in (None, baseline):
        yield f"{first.where}: baseline_reference is {contents.baseline}, found {baseline}"


def look_at(source: Source, ref: MapRef) -> tuple[str | None, int | None]:
    """Return the populated half and the baseline of one map, None if it is empty."""
    n_t, few = frame_count(source, [ref]), frames_looked_at(source, ref)
    found = _look_at(source, ref, min(n_t, few))
    return found if found[0] is not None or n_t <= few else _look_at(source, ref, n_t)


def frames_looked_at(source: Source, ref: MapRef) -> int:
    """Return how many frames are read; entries of maps stacked last are interleaved with those of all others."""
    apart = 1 if ref.index is None or ref.axis == 0 else source.shape(ref.key)[-1]
    return max(FEWEST_LOOKED_AT, math.isqrt(FRAMES_LOOKED_AT**2 // apart))


def _look_at(source: Source, ref: MapRef, n_t: int) -> tuple[str | None, int | None]:
    dtype = kept_dtype(source, ref)
    c2 = ref.read(source, slice(0, n_t)).astype(dtype)
    populated = cleaning.populated_elements(c2)
    if populated is None:
        return None, None
    dead, _ = restore(c2, ref.where)
    if dead.all():
        return None, None
    return ref.as_stored(populated), baseline_of(cleaning.level_of(c2, ~dead))
