"""Windows of frames and masked frames, both counted from 1 in the map as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.checks import is_whole
from heterodyne_spec import DataError, list_numbers

FEWEST_FRAMES = 3


def check_window(frames: Sequence[int] | None, n_t: int, whose: str = "the file") -> tuple[int, int]:
    """Return first and last frame of a window, 1-based and inclusive; the whole map if None.

    `n_t` is the number of frames of the map, `whose` its owner, for messages.
    """
    if frames is None:
        return 1, n_t
    values = list(frames)
    whole = len(values) == 2 and all(is_whole(value) for value in values)
    if not whole or not 1 <= values[0] < values[1] <= n_t:
        raise DataError(f"frames: found {values}, expected [first, last] within 1 to {n_t}; {whose} has {n_t} frames")
    first, last = int(values[0]), int(values[1])
    if last - first + 1 < FEWEST_FRAMES:
        raise DataError(f"frames: found {values}, expected at least {FEWEST_FRAMES} frames; {whose} has {n_t}")
    return first, last


def masked(
    mask_frames: Iterable[int], first: int, last: int, n_t: int, whose: str = "the file"
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which frames of the window are masked, shape (last - first + 1,), and notes.

    Parameters
    ----------
    mask_frames : frames to mask, 1-based in the map.
    first, last : window.
    n_t : frames of the map.
    whose : owner of the map, for messages.
    """
    given = list(mask_frames)
    wrong = [number for number in given if not is_whole(number) or not 1 <= number <= n_t]
    if wrong:
        raise DataError(f"mask_frames: found {wrong[0]!r}, expected frame numbers 1 to {n_t}; {whose} has {n_t} frames")
    numbers = sorted({int(number) for number in given})
    inside = [number for number in numbers if first <= number <= last]
    outside = [number for number in numbers if not first <= number <= last]
    mask = np.zeros(last - first + 1, dtype=bool)
    mask[np.array(inside, dtype=np.int64) - first] = True
    notes = [f"frames masked as requested: {list_numbers(inside)}"] if inside else []
    return mask, notes + ([f"frames to mask outside the window: {list_numbers(outside)}"] if outside else [])
