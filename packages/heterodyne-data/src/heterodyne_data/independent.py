"""Whether measurements are independent: no pair of frames is given twice, and no mean beside its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from heterodyne_data.stored import MERGED
from heterodyne_data.two_time import TwoTimeData
from heterodyne_spec import DataError

_PIXELS = 4096
"""Pixels of which a combination is sought."""

_EXACT = 1e-3
"""Largest residual of a combination relative to the differences of its parts: files in float32 have 1e-4 at most."""


SAME_Q = 1e-3
"""Relative difference below which wavevectors are the same: those of repeats can differ by the digits of a file."""


def is_one_q(q: Sequence[float]) -> bool:
    """Return whether wavevectors in 1/Å (n,) are the same."""
    return bool(np.ptp(np.log(q)) < SAME_Q)


def check_independent(data: Sequence[TwoTimeData], names: Sequence[str]) -> None:
    """Refuse measurements of which two have a part in common: the same maps or pairs, or a mean and its parts.

    Raises
    ------
    DataError : with the first such measurement, by its name.
    """
    for k, one in enumerate(data):
        for j, other in enumerate(data[:k]):
            if _same(one, other):
                same = "" if names[k] == names[j] else f" (the maps of {names[j]} are the same)"
                raise DataError(f"{names[k]}: given twice{same}; give every measurement once")
            if frames := _overlap(one, other):
                found = f"frames {frames[0]} to {frames[1]} of the same maps are in {names[j]}, too"
                raise DataError(f"{names[k]}: {found}; give every pair of frames once")
    for k in range(len(data)):
        if parts := _parts(k, data):
            of = ", ".join(names[j] for j in parts)
            raise DataError(f"{names[k]}: the mean of measurements that are given too ({of}); give it or its parts")


def _same(one: TwoTimeData, other: TwoTimeData) -> bool:
    return one.c2.shape == other.c2.shape and np.array_equal(one.c2, other.c2, equal_nan=True)


def _overlap(one: TwoTimeData, other: TwoTimeData) -> tuple[int, int] | None:
    """Return the first and the last frame that two cuts of the same maps of a file have in common."""
    if not _sum_of(one.provenance) or _sum_of(one.provenance) != _sum_of(other.provenance):
        return None
    maps = [set(_listed(part, "maps")) for part in (one, other)]
    frames = [_listed(part, "frames") for part in (one, other)]
    if not maps[0] & maps[1] or not all(frames):
        return None
    first, last = max(int(begin) for begin, _ in frames), min(int(end) for _, end in frames)
    return (first, last) if last > first else None


def _listed(one: TwoTimeData, key: str) -> tuple[Any, ...]:
    found = one.provenance.get(key)
    return found if isinstance(found, tuple) else ()


def _parts(k: int, data: Sequence[TwoTimeData]) -> list[int]:
    """Return which measurements have parts that are in number `k`, a mean, by what files state or by the maps."""
    sums = _sums_of(data[k])
    others = [j for j, other in enumerate(data) if j != k and is_one_q([other.q, data[k].q])]
    if MERGED in data[k].provenance and (found := [j for j in others if _sums_of(data[j]) & sums]):
        return found
    alike = [j for j in others if data[j].c2.shape == data[k].c2.shape]
    return [alike[i] for i in _combination(data[k], [data[j] for j in alike])] if len(alike) > 1 else []


def _sums_of(one: TwoTimeData) -> set[str]:
    """Return the checksums of the file of a measurement, and of those of which it is the mean."""
    stated = one.provenance.get(MERGED)
    return {_sum_of(part) for part in (one.provenance, *(stated if isinstance(stated, list) else []))} - {""}


def _sum_of(source: object) -> str:
    """Return the checksum of a file in the provenance of a measurement, empty if there is none."""
    named = source.items() if isinstance(source, Mapping) else ()
    return next((str(value) for key, value in named if str(key).startswith("sha256")), "")


def _combination(one: TwoTimeData, others: Sequence[TwoTimeData]) -> list[int]:
    """Return the numbers of the maps of which those of a measurement are a mean, whatever their weights are."""
    rows, columns = np.triu_indices(one.n_t, 1)
    some = np.unique(np.linspace(0, rows.size - 1, _PIXELS).astype(int))
    picked = np.stack([m.c2[:, rows[some], columns[some]].ravel().astype(float) for m in (one, *others)])
    used = np.isfinite(picked).all(axis=0)
    for m in (one, *others):
        used &= (m.valid[:, rows[some]] & m.valid[:, columns[some]]).ravel()
    mean, parts = picked[0, used], picked[1:, used].T
    if mean.size < 4 * len(others):
        return []
    weights = np.linalg.lstsq(parts, mean, rcond=None)[0]
    apart = np.sqrt(np.mean(np.var(parts, axis=1)))
    if np.sqrt(np.mean((mean - parts @ weights) ** 2)) > _EXACT * apart or weights.min() < -_EXACT:
        return []
    return [int(i) for i in np.flatnonzero(weights > _EXACT)]
