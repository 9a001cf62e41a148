"""A measurement: two-time correlation maps of one q at several azimuths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heterodyne_data import cleaning, fills
from heterodyne_data.checks import as_array, as_floats, as_meant, is_finite
from heterodyne_data.doubts import check_contrast, few_photons, frames_in_words, repeated_frames, rises, same_maps
from heterodyne_data.levels import WHOLE, check_baseline_1
from heterodyne_data.ordinary import is_ordinary
from heterodyne_data.presentation import explore, html_of, short_text
from heterodyne_data.reach import check_reach
from heterodyne_data.repeated import repeated_values
from heterodyne_data.selection import check_turns, same_angles, wrap
from heterodyne_data.time_axis import frame_number, time_axis
from heterodyne_spec import DataError, count_noun, list_numbers, list_phi, merge_findings

FEWEST_FRAMES = 3
_NOTES_SHOWN = 3
"""Notes in the short text of a measurement."""
BASELINE = "baseline"
"""Entry of the provenance: the baseline of the file if given by the user, 0 or 1; absent if it was determined."""


@dataclass(frozen=True, eq=False, init=False, repr=False)
class TwoTimeData:
    """Two-time correlation maps of one q, checked and ready for a fit.

    Parameters
    ----------
    c2 : maps, shape (n_phi, N, N), full and symmetric with their diagonal,
        baseline 1; (N, N) counts as one map, and a half is completed if the other is empty. float32 and float64
        are kept. A NaN entry is an excluded pair; infinite entries become NaN, and exact zeros off the diagonal, and
        fill values (-1, 1e20). Frames with a single value are excluded.
    q : wavevector in 1/Å.
    phi : azimuths in degrees, shape (n_phi,) or a scalar, each direction once; kept in (-180, 180].
    t : absolute ages of the frames in s, shape (N,), uniform; ``(1..N) * dt`` if omitted.
    dt : time between frames in s; the step of t if omitted.
    valid : frames that may enter a fit, shape (n_phi, N) or (N,). All by
        default; frames without any usable pair are always excluded.
    weight : weights of the frames, shape (n_phi, N), (N,) or a scalar; finite, 0 or
        larger, 1 by default. The pair (i, j) has weight_i * weight_j in the fit;
        a frame with weight 0 is not used.
    notes : findings and changes, in sentences.
    provenance : where the maps come from.

    Raises
    ------
    DataError
        One of these is invalid, or a map has no usable pair.

    Examples
    --------
    >>> import numpy as np
    >>> data = TwoTimeData(c2=np.ones((4, 4)), q=0.0054, phi=0.0, dt=0.1)
    >>> data.n_phi, data.n_t, data.start_frame
    (1, 4, 1)
    """

    c2: NDArray[np.floating[Any]]
    t: NDArray[np.float64]
    q: float
    phi: NDArray[np.float64]
    dt: float
    valid: NDArray[np.bool_]
    weight: NDArray[np.float64]
    notes: tuple[str, ...]
    provenance: Mapping[str, object]

    def __init__(
        self,
        *,
        c2: ArrayLike,
        q: float,
        phi: ArrayLike,
        t: ArrayLike | None = None,
        dt: float | None = None,
        valid: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        notes: Iterable[str] = (),
        provenance: Mapping[str, object] | None = None,
    ):
        maps = as_maps(c2)
        n_phi, n_t = maps.shape[:2]
        angles = as_angles(phi, n_phi)
        maps, usable, found = clean_maps(maps, as_valid(valid, n_phi, n_t), angles)
        # The reader of a file may state its baseline, independent of the values.
        if BASELINE not in (provenance or {}):
            levels = [cleaning.level_of(one, frames) for one, frames in zip(maps, usable, strict=True)]
            check_baseline_1(levels, angles.tolist())
        ages, step = time_axis(t, dt, n_t)
        fields = {
            "c2": maps,
            "t": ages,
            "q": as_q(q),
            "phi": angles,
            "dt": step,
            "valid": usable,
            "weight": as_weight(1.0 if weight is None else weight, n_phi, n_t),
            # A copy made from a measurement finds again what the first one noted.
            "notes": tuple(dict.fromkeys((*notes, *found))),
            "provenance": dict(provenance or {}),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def n_phi(self) -> int:
        """Number of azimuths."""
        return len(self.c2)

    @property
    def n_t(self) -> int:
        """Number of frames."""
        return len(self.t)

    @property
    def start_frame(self) -> int:
        """Number of the first frame, 1-based: its age in units of dt, halves rounded up."""
        return frame_number(float(self.t[0]) / self.dt)

    @property
    def facts(self) -> dict[str, str]:
        """Size, q, azimuths, ages and excluded frames in words, by name."""
        first, excluded = self.start_frame, np.count_nonzero(~self.valid, axis=1)
        frames = f"frames {first} to {first + self.n_t - 1}, {self.dt:g} s apart"
        known = {
            "file": str(self.provenance.get("file", "")),
            "maps": f"{count_noun(self.n_phi, 'azimuth')} × {self.n_t} × {self.n_t} frames, {self.c2.dtype}",
            "q": f"{self.q:.5g} 1/Å",
            "phi": f"{list_phi(self.phi.tolist())} degrees",
            "ages": f"{self.t[0]:.4g} to {self.t[-1]:.4g} s, {frames}",
            "excluded": f"up to {count_noun(int(excluded.max()), 'frame')} per map" if excluded.any() else "",
        }
        return {name: text for name, text in known.items() if text}

    def __repr__(self) -> str:
        lines = [f"{name}: {text}" for name, text in self.facts.items()]
        shown = [f"note: {note}" for note in self.notes[:_NOTES_SHOWN]]
        more = len(self.notes) - _NOTES_SHOWN
        return short_text("TwoTimeData", [*lines, *shown, f"{more} more in notes" if more > 0 else ""])

    def _repr_html_(self) -> str:
        return html_of(self)

    def explore(self) -> Any:
        """Return the panes of the viewer for these maps, to be shown in a notebook cell.

        Raises
        ------
        MissingPackageError : if the viewer is not installed.
        """
        return explore(self)


def pair_valid(data: TwoTimeData) -> NDArray[np.bool_]:
    """Return which pairs of frames may enter a fit, shape (n_phi, N, N): finite, of two valid frames."""
    return np.isfinite(data.c2) & data.valid[:, :, None] & data.valid[:, None, :]


def as_maps(c2: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return maps as a floating array (n_phi, N, N)."""
    maps = as_array(c2, "c2", "(n_phi, N, N): square maps of one size, one per angle")
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or maps.shape[1] != maps.shape[2] or not len(maps):
        raise DataError(f"c2: found shape {np.shape(c2)}, expected (n_phi, N, N); give square maps, one per angle")
    if maps.shape[1] < FEWEST_FRAMES:
        raise DataError(f"c2: found {maps.shape[1]} frames, expected at least {FEWEST_FRAMES}; use a longer run")
    if maps.dtype.kind in "iu":
        raise DataError(f"c2: found {maps.dtype} values, {WHOLE}")
    return maps.astype(floating_dtype(maps.dtype, "c2"), copy=False)


