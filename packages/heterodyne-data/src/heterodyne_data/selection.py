"""Selection of the maps of a file, by q, then by azimuth. Bins of another q are never included silently."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from heterodyne_data.checks import is_finite
from heterodyne_data.contents import MapRef
from heterodyne_spec import DataError, count_noun, list_phi, list_q

type PhiChoice = str | float | Sequence[float | Sequence[float]] | None

# Tolerance in degrees between a requested angle and that of a bin.
NEAR = 0.5
# Tolerance in degrees within which two bins have the same angle: rounding, not the spread within a bin.
SAME = 0.01
# Relative tolerance within which two bins have the same q.
SAME_Q = 1e-9
MOST_DEGREES = 3600.0
"""Ten turns: larger numbers are not azimuths."""


def wrap(phi: float) -> float:
    """Return an angle in (-180, 180] degrees; one inside is returned unchanged, to the last digit."""
    return phi if -180 < phi <= 180 else 180 - (180 - phi) % 360


def distance(a: float, b: float) -> float:
    """Return the distance of two angles in degrees, modulo 360."""
    return abs((a - b + 180) % 360 - 180)


def check_turns(angles: Iterable[float], where: str = "") -> None:
    """Raise DataError if one of these numbers cannot be an angle in degrees; `where` follows it in the message."""
    if wound := [angle for angle in angles if MOST_DEGREES < abs(angle) < math.inf]:
        raise DataError(f"phi: found {wound[0]:g} degrees{where}, expected -360 to 360; correct the angle")


def select_maps(
    refs: Iterable[MapRef], q: float | None, phi: PhiChoice, q_tolerance: float, way_out: str = ""
) -> tuple[list[MapRef], list[str]]:
    """Return the maps of one q at the chosen angles, ascending in phi, and notes on excluded ones.

    Parameters
    ----------
    refs : maps of the file.
    q : wavevector in 1/Å; None if the file has only one.
    phi : None or "all", angles, or ranges [low, high], in degrees.
    q_tolerance : relative.
    way_out : what to do if no map has an azimuth; may be empty.
    """
    known, notes = known_maps(tuple(refs), way_out)
    of_q, q_notes = nearest_q(known, q, q_tolerance)
    chosen = select_phi(sorted(of_q, key=lambda ref: wrap(ref.phi)), phi)
    check_unambiguous(chosen)
    return chosen, notes + q_notes + absent_angles(known, of_q, phi)


def known_maps(refs: Sequence[MapRef], way_out: str = "") -> tuple[list[MapRef], list[str]]:
    """Return the maps with a finite azimuth and a finite, positive q, and notes on the others; `way_out` as above."""
    finite = [ref for ref in refs if np.isfinite(ref.q) and np.isfinite(ref.phi)]
    if not finite:
        n_q, n_phi = (
            sum(bool(np.isfinite(value)) for value in of) for of in ([r.q for r in refs], [r.phi for r in refs])
        )
        raise DataError(
            f"no map has a finite q and phi (of {len(refs)}, {n_q} have q and {n_phi} phi): bins over all azimuths "
            f"cannot be fitted, correlate bins of azimuth; {way_out or "else correct the file's list of bins"}"
        )
    known = [ref for ref in finite if ref.q > 0]
    wrong = [ref for ref in finite if not ref.q > 0]
    if not known:
        raise DataError(f"q: found {list_q_of(wrong)} 1/Å, q must be positive: it is a length; correct the file")
    notes = (
        [f"{count_noun(len(refs) - len(finite), 'map')} without a finite q or phi left out"]
        if len(finite) < len(refs)
        else []
    )
    return known, notes + ([f"q = {list_q_of(wrong)} 1/Å left out, q must be positive"] if wrong else [])


def q_groups(refs: Iterable[MapRef], tolerance: float) -> list[list[MapRef]]:
    """Return the maps by q, ascending: those within the relative tolerance of the lowest are one group.

    A larger q at an angle that a group has begins another one.
    """
    groups: list[list[MapRef]] = []
    for ref in sorted(refs, key=lambda ref: ref.q):
        if groups and ref.q <= (1 + tolerance) * groups[-1][0].q and not _again(ref, groups[-1]):
            groups[-1].append(ref)
        else:
            groups.append([ref])
    return groups


def _again(ref: MapRef, group: Sequence[MapRef]) -> bool:
    """Return whether a group, ascending in q, has the angle of a map of larger q."""
    if _same_q(group[0], ref):
        return False
    return any(distance(ref.phi, one.phi) < SAME and not _same_q(ref, one) for one in group)


def _same_q(one: MapRef, other: MapRef) -> bool:
    return abs(one.q - other.q) <= SAME_Q * one.q


def nearest_q(refs: Sequence[MapRef], q: float | None, tolerance: float) -> tuple[list[MapRef], list[str]]:
    """Return the maps of `select_q`, at every angle the nearest to the requested q, and notes."""
    within, notes = select_q(refs, q, tolerance)
    chosen, farther_notes = (within, range_note(within)) if q is None else nearest(within, q)
    return chosen, notes + farther_notes


def nearest(within: Sequence[MapRef], q: float) -> tuple[list[MapRef], list[str]]:
    """Return, of maps within the tolerance, the nearest to q at each angle, and notes."""
    off = [abs(ref.q - q) for ref in within]
    # Only maps farther away than another can be excluded; there may be hundreds of one q.
    tried = {i for i, one in enumerate(off) if one > min(off) + SAME_Q * q}
    far = {i for i in tried if any(_nearer(other, within[i], q) for other in within)}
    chosen, farther = ([ref for i, ref in enumerate(within) if (i in far) == left_out] for left_out in (False, True))
    note = (
        f"q = {list_q_of(farther)} 1/Å within the tolerance, but farther from {q:.6g} than others of the same phi, "
        f"left out ({count_noun(len(farther), 'map')})"
    )
    return chosen, [*([note] if farther else []), *range_note(chosen)]


def _nearer(one: MapRef, other: MapRef, q: float) -> bool:
    """Return whether a map at the angle of another one is nearer to q."""
    gain = abs(other.q - q) - abs(one.q - q)
    return gain > SAME_Q * q and distance(one.phi, other.phi) < SAME


def range_note(refs: Sequence[MapRef]) -> list[str]:
    """Return a note if the q of the maps differ."""
    lowest, highest = min(ref.q for ref in refs), max(ref.q for ref in refs)
    if highest - lowest <= SAME_Q * highest:
        return []
    return [f"q of the chosen bins ranges from {lowest:.6g} to {highest:.6g} 1/Å; their mean is used"]


def select_q(refs: Sequence[MapRef], q: float | None, tolerance: float) -> tuple[list[MapRef], list[str]]:
    """Return the maps within the relative tolerance of q, and notes."""
    if not (is_finite(tolerance) and 0 <= tolerance < 1):
        raise DataError(f"q_tolerance: found {tolerance!r}, expected a relative tolerance from 0 to 1; 0.02 is usual")
    if q is not None and not (is_finite(q) and q > 0):
        raise DataError(
            f"q: found {q!r}, expected one finite number, q must be positive; the file has q = {list_q_of(refs)} 1/Å"
        )
    target = float(np.median([ref.q for ref in refs])) if q is None else float(q)
    chosen = [ref for ref in refs if abs(ref.q - target) <= tolerance * target]
    others = [ref for ref in refs if ref not in chosen]
    if q is None and others:
        raise DataError(
            f"q: the file holds several, {list_q_of(refs)} 1/Å; give the one to fit (q; --q on the command line), or "
            "fit them together (--q all --joint)"
        )
    if not chosen:
        raise DataError(
            f"q: none within {tolerance:g} (relative) of {target:.4g}, the file has {list_q_of(refs)} 1/Å; "
            "give one of these"
        )
    return chosen, [f"q = {list_q_of(others)} 1/Å left out ({count_noun(len(others), 'map')})"] if others else []


def mean_q(refs: Sequence[MapRef]) -> float:
    """Return the mean q of maps in 1/Å; exactly their common q if they have one."""
    first = refs[0].q
    return first + float(np.mean([ref.q - first for ref in refs]))


def list_q_of(refs: Iterable[MapRef]) -> str:
    """Return the q of maps, for messages."""
    return list_q(ref.q for ref in refs)


def select_phi(refs: Sequence[MapRef], phi: PhiChoice) -> list[MapRef]:
    """Return the maps at the requested angles, in the order of `refs`."""
    return [refs[i] for i in places_of([wrap(ref.phi) for ref in refs], phi)]


def places_of(angles: Sequence[float], phi: PhiChoice, whose: str = "the file") -> list[int]:
    """Return the positions of the requested angles, ascending.

    Parameters
    ----------
    angles : available angles in degrees.
    phi : None or "all", angles, or ranges [low, high], in degrees.
    whose : owner of these angles, for messages.
    """
    if phi is None or (isinstance(phi, str) and phi == "all"):
        return list(range(len(angles)))
    asked = [phi] if isinstance(phi, str) or not isinstance(phi, Iterable) else list(phi)
    there = f"{whose} has {list_phi(map(wrap, angles))}"
    if not asked:
        raise DataError(f"phi: found an empty list, expected angles; {there}")
    return sorted(set[int]().union(*(matching(angles, one, there) for one in asked)))


def matching(angles: Sequence[float], asked: object, there: str) -> set[int]:
    """Return the positions of the angles in one requested angle or range; `there` is for messages."""
    given = list(asked) if isinstance(asked, Iterable) and not isinstance(asked, str) else [asked]
    values = [float(value) for value in given if is_finite(value)]
    if len(values) != len(given) or len(values) not in (1, 2):
        raise DataError(f"phi: found {asked!r}, expected all, angles or ranges [low, high] in degrees; {there}")
    if len(values) == 2:
        found = {i for i, angle in enumerate(angles) if in_range(angle, *values)}
    else:
        gaps = [distance(angle, values[0]) for angle in angles]
        nearest = angles[int(np.argmin(gaps))]
        # All of one direction: the choice between two maps is not made here.
        found = {i for i, angle in enumerate(angles) if min(gaps) <= NEAR and distance(angle, nearest) < SAME}
    if not found:
        what = f"between {values[0]:g} and {values[1]:g}" if len(values) == 2 else f"within {NEAR:g} of {values[0]:g}"
        raise DataError(f"phi: no angle {what} degrees, {there} at this q; give one of these")
    return found


def in_range(phi: float, low: float, high: float) -> bool:
    """Return whether an angle lies in [low, high] modulo 360; low > high runs through 180."""
    if high - low >= 360:
        return True
    fuzz = 1e-6
    return bool((phi - low + fuzz) % 360 <= (high - low) % 360 + 2 * fuzz)


def list_phi_of(refs: Iterable[MapRef]) -> str:
    """Return the angles of maps, for messages."""
    return list_phi(wrap(ref.phi) for ref in refs)


def same_angles(phi: Sequence[float]) -> tuple[int, int] | None:
    """Return the positions of two angles of the same direction, if there are any."""
    order = sorted(range(len(phi)), key=lambda i: wrap(phi[i]))
    neighbours = zip(order, [*order[1:], order[0]], strict=True) if len(order) > 1 else ()
    return next(((i, j) for i, j in neighbours if distance(phi[i], phi[j]) < SAME), None)


def check_unambiguous(refs: Sequence[MapRef]) -> None:
    """Raise DataError if two maps have the same angle: their q differ, or one bin is duplicated."""
    if same := same_angles([ref.phi for ref in refs]):
        one, other = refs[same[0]], refs[same[1]]
        if _same_q(one, other):
            raise DataError(
                f"phi: {one.where} and {other.where} have the same phi = {wrap(one.phi):g} and the same q = "
                f"{one.q:.6g} 1/Å, expected every angle once; remove one of them from the file or "
                "store their average, or choose the other angles (data.phi)"
            )
        raise DataError(
            f"q: {one.where} (q = {one.q:.6g}) and {other.where} (q = {other.q:.6g}) have the same phi "
            f"= {wrap(one.phi):g}, q is ambiguous among {list_q_of(refs)} 1/Å; give the one to fit (q; --q on the "
            "command line)"
        )


def absent_angles(refs: Sequence[MapRef], of_q: Sequence[MapRef], phi: PhiChoice) -> list[str]:
    """Return a note on angles at which only other q of the file have maps (empty bins)."""
    if phi is not None and not isinstance(phi, str):
        return []
    absent = [ref for ref in refs if all(distance(ref.phi, other.phi) > NEAR for other in of_q)]
    return [f"no map at phi = {list_phi_of(absent)} for this q, only for others (empty bins)"] if absent else []
