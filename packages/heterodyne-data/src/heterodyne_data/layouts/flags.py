"""Arrays beside the maps that say which frames or pairs count: valid and weight are obeyed, others noted or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.contents import Flags, MapRef, Source
from heterodyne_data.layouts.base import integers, numbers
from heterodyne_data.two_time import as_weight
from heterodyne_spec.errors import DataError
from heterodyne_spec.wording import list_numbers

VALID = "valid"
"""True for frames (N,) or (n, N), or pairs (N, N) or (n, N, N), that count."""
MASK = "mask"
"""True for what counts to some, for what is left out to others; also a mask of the detector's pixels."""
NUMBERS = "mask_frames"
WEIGHTS = ("weight", "weights")


class Flagged(NamedTuple):
    """Maps that know what is valid in them, weights of the frames (n, N) or None, and notes."""

    maps: tuple[MapRef, ...]
    weights: NDArray[np.float64] | None
    notes: tuple[str, ...]


def flagged(source: Source, maps: tuple[MapRef, ...], n_t: int) -> Flagged:
    """Return the maps of one stack of n maps of `n_t` frames as the arrays beside them say, or refuse these."""
    check_numbers(source)
    maps, valid_notes = with_valid(source, maps, n_t)
    weights, weight_notes = frame_weights(source, len(maps), n_t)
    return Flagged(maps, weights, (*valid_notes, *mask_notes(source, len(maps), n_t), *weight_notes))


def with_valid(source: Source, maps: tuple[MapRef, ...], n_t: int) -> tuple[tuple[MapRef, ...], tuple[str, ...]]:
    """Return the maps with their flags, and a note on these."""
    if not source.has(VALID):
        return maps, ()
    shape, dtype, n_maps = source.shape(VALID), source.dtype(VALID), len(maps)
    if shape not in _shapes(n_maps, n_t) or (shape == (n_t, n_t) and n_maps == n_t):
        raise DataError(
            f"{VALID}: found shape {shape}, expected ({n_t},) or ({n_maps}, {n_t}) for frames, or "
            f"({n_maps}, {n_t}, {n_t}) for pairs; correct the file"
        )
    pairs, each = shape[-2:] == (n_t, n_t), len(shape) > 1 and shape[0] == n_maps
    if dtype.kind != "b" and (pairs or not np.isin(numbers(source, VALID), (0, 1)).all()):
        raise DataError(f"{VALID}: found {dtype} values, expected booleans, true for what counts; correct the file")
    maps = tuple(replace(ref, flags=Flags(VALID, i if each else None, pairs)) for i, ref in enumerate(maps))
    if pairs:
        return maps, (f"{VALID}: obeyed, pairs that are not valid are missing",)
    left_out = numbers(source, VALID) == 0
    if left_out.all():
        raise DataError(f"{VALID}: found no frame that is valid, expected true for what counts; correct the file")
    return maps, (f"{VALID}: obeyed, {left_out.sum()} of {left_out.size} frames not valid and left out",)


def mask_notes(source: Source, n_maps: int, n_t: int) -> tuple[str, ...]:
    """Return a note on a mask that changes nothing.

    Raises
    ------
    DataError
        It is one of frames or pairs.
    """
    if not source.has(MASK):
        return ()
    shape = source.shape(MASK)
    if shape not in _shapes(n_maps, n_t):
        return (f"{MASK}: found shape {shape}, none of frames or pairs: not used",)
    if shape[-2:] != (n_t, n_t) and np.ptp(numbers(source, MASK)) == 0:
        return (f"{MASK}: has one value throughout, nothing is left out",)
    raise DataError(
        f"{MASK}: does not tell whether true means to use or to leave out; store it as {VALID}, true for what counts, "
        "or take it out and give data.mask_frames"
    )


def check_numbers(source: Source) -> None:
    """Refuse numbers of masked frames: some count from 0."""
    if source.has(NUMBERS) and (found := integers(source, NUMBERS)).size:
        raise DataError(
            f"{NUMBERS}: found {list_numbers(np.unique(found))}, which may be counted from 0 or from 1; take it out of "
            "the file and give data.mask_frames, counted from 1"
        )


def frame_weights(source: Source, n_maps: int, n_t: int) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the weights of the frames (n_maps, n_t), None where there are none, and a note on them."""
    names = [name for name in WEIGHTS if source.has(name)]
    if len(names) > 1:
        raise DataError(f"{', '.join(names)}: found both, expected one of them; correct the file")
    if not names:
        return None, ()
    name = names[0]
    weights = as_weight(numbers(source, name).reshape(source.shape(name)), n_maps, n_t, name)
    return weights, (f"{name}: obeyed, frames count from {weights.min():g} to {weights.max():g} in a fit",)


def _shapes(n_maps: int, n_t: int) -> tuple[tuple[int, ...], ...]:
    return (n_t,), (n_maps, n_t), (n_t, n_t), (n_maps, n_t, n_t)
