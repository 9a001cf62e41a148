"""Reading the chosen maps into one array, one map at a time, for all kinds of storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data import cleaning, fills
from heterodyne_data.contents import MapRef
from heterodyne_data.levels import SCALED, WHOLE, Level, baseline_of, either, listed, of_a_correlation, off_the_baseline
from heterodyne_data.memory import free_memory
from heterodyne_data.ordinary import is_ordinary
from heterodyne_data.packing import packing_of
from heterodyne_data.repeated import repeated_values
from heterodyne_data.selection import wrap
from heterodyne_data.source import Source
from heterodyne_data.two_time import floating_dtype
from heterodyne_spec import DataError, list_numbers, list_phi, merge_findings

type Maps = NDArray[np.floating[Any]]
type Findings = list[tuple[float, str]]


def frame_count(source: Source, refs: Sequence[MapRef]) -> int:
    """Return the number of frames of the maps, which must all be square and of the same size."""
    expected = refs[0].shape(source)
    for ref in refs:
        shape = ref.shape(source)
        if len(shape) != 2 or shape[0] != shape[1] or shape != expected:
            size = f"({expected[0]}, {expected[0]})" if len(expected) == 2 else "(N, N)"
            raise DataError(
                f"{ref.where}: found shape {shape}, expected {size} as a square map; leave this bin out or "
                "run the correlation again"
            )
    if expected[0] < 3:
        raise DataError(f"{refs[0].where}: found {expected[0]} frames, expected at least 3; use a longer run")
    return expected[0]


def read_checked(
    source: Source, refs: Sequence[MapRef], first: int, mask: NDArray[np.bool_], given: int | None, stated: int | None
) -> tuple[list[MapRef], Maps, NDArray[np.bool_], list[str]]:
    """Read the window of the maps that have values, and shift it to baseline 1.

    Parameters
    ----------
    source : open file.
    refs : maps to read.
    first : first frame of the window, 1-based.
    mask : masked frames of the window, (N,).
    given, stated : see `shift_baseline`.

    Returns
    -------
    refs, c2, valid, notes
        The maps with values, these values (n_phi, N, N), usable frames (n_phi, N), and notes.
    """
    c2, dead, findings = read_maps(source, refs, first, first + len(mask) - 1)
    filled = ~dead.all(axis=1)
    empty = check_filled(filled, [wrap(ref.phi) for ref in refs], refs[0].where)
    kept = [ref for ref, keep in zip(refs, filled, strict=True) if keep]
    c2, valid = c2[filled] if not filled.all() else c2, ~dead[filled] & ~mask
    phi = [wrap(ref.phi) for ref in kept]
    levels = [cleaning.level_of(one, usable) for one, usable in zip(c2, valid, strict=True)]
    baseline = shift_baseline(c2, valid, levels, phi, given, stated)
    words = merge_findings([finding for finding in findings if finding[0] in phi], len(phi))
    return kept, c2, valid, [*empty, *baseline, *words]


def read_maps(
    source: Source, refs: Sequence[MapRef], first: int, last: int
) -> tuple[Maps, NDArray[np.bool_], Findings]:
    """Read the window of each map, complete half matrices and blank dead frames.

    Parameters
    ----------
    source : open file.
    refs : maps to read.
    first, last : window, 1-based and inclusive.

    Returns
    -------
    c2, dead, findings
        Maps (n_phi, N, N) with the baseline of the file, dead frames (n_phi, N), and findings as (angle, words).
    """
    n_t = last - first + 1
    dtype = np.result_type(*(kept_dtype(source, ref) for ref in refs))
    needed, free = len(refs) * n_t**2 * dtype.itemsize, free_memory()
    # Checked first: Linux overcommits memory, and kills the process that uses it.
    if needed > free:
        raise DataError(
            f"c2: {len(refs)} maps of {n_t} frames need {needed / 1e9:.3g} GB; {free / 1e9:.3g} GB are free; choose "
            "fewer angles (data.phi) or frames (data.frames)"
        )
    c2 = np.empty((len(refs), n_t, n_t), dtype=dtype)
    dead = np.empty((len(refs), n_t), dtype=bool)
    findings: Findings = []
    for i, ref in enumerate(refs):
        c2[i] = ref.read(source, slice(first - 1, last))
        dead[i], words = restore(c2[i], ref.where, ref.as_stored(ref.populated))
        words += [f"by its attributes, {said}"] if (said := packing_of(source, ref.key).told()) else []
        if dead[i].any() and not dead[i].all():
            words.append(f"dead frames left out: {list_numbers(np.flatnonzero(dead[i]) + first)}")
        findings += [(wrap(ref.phi), word) for word in words]
    return c2, dead, findings


def kept_dtype(source: Source, ref: MapRef) -> np.dtype[Any]:
    """Return the dtype in which the values of a map are kept; integers are not a correlation."""
    stored = source.dtype(ref.key)
    if packing_of(source, ref.key).scaled and stored.kind in "iuf":
        return np.dtype(np.float64)
    if stored.kind in "iu":
        raise DataError(f"{ref.where}: found {stored} values, {WHOLE}")
    return floating_dtype(stored, ref.where)


def restore(c2: Maps, where: str, stated: str | None = None) -> tuple[NDArray[np.bool_], list[str]]:
    """Complete one map in place: both halves, infinities, fill values and dead frames as NaN.

    Returns the dead frames and findings. All frames of a map with a single value are dead.

    `stated` is the file's statement on which elements have values; if it differs from the values, that is a finding.
    """
    words = []
    if cleaning.has_infinite(c2):
        cleaning.blank_infinite(c2)
        words.append("infinite values taken as NaN")
    cleaning.quiet_nan(c2)
    half = cleaning.populated_elements(c2)
    if half is None:
        return np.ones(len(c2), dtype=bool), words
    if stated not in (None, half):
        words.append(f"{str(stated).replace('_', ' ')} stated as populated, {half.replace('_', ' ')} found")
    if half == "all":
        cleaning.check_symmetric(c2, where)
    else:
        words.append(cleaning.complete_half(c2, half))
    if is_ordinary(c2):
        return np.zeros(len(c2), dtype=bool), words + fills.blank(c2, repeated_values(c2), fills.REPEATED)
    cleaning.blank_frames(c2, fills.stuck_frames(c2))
    words += fills.blank(c2, fills.fill_values(c2))
    words += fills.blank(c2, repeated_values(c2), fills.REPEATED)
    if fills.one_value(c2):
        return np.ones(len(c2), dtype=bool), words
    if fills.only_whole(c2):
        raise DataError(f"{where}: found only integers, {WHOLE}")
    dead = cleaning.dead_frames(c2)
    cleaning.blank_frames(c2, dead)
    return dead, words


def check_filled(filled: NDArray[np.bool_], phi: Sequence[float], where: str) -> list[str]:
    """Return a note on angles whose map has no values and is excluded.

    Parameters
    ----------
    filled : which maps have values, (n_phi,).
    phi : angles in degrees.
    where : name of the first map, for messages.

    Raises
    ------
    DataError : if no map has.
    """
    if not filled.any():
        raise DataError(
            f"{where}: found only NaN, zeros or one value, as in all {len(filled)} chosen maps; choose other frames or "
            "run the correlation again"
        )
    empty = [angle for angle, full in zip(phi, filled, strict=True) if not full]
    return [f"phi = {list_phi(empty)}: the map has only NaN, zeros or a single value, left out"] if empty else []


def shift_baseline(
    c2: Maps,
    valid: NDArray[np.bool_],
    levels: Sequence[Level],
    phi: Sequence[float],
    given: int | None,
    stated: int | None = None,
) -> list[str]:
    """Shift the maps to baseline 1, in place; return notes.

    Parameters
    ----------
    c2 : maps (n_phi, N, N).
    valid : usable frames (n_phi, N).
    levels : levels of the maps.
    phi : angles in degrees, for messages.
    given : baseline of the file, 0 or 1; None to determine it from the medians off the diagonal.
    stated : baseline stated in the file, which must agree with the values.
    """
    if given not in (None, 0, 1):
        raise DataError(f"baseline: found {given!r}, expected 0 or 1; leave it out to determine it from the data")
    baseline = seen_baseline(levels, phi, stated) if given is None else given
    said = f"baseline {baseline} {'as given' if given is not None else 'found'}"
    if given is None and (unclear := [angle for level, angle in zip(levels, phi, strict=True) if _unclear(level)]):
        said += f", also assumed at phi = {list_phi(unclear)}, where the maps do not decay to it"
    off = off_the_baseline(
        [(level, angle) for level, angle in zip(levels, phi, strict=True) if not _unclear(level)], baseline
    )
    if baseline == 1:
        return [said, *off]
    # No pair of a measured map is exactly 0 for any baseline.
    empty = sum(cleaning.blank_zeros(one, usable) for one, usable in zip(c2, valid, strict=True))
    c2 += 1
    return [f"{said}: 1 added to all maps" + (f", {cleaning.ZEROS_MISSING}" if empty else ""), *off]


def _unclear(level: Level) -> bool:
    return bool(np.isfinite(level.median)) and baseline_of(level) is None


def seen_baseline(levels: Sequence[Level], phi: Sequence[float], stated: int | None) -> int:
    """Return the common baseline of the maps of a file.

    Parameters
    ----------
    levels : levels of the maps.
    phi : their angles in degrees, for messages.
    stated : baseline stated in the file, if any.

    Raises
    ------
    DataError
        They have none, or different ones, or not the stated one.
    """
    known = [(level, angle) for level, angle in zip(levels, phi, strict=True) if np.isfinite(level.median)]
    found = {baseline_of(level) for level, _ in known}
    seen = f"medians off the diagonal are {listed([level.median for level in levels], phi)}"
    if not all(of_a_correlation(level.median) for level, _ in known):
        raise DataError(f"baseline: the {seen}, expected near 0 or 1, up to 2 for a large contrast: {SCALED}")
    # A map of c2 - 1 that has not decayed is ambiguous next to one that has; c2 decays to 1 or starts above it.
    if stated is not None and (found - ({0, None} if stated == 0 else {1})):
        raise DataError(
            f"baseline: the file states {stated}, but the {seen}; correct the file, or give baseline=0 or "
            "baseline=1 in Python"
        )
    if {0, 1} <= found:
        raise DataError(
            f"baseline: the maps disagree, their {seen}; likely all are c2 - 1 with a contrast above 0.5 that has not "
            "decayed in some: store c2; give baseline=0 or baseline=1 in Python, or choose the angles"
        )
    if None in found and 0 not in found and stated is None:
        unclear = [pair for pair in known if _unclear(pair[0])]
        said = either([level for level, _ in unclear], [angle for _, angle in unclear])
        raise DataError(f"baseline: {said}; store c2, which decays to 1, or give baseline=0 or baseline=1 in Python")
    return 1 if found == {1} else 0
