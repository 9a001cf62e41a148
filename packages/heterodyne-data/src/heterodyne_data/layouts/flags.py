"""Arrays beside the maps that select frames or pairs: valid and weight are applied, others noted or refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.contents import Flags, MapRef, check_flags, not_flags
from heterodyne_data.layouts.base import integers, numbers
from heterodyne_data.layouts.beside import MASK, VALID, VALID_FRAMES, WEIGHTS, arrays, may_count, named, of_pixels
from heterodyne_data.source import Source
from heterodyne_data.two_time import as_weight
from heterodyne_spec import DataError, list_numbers


class Flagged(NamedTuple):
    """Maps with their flags, weights of the frames (n, N) or None, and notes."""

    maps: tuple[MapRef, ...]
    weights: NDArray[np.float64] | None
    notes: tuple[str, ...]


def flagged(source: Source, maps: tuple[MapRef, ...], n_t: int) -> Flagged:
    """Return the maps of one stack of n maps of `n_t` frames as the arrays beside them say, or refuse these."""
    check_others(source, len(maps), n_t)
    maps, valid_notes = with_valid(source, maps, n_t)
    weights, weight_notes = frame_weights(source, len(maps), n_t)
    return Flagged(maps, weights, (*valid_notes, *mask_notes(source, len(maps), n_t), *weight_notes))


def with_valid(source: Source, maps: tuple[MapRef, ...], n_t: int) -> tuple[tuple[MapRef, ...], tuple[str, ...]]:
    """Return the maps with their flags, and a note on these.

    True, or 1, for frames (N,) or (n, N), or pairs (N, N) or (n, N, N), that are valid.
    """
    key = valid_key(source)
    if key is None:
        return maps, ()
    shape, dtype, n_maps = flat(source.shape(key)), source.dtype(key), len(maps)
    if shape not in _shapes(n_maps, n_t) or (shape == (n_t, n_t) and n_maps == n_t):
        raise DataError(
            f"{key}: found shape {shape}, expected ({n_t},) or ({n_maps}, {n_t}) for frames, or "
            f"({n_maps}, {n_t}, {n_t}) for pairs; correct the file"
        )
    pairs, each = shape[-2:] == (n_t, n_t), len(shape) > 1 and shape[0] == n_maps
    # Flags of pairs are as large as the maps: they are checked when they are read.
    if dtype.kind not in "biu" and (pairs or not np.isin(numbers(source, key), (0, 1)).all()):
        raise DataError(not_flags(key, f"{dtype} values"))
    values = None if pairs else check_flags(key, numbers(source, key)).reshape(shape) != 0
    maps = tuple(replace(ref, flags=Flags(key, i if each else None, pairs, values)) for i, ref in enumerate(maps))
    if pairs:
        return maps, (f"{key}: applied, invalid pairs are treated as missing",)
    left_out = numbers(source, key) == 0
    if left_out.all():
        raise DataError(f"{key}: found no valid frame, expected true for valid frames; correct the file")
    return maps, (f"{key}: applied, {left_out.sum()} of {left_out.size} frames invalid and left out",)


def mask_notes(source: Source, n_maps: int, n_t: int) -> tuple[str, ...]:
    """Return a note on a mask without effect: some programs mark used entries as true, others excluded ones.

    Raises
    ------
    DataError
        It is one of frames or pairs.
    """
    if not source.has(MASK):
        return ()
    shape = flat(source.shape(MASK))
    if shape not in _shapes(n_maps, n_t):
        return (f"{MASK}: found shape {shape}, neither of frames nor of pairs: not used",)
    if shape[-2:] != (n_t, n_t) and np.ptp(numbers(source, MASK)) == 0:
        return (f"{MASK}: has a single value, nothing is left out",)
    raise DataError(
        f"{MASK}: unclear whether true means used or left out; store it as {VALID}, true for what is used, "
        "or remove it and give data.mask_frames"
    )


def valid_key(source: Source) -> str | None:
    """Return the name of the field with the flags of validity; lists of frame numbers do not count as such."""
    if (key := named(source, VALID)) is not None:
        return key
    key = named(source, VALID_FRAMES)
    return key if key is not None and source.dtype(key).kind == "b" else None


def weight_keys(source: Source) -> list[str]:
    """Return the names of the fields that hold weights of the frames."""
    return [key for name in WEIGHTS if (key := named(source, name)) is not None]


def said_of(source: Source) -> tuple[str, ...]:
    """Return the names of the fields that select frames and have a note."""
    names = (valid_key(source), MASK if source.has(MASK) else None, *weight_keys(source))
    return tuple(name for name in names if name is not None)


def check_others(source: Source, n_maps: int, n_t: int) -> None:
    """Refuse fields that may select frames but have an unknown name or form: some count from 0."""
    said = said_of(source)
    for name in arrays(source):
        flags = source.dtype(name).kind == "b" and flat(source.shape(name)) in _shapes(n_maps, n_t)
        named_so = may_count(name) or (flags and not of_pixels(name))
        if name in said or not named_so or not _tells(source, name, n_maps, n_t):
            continue
        shape = flat(source.shape(name))
        few = source.dtype(name).kind in "iuf" and len(shape) <= 1 and shape != (n_t,)
        if few and "weight" not in name.casefold():
            raise DataError(
                f"{name}: found {list_numbers(np.unique(integers(source, name)))}, which may be counted from 0 or from "
                "1; remove it from the file and give data.mask_frames, counted from 1"
            )
        raise DataError(
            f"{name}: may select frames, but is not read under this name; store it as {VALID}, true for what is "
            "used, or as weight, or remove it and give data.mask_frames or data.frame_weights"
        )


def _tells(source: Source, name: str, n_maps: int, n_t: int) -> bool:
    """Return whether a field with the name of one that selects frames may be one, and would have an effect."""
    shape, kind = flat(source.shape(name)), source.dtype(name).kind
    if kind not in "fiub":
        return any(re.search("[0-9]", text) for text in source.texts(name))
    if shape in _shapes(n_maps, n_t):
        # Weights of 1 and masks of one value leave nothing out.
        return shape[-2:] == (n_t, n_t) or bool(np.ptp(numbers(source, name)) != 0)
    numbered = kind in "iuf" and len(shape) == 1 and 0 < shape[0] <= n_t
    single = shape == () and kind in "iu" and not {"weight", "valid"} & {*re.findall("weight|valid", name.casefold())}
    return numbered or single


def frame_weights(source: Source, n_maps: int, n_t: int) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the weights of the frames (n_maps, n_t), None where there are none, and a note on them."""
    names = weight_keys(source)
    if len(names) > 1:
        raise DataError(f"{', '.join(names)}: found both, expected only one; correct the file")
    if not names:
        return None, ()
    name = names[0]
    weights = as_weight(numbers(source, name).reshape(flat(source.shape(name))), n_maps, n_t, name)
    return weights, (f"{name}: applied, weights of the frames from {weights.min():g} to {weights.max():g}",)


def flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a field, of a row or a column as a vector: programs without vectors store these."""
    one_line = len(shape) == 2 and 1 in shape and shape != (1, 1)
    return (shape[0] * shape[1],) if one_line else shape


def _shapes(n_maps: int, n_t: int) -> tuple[tuple[int, ...], ...]:
    return (n_t,), (n_maps, n_t), (n_t, n_t), (n_maps, n_t, n_t)
