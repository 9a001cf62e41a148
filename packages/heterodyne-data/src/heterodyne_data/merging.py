"""The mean of repeated measurements as one measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from heterodyne_data.independent import check_independent
from heterodyne_data.stored import MERGED
from heterodyne_data.two_time import TwoTimeData
from heterodyne_spec import DataError, count_noun

_ALIKE = 1e-6
"""Relative difference of q, dt and ages up to which they are the same."""


def merge_data(measurements: Sequence[TwoTimeData]) -> TwoTimeData:
    """Return the mean of repeated measurements, of every pair of frames.

    A frame or pair is valid if it is so in all of them: where it is missing in some, its noise would differ.

    Parameters
    ----------
    measurements : at least two, with the same q, azimuths, frames and ages.

    Raises
    ------
    DataError : with every difference, or if there are fewer than two, or one is given twice, or beside its parts.
    """
    if len(measurements) < 2:
        raise DataError("a mean takes at least two measurements; give several files")
    first = measurements[0]
    names = [str(one.provenance.get("file", f"measurement {k}")) for k, one in enumerate(measurements, 1)]
    check_independent(measurements, names)
    differences = [_differences(first, *one) for one in zip(measurements[1:], names[1:], strict=True)]
    if problems := [problem for found in differences for problem in found]:
        raise DataError(f"repeats of one measurement are merged: {'; '.join(problems)}; fit them with --joint instead")
    total = np.zeros(first.c2.shape)
    for one in measurements:
        total += one.c2
    valid = np.logical_and.reduce([one.valid for one in measurements])
    weight = np.minimum.reduce([one.weight for one in measurements])
    lost = int((np.logical_or.reduce([one.valid for one in measurements]) & ~valid).any(axis=0).sum())
    notes = [f"mean of {count_noun(len(measurements), 'measurement')}"]
    notes += [f"{count_noun(lost, 'frame')} valid in only some of them left out"] if lost else []
    return TwoTimeData(
        c2=(total / len(measurements)).astype(first.c2.dtype),
        t=first.t,
        q=first.q,
        phi=first.phi,
        dt=first.dt,
        valid=valid,
        weight=weight,
        notes=notes,
        provenance={MERGED: [_origin(one) for one in measurements]},
    )


def _origin(one: TwoTimeData) -> dict[str, object]:
    """Return name, layout and checksum of the file of a measurement, as far as they are known."""
    kept = ("file", "layout", "sha256")
    return {key: value for key, value in one.provenance.items() if key.startswith(kept)}


def _differences(one: TwoTimeData, other: TwoTimeData, name: str) -> Iterator[str]:
    if other.c2.shape != one.c2.shape:
        sizes = (f"{d.n_phi} azimuths × {d.n_t} frames" for d in (other, one))
        yield f"{name} has {' and not '.join(sizes)}"
        return
    if not np.allclose(other.phi, one.phi, rtol=0, atol=1e-3):
        yield f"{name} has other azimuths"
    if abs(other.q - one.q) > _ALIKE * one.q:
        yield f"{name} has q = {other.q:.6g} and not {one.q:.6g} 1/Å"
    if not np.allclose(other.t, one.t, rtol=_ALIKE, atol=_ALIKE * one.dt):
        yield f"{name} has ages {other.t[0]:.6g} to {other.t[-1]:.6g} s and not {one.t[0]:.6g} to {one.t[-1]:.6g} s"