def floating_dtype(dtype: np.dtype[Any], where: str) -> np.dtype[Any]:
    """Return the dtype in which values are kept: float32 and float64 as they are, integers as float64."""
    if dtype.kind not in "fiu":
        raise DataError(f"{where}: found {dtype} values, expected real numbers; give the correlation as floats")
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)


def as_q(q: float) -> float:
    """Return a checked wavevector in 1/Å."""
    if not is_finite(q) or q <= 0:
        raise DataError(f"q: found {q!r}, expected one finite number, q must be positive; give the wavevector in 1/Å")
    value = float(as_meant(np.asarray(q)))
    check_reach([value])
    return value


def as_angles(phi: ArrayLike, n_phi: int) -> NDArray[np.float64]:
    """Return checked azimuths (n_phi,) in degrees, each direction once, in (-180, 180]."""
    angles = np.atleast_1d(as_floats(phi, "phi", f"{n_phi} angles in degrees, one per map"))
    if angles.shape != (n_phi,) or not np.isfinite(angles).all():
        raise DataError(
            f"phi: found {angles.tolist()}, expected {n_phi} finite angles, one per map; give them in degrees"
        )
    check_turns(angles.tolist())
    angles = np.array([wrap(angle) for angle in angles.tolist()])
    if same := same_angles(angles.tolist()):
        raise DataError(
            f"phi: maps {same[0] + 1} and {same[1] + 1} have the same phi = {angles[same[0]]:g} (modulo 360), expected "
            "every angle once; give their average, or one of them"
        )
    return angles


def as_valid(valid: ArrayLike | None, n_phi: int, n_t: int) -> NDArray[np.bool_]:
    """Return which frames may be used, shape (n_phi, n_t): those given, or all."""
    given = as_array(True if valid is None else valid, "valid", f"booleans of shape ({n_phi}, {n_t})")
    if given.dtype != bool or given.shape not in ((), (n_t,), (n_phi, n_t)):
        raise DataError(
            f"valid: found {given.dtype} of shape {given.shape}, expected booleans of shape ({n_phi}, {n_t}); "
            "give one flag per map and frame"
        )
    return np.array(np.broadcast_to(given, (n_phi, n_t)))


