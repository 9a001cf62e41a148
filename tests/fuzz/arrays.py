"""Arrays that do not belong where they are put: odd values, types and shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from common import ODD_NUMBERS, ODD_TEXTS, Rng, pick
from numpy.typing import NDArray

NUMBER_TYPES = ("i1", "u1", "i2", "<i4", ">i4", "i8", "u8", "f2", "<f4", ">f4", "f8", "g", "?", "c8")


def odd_values(values: NDArray[Any], rng: Rng) -> NDArray[Any]:
    """Return numbers with some, or all, replaced by odd ones; the same kind of array otherwise."""
    with np.errstate(all="ignore"):
        changed = np.array(values, dtype=np.float64)
        if rng.random() < 0.3 or not changed.size:
            changed[...] = pick(rng, ODD_NUMBERS)
        else:
            for _ in range(int(rng.integers(1, 4))):
                changed.flat[int(rng.integers(changed.size))] = pick(rng, ODD_NUMBERS)
        if values.dtype.kind in "iu":
            limits = np.iinfo(values.dtype)
            changed = np.clip(np.nan_to_num(changed), float(limits.min), float(limits.max))
        return changed.astype(values.dtype) if values.dtype.kind in "fiu" else changed


def other_type(values: NDArray[Any], rng: Rng) -> NDArray[Any]:
    """Return numbers as another type."""
    with np.errstate(all="ignore"):
        return np.nan_to_num(values).astype(pick(rng, NUMBER_TYPES))


def other_shape(values: NDArray[Any], rng: Rng) -> NDArray[Any]:
    """Return numbers in another shape."""
    changes: tuple[Callable[[], NDArray[Any]], ...] = (
        lambda: values.ravel(),
        lambda: values[None],
        lambda: values[..., None],
        lambda: values.T,
        lambda: values[:0],
        lambda: values[:-1],
        lambda: np.concatenate([values, values[-1:]]),
        lambda: values[..., :-1],
        lambda: values.ravel()[:1],
        lambda: values.ravel()[0],
        lambda: np.zeros((0, 0), values.dtype),
        lambda: np.broadcast_to(values, (2, *values.shape)).copy(),
        lambda: np.ones((1,) * 32, values.dtype),
        lambda: values[..., ::-1].copy(),
        lambda: np.tile(values, 2),
    )
    try:
        return np.asarray(pick(rng, changes)())
    except (IndexError, ValueError):
        return np.zeros(int(rng.integers(0, 4)), values.dtype)


def no_numbers(rng: Rng) -> Any:
    """Return what is no array of real numbers."""
    return pick(
        rng,
        (
            np.bytes_(b"text"),
            np.array([b"a", b"bc"]),
            np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
            np.array([1 + 2j]),
            np.void(b"\x00\x01\xff"),
            np.zeros(3, dtype=[("r", "f8", (2, 2))]),
            np.array([True, False]),
            np.bytes_(pick(rng, ODD_TEXTS).encode("utf-8", "surrogatepass").replace(b"\0", b"") or b"x"),
        ),
    )
