"""Storage of a measurement: maps with masked frames as NaN, times in raw frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from heterodyne_data.two_time import TwoTimeData

# Small chunks, because windows are often read.
CHUNK = 256


MERGED = "merged_from"
"""Entry of the provenance with the measurements of which the maps are the mean; attribute or array of a file."""


def merged_in(data: Sequence[TwoTimeData]) -> str:
    """Return the measurements of which these are means, as JSON; "" if there are none."""
    stated = [one.provenance.get(MERGED) for one in data]
    parts = [part for listed in stated if isinstance(listed, list) for part in listed]
    return json.dumps(parts) if parts else ""


def stored_map(data: TwoTimeData, i: int) -> NDArray[np.float32]:
    """Return map i as float32 (N, N), invalid frames as NaN rows and columns."""
    c2: NDArray[np.float32] = data.c2[i].astype(np.float32)
    c2[~data.valid[i]] = np.nan
    c2[:, ~data.valid[i]] = np.nan
    return c2


def write_maps(group: Any, prefix: str, data: Sequence[TwoTimeData]) -> None:
    """Write the upper triangle of each map, diagonal included, zeros below, numbered from 1; q after q."""
    chunks = (min(data[0].n_t, CHUNK),) * 2
    maps = (stored_map(one, i) for one in data for i in range(one.n_phi))
    for number, stored in enumerate(maps, start=1):
        group.create_dataset(f"{prefix}{number:05d}", data=np.triu(stored), chunks=chunks, compression="lzf")


EARLY = "counted_from"
"""Attribute of the number of skipped frames, with the value "start" if that is negative: the first frame is younger
than dt. Other programs use negative numbers to count from the end of a run."""


def mark_early(skipped: Any, number: int) -> None:
    """Mark the dataset of the number of skipped frames if the first frame is younger than dt."""
    if number < 0:
        skipped.attrs[EARLY] = "start"


def raw_frames(data: TwoTimeData) -> tuple[float, int, int]:
    """Return frame time (s), stride and number of skipped raw frames for the times of `data`.

    The files store the age of the first frame as a whole number of raw frames.
    A run that starts at a whole multiple of dt has stride 1; for any other the
    raw frames are the fraction of dt that makes it whole.
    """
    age = Fraction(float(data.t[0] / data.dt))
    start = age.limit_denominator(1000)
    if abs(start - age) > 1e-6:  # the same tolerance as for a uniform time axis
        start = age.limit_denominator(1_000_000)
    return data.dt / start.denominator, start.denominator, start.numerator - start.denominator
