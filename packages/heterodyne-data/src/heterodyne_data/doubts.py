"""Suspicious values of maps (n_phi, N, N): c2 that rises with lag, duplicate frames or maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.cleaning import Frames, Map, level, sampled
from heterodyne_data.repeated import is_noisy
from heterodyne_spec import DataError, list_numbers

SHORT = 4
"""Lags, in frames, one of which is above the mean for any period of a flow: cos(k x) is 0.3 or more at one of them."""
RISE, ERRORS = 0.03, 6.0
"""Distance of all short lags below the median, relative to the baseline and in standard errors, of a map that rises
with lag."""
MOST = 4.0
"""Largest contrast of unscaled c2. A few pixels with few photons reach 2."""
BROAD = 0.3
"""Relative scatter of the values of a map above which they may be 0."""
FEWEST = 16
"""Smallest number of frames for these tests."""


def short_lags(c2: Map) -> tuple[float, float]:
    """Return the highest median of a short lag, and its standard error; NaN for few frames."""
    found = [np.diagonal(c2, lag)[np.isfinite(np.diagonal(c2, lag))] for lag in range(1, SHORT + 1)]
    if min(line.size for line in found) < FEWEST:
        return np.nan, np.nan
    line = max(found, key=lambda one: float(np.median(one)))
    spread = 1.5 * float(np.median(np.abs(line - np.median(line))))
    return float(np.median(line)), 1.25 * spread / line.size**0.5


def check_contrast(c2: Map, valid: Frames, where: str) -> None:
    """Refuse a map whose short lags exceed the median by more than any contrast."""
    short, _ = short_lags(c2)
    contrast = short - level(c2, valid)
    if contrast > MOST:
        raise DataError(
            f"{where}: short lags are {contrast:.3g} above the median, expected a contrast of at most 1: c2 is scaled, "
            "as in percent; store c2, which decays to 1"
        )


def rises(c2: Map, valid: Frames) -> str | None:
    """Return that a map rises with lag, as text; None if it does not."""
    short, error = short_lags(c2)
    middle = level(c2, valid)
    if not middle - short > max(RISE, ERRORS * error):
        return None
    return (
        f"short lags are at {short:.3g}, below the median of {middle:.3g}, but a correlation falls with lag: a "
        "structure function, or another quantity?"
    )


def few_photons(c2: Map, valid: Frames) -> str | None:
    """Return that excluded pairs of exactly 0 may be measured, as text; None if other values are far from 0.

    Frames of few photons have pairs without a pixel in common; the others are multiples of one number then.
    """
    values = sampled(c2, valid)
    if values.size < FEWEST or float(np.std(values, dtype=np.float64)) < BROAD * float(
        np.mean(values, dtype=np.float64)
    ):
        return None
    return (
        "the others scatter as widely, as with few photons: pairs of exactly 0 may be measured, and c2 without them is "
        "too high; use larger bins, or average frames, in the correlation"
    )


def repeated_frames(c2: Map) -> NDArray[np.int64]:
    """Return the positions of frames with the values of the previous frame in all pairs of a noisy map."""
    frames = np.arange(1, len(c2))
    # One pair each first, half the map away: noise repeats no value.
    other = (frames + len(c2) // 2) % len(c2)
    likely = frames[c2[frames, other] == c2[frames - 1, other]]
    found = [place for place in likely.tolist() if _has_values_of_the_last(c2, place)]
    return np.array(found if found and is_noisy(c2, np.array([])) else [], dtype=np.int64)


def _has_values_of_the_last(c2: Map, place: int) -> bool:
    one, last = (np.delete(c2[row], (place - 1, place)) for row in (place, place - 1))
    return bool(np.isfinite(one).sum() >= FEWEST) and np.array_equal(one, last, equal_nan=True)


def frames_in_words(places: NDArray[np.int64]) -> str:
    """Return a note on repeated frames."""
    return (
        f"frames {list_numbers(places + 1)} of these maps have the values of the previous frame: duplicates in place "
        "of a lost one? exclude them with data.mask_frames"
    )


def same_maps(maps: NDArray[np.floating], phi: NDArray[np.float64]) -> list[str]:
    """Return notes on noisy maps with the values of another one: duplicates at two azimuths."""
    seen: dict[bytes, int] = {}
    notes = []
    for i, c2 in enumerate(maps):
        first = seen.setdefault(c2[len(c2) // 2].tobytes(), i)
        if first != i and np.array_equal(maps[first], c2, equal_nan=True) and is_noisy(c2, np.array([])):
            notes.append(
                f"the maps at phi = {phi[first]:g} and {phi[i]:g} have the same values: stored twice, or with "
                "a wrong azimuth"
            )
    return notes