def as_weight(weight: ArrayLike, n_phi: int, n_t: int, name: str = "weight") -> NDArray[np.float64]:
    """Return the weights of the frames in a fit, shape (n_phi, n_t); `name` is their name in messages."""
    given = as_array(weight, name, f"numbers of shape ({n_t},)")
    if given.dtype.kind not in "fiu" or given.shape not in ((), (n_t,), (n_phi, n_t)):
        raise DataError(
            f"{name}: found {given.dtype} of shape {given.shape}, expected numbers of shape ({n_t},)"
            f"{f' or ({n_phi}, {n_t})' if n_phi > 1 else ''}; give one weight per frame"
        )
    weights = np.array(np.broadcast_to(given, (n_phi, n_t)), dtype=np.float64)
    wrong = weights[~(np.isfinite(weights) & (weights >= 0))]
    if wrong.size:
        raise DataError(
            f"{name}: found {wrong[0]:g}, expected finite numbers, 0 or larger; give 0 to leave out a frame"
        )
    if (np.count_nonzero(weights, axis=1) < 2).any():
        raise DataError(
            f"{name}: found fewer than two weights above 0, expected at least one pair; leave out this angle"
        )
    return weights


def clean_maps(
    maps: NDArray[np.floating[Any]], valid: NDArray[np.bool_], phi: NDArray[np.float64]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_], list[str]]:
    """Return complete maps without infinities, dead frames, zeros and fill values, the usable frames, and notes.

    The caller's array is copied only if something in it changes.
    """
    notes: list[tuple[float, str]] = []
    owned = False
    for i, angle in enumerate(phi):
        where = f"c2 (phi = {angle:g})"
        one, said = _clean_map(maps[i], valid[i], where)
        if not np.shares_memory(one, maps[i]):
            maps, owned = maps if owned else maps.copy(), True
            maps[i] = one
        usable = cleaning.usable_frames(maps[i], valid[i])
        lost = np.flatnonzero(valid[i] & ~usable) + 1
        valid[i] = usable
        if not usable.any():
            raise DataError(
                f"{where}: found no usable pair of frames, expected finite values; leave out this angle or "
                "mask fewer frames"
            )
        if lost.size:
            notes.append((angle, f"frames {list_numbers(lost)} of these maps left out, without a usable value"))
        if (hot := np.flatnonzero(cleaning.hot_frames(maps[i], usable)) + 1).size:
            seen = f"frames {list_numbers(hot)} of these maps stand out from those around them"
            notes.append((angle, f"{seen}: a flash? exclude them with data.mask_frames"))
        check_contrast(maps[i], usable, where)
        if (rising := rises(maps[i], usable)) is not None:
            notes.append((angle, rising))
        if cleaning.ZEROS_MISSING in said and (few := few_photons(maps[i], usable)) is not None:
            notes.append((angle, few))
        if (again := repeated_frames(maps[i])).size:
            notes.append((angle, frames_in_words(again)))
        notes += [(angle, words) for words in said]
        # Counted once for any reason: readers of files have already replaced some of them by NaN.
        if excluded := cleaning.excluded_pairs(maps[i], usable):
            number = "1 individual pair is" if excluded == 1 else f"{excluded} individual pairs are"
            notes.append((angle, f"{number} missing and left out"))
    return maps, valid, [*merge_findings(notes, len(phi)), *same_maps(maps, phi)]


def _clean_map(
    c2: NDArray[np.floating[Any]], valid: NDArray[np.bool_], where: str
) -> tuple[NDArray[np.floating[Any]], list[str]]:
    """Return a map, copied if something in it changes, and the changes as text."""
    if is_ordinary(c2) and not repeated_values(c2):
        cleaning.check_symmetric(c2, where, c2)
        return c2, []
    if not _to_clean(c2):
        _check_map(c2, where, c2)
        return c2, []
    given, c2 = c2, c2.copy()
    cleaning.blank_infinite(c2)
    half = cleaning.populated_elements(c2)
    words = [cleaning.complete_half(c2, half)] if half in cleaning.HALVES else []
    cleaning.blank_frames(c2, cleaning.dead_frames(c2))
    if cleaning.blank_zeros(c2, valid):
        words.append(cleaning.ZEROS_MISSING)
    _check_map(c2, where, given)
    cleaning.blank_frames(c2, fills.stuck_frames(c2))
    words += fills.blank(c2, fills.fill_values(c2))
    return c2, [*words, *fills.blank(c2, repeated_values(c2), fills.REPEATED)]


def _to_clean(c2: NDArray[np.floating[Any]]) -> bool:
    """Return whether something in a map must change."""
    return (
        cleaning.has_zeros(c2)
        or cleaning.has_infinite(c2)
        or not np.isnan(c2[cleaning.dead_frames(c2)]).all()
        or cleaning.populated_elements(c2) in cleaning.HALVES
        or bool(fills.stuck_frames(c2).any())
        or bool(fills.fill_values(c2))
        or bool(repeated_values(c2))
    )


def _check_map(c2: NDArray[np.floating[Any]], where: str, given: NDArray[np.floating[Any]]) -> None:
    """Raise DataError if a map is not symmetric, or rounded to integers."""
    cleaning.check_symmetric(c2, where, given)
    if fills.only_whole(c2):
        raise DataError(f"{where}: found only integers, {WHOLE}")
