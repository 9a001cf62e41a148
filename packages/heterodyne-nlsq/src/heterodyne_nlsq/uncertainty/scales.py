"""Noise of a map by time scale: measured and expected Haar details of blocks of frames.

White noise has the same mean square in every detail; correlated noise increases with the size of the blocks, up to the
correlation time. This distinguishes the two, which neighbouring entries alone cannot: the parameters depend on the
noise at long times, to which white noise contributes little in large blocks.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]
type Floats = npt.NDArray[np.floating]


N_AGES = 3
"""Parts of equal length of a measurement, by age, in which details are compared with what is expected there."""

_PAIRS, _FRAMES = 64, 2048
"""Pairs of blocks per scale over which the expectation is taken: so many at least, and so many frames of them."""


_ENTRIES = 2**18
"""Entries of a map that are taken at once for them: the large blocks of a long measurement are a map in size."""

_AT_ONCE = 256
"""Pairs of blocks over which the expectation is taken at once."""


_FINE = 2
"""Number of scales whose details are not kept: they are almost as many as pairs, and show little but white noise."""


class Details(NamedTuple):
    """Mean squares of the details (n_scale, 3), along rows, along columns and along both, and how many.

    `each` has the details of every scale themselves, (3, n_block, n_block), 0 below the diagonal; those of the `_FINE`
    finest scales are empty.
    """

    square: FloatArray
    number: FloatArray
    each: tuple[npt.NDArray[np.float32], ...] = ()


def n_scales(n_t: int) -> int:
    """Return how many times frames can be joined in pairs while two blocks remain beside each other."""
    return max(int(np.log2(max(n_t, 1))) - 1, 0)


def _pairs(values: Floats) -> tuple[Floats, Floats]:
    """Return sums and differences, over √2, of neighbours along the first axis; an odd last one is left out."""
    even, odd = values[0 : len(values) // 2 * 2 : 2], values[1::2]
    return (even + odd) / math.sqrt(2), (even - odd) / math.sqrt(2)


def _nearest(width: int, n_near: int) -> int:
    """Return how many blocks apart, `width` frames wide, all frames of two blocks are at least `n_near` apart."""
    return max(1 + -(-(n_near - 1) // width), 1)


type Cut = Callable[[slice, slice], Floats]
"""Rows and columns -> that part of a map, so that large ones need not be formed whole."""


def measured_details(cut: Cut, n_t: int, n_near: int) -> Details:
    """Return the details of the upper triangle of residuals (n_t, n_t), pairs closer than `n_near` left out."""
    square, number, each = [], [], []
    for scale in range(n_scales(n_t)):
        n_block, width = n_t // 2 ** (scale + 1), 2 ** (scale + 1)
        apart = _nearest(width, n_near)
        counted = max(n_block - apart, 0) * max(n_block - apart + 1, 0) // 2
        kept = np.zeros((3, n_block, n_block) if scale >= _FINE else 0, np.float32)
        found, approximation = _of_scale(cut, n_block, apart, kept)
        cut = functools.partial(cut_of, approximation)
        square.append(found / max(counted, 1))
        number.append(counted)
        each.append(kept)
    return Details(np.array(square).reshape(-1, 3), np.array(number, float), tuple(each))


def cut_of(values: Floats, rows: slice, columns: slice) -> Floats:
    """Return a part of an array (n, n)."""
    return values[rows, columns]


_ROWS = 256
"""Number of rows of blocks whose details are formed at once, so that large maps are not copied whole."""


def _of_scale(cut: Cut, n_block: int, apart: int, kept: npt.NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Return the sums of squared details, (3,), of blocks j ≥ i + `apart`, and the sums of all blocks, over 2.

    The details are written to `kept` (3, n_block, n_block) unless it is empty.
    """
    squares = np.zeros(3)
    # Not empty: what an array happens to hold may be NaN, of which sums of the next scale warn.
    sums = np.zeros((n_block, n_block))
    for first in range(0, n_block, _ROWS):
        last = min(first + _ROWS, n_block)
        # Below the diagonal nothing is needed.
        rows = cut(slice(2 * first, 2 * last), slice(2 * first, 2 * n_block)).astype(np.float64)
        low, high = (one.T for one in _pairs(rows))
        (both_low, along_columns), (along_rows, both_high) = _pairs(low), _pairs(high)
        sums[first:last, first:] = both_low.T
        for k, part in enumerate((along_rows, along_columns, both_high)):
            upper = np.triu(part.T, apart)
            squares[k] += np.vdot(upper, upper)
            if kept.size:
                kept[k, first:last, first:] = upper
    return squares, sums


class Expected(NamedTuple):
    """Mean squares of the details (n_scale, 3) of one pixel: of its speckle, of its speckle times photon noise of unit
    variance, and of the product of two such noises; white noise of unit variance has 1 everywhere. `alike` is the mean
    squared correlation of the speckle's details at two different pairs of blocks; its inverse is the largest effective
    number of pairs in a mean square.
    """

    speckle: FloatArray
    mixed: FloatArray
    photons: FloatArray
    alike: FloatArray


def age_of(first: npt.NDArray[np.int_], second: npt.NDArray[np.int_], n_block: int) -> npt.NDArray[np.int_]:
    """Return in which of the `N_AGES` parts pairs of blocks (n_pair,) are by their mean age, (n_pair,)."""
    return np.asarray((first + second) * N_AGES // (2 * n_block - 1))


class Blocks(NamedTuple):
    """Some pairs of blocks of one scale, `width` frames wide, and what Γ makes of vectors in them.

    `first` and `second` (n_pair,) number the blocks, `age` (n_pair,) is that of `age_of`; `to_first` (2, n_pair, width)
    is Σ_b Γ_ab times a pattern of the second block, even or alternating in its halves, for every frame a of the first,
    `to_second` the same the other way round. `mean` (n_pair,) is that of Γ.
    """

    width: int
    first: npt.NDArray[np.int_]
    second: npt.NDArray[np.int_]
    age: npt.NDArray[np.int_]
    to_first: FloatArray
    to_second: FloatArray
    mean: FloatArray


def _patterns(width: int) -> FloatArray:
    """Return the even and the odd pattern of a block, (2, width), each of unit length."""
    even = np.full(width, 1 / np.sqrt(width))
    return np.stack([even, np.where(np.arange(width) < width // 2, even, -even)])


_OF_FIRST, _OF_SECOND = [1, 0, 1], [0, 1, 1]
"""Patterns, even 0 and odd 1, of the two blocks in the details along rows, along columns and along both."""


def _spread(n_block: int, apart: int, most: int) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]:
    """Return at most so many pairs of blocks at least `apart`, evenly over their distances and ages."""
    lags = np.arange(apart, n_block)
    ends = np.cumsum(n_block - lags)
    total = int(ends[-1]) if lags.size else 0
    number = min(total, most)
    # Ordered by distance, then by age.
    chosen = ((np.arange(number) + 0.5) * total / max(number, 1)).astype(int)
    k = np.searchsorted(ends, chosen, side="right")
    first = chosen - (ends - (n_block - lags))[k]
    return first, first + lags[k]


def make_blocks(
    fitted: npt.NDArray[np.floating], offset: float, frames: npt.NDArray[np.int_], n_near: int
) -> list[Blocks]:
    """Return pairs of blocks of all scales for `frames` (n_used,) of maps with Γ = `fitted` (n_t, n_t) - `offset`."""
    found = []
    for scale in range(n_scales(len(frames))):
        width = 2 ** (scale + 1)
        n_block = len(frames) // width
        i, j = _spread(n_block, _nearest(width, n_near), max(_PAIRS, _FRAMES // width))
        found.append(Blocks(width, i, j, age_of(i, j, n_block), *_products(fitted, offset, frames, width, i, j)))
    return found


def _products(
    fitted: npt.NDArray[np.floating],
    offset: float,
    frames: npt.NDArray[np.int_],
    width: int,
    first: npt.NDArray[np.int_],
    second: npt.NDArray[np.int_],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return `to_first`, `to_second` and the mean of Γ of pairs of blocks."""
    patterns, inside = _patterns(width), np.arange(width)
    to_first, to_second = np.zeros((2, 2, first.size, width))
    mean, at_once = np.zeros(first.size), max(_ENTRIES // width**2, 1)
    for k in range(0, first.size, at_once):
        some = slice(k, k + at_once)
        rows, columns = (frames[blocks[some, None] * width + inside] for blocks in (first, second))
        gamma = fitted[rows[:, :, None], columns[:, None, :]].astype(np.float64)
        gamma -= offset
        mean[some] = gamma.mean(axis=(1, 2))
        for n, pattern in enumerate(patterns):
            to_first[n, some], to_second[n, some] = gamma @ pattern, pattern @ gamma
    return to_first, to_second, mean


def expected_details(fluctuation: Floats, blocks: list[Blocks]) -> list[Expected]:
    """Return what pixels with intensity 1 + fluctuation (n_used, n_pixel) make of the details: of all, and of those of
    every age; the latter are 0 where a scale has none.

    One pixel adds δ_i δ_j - Γ_ij (1 + δ_i + δ_j) to c2_ij; the terms with Γ come from the division by mean
    intensities. A photon's noise e, of variance 1 + δ, adds e_i (δ_j - Γ_ij) + (δ_i - Γ_ij) e_j, and e_i e_j, whose
    variance is 1 + Γ_ij. Computed in the precision of the fluctuation.
    """
    found, approximation = [], fluctuation
    for b in blocks:
        b = b._replace(to_first=b.to_first.astype(fluctuation.dtype), to_second=b.to_second.astype(fluctuation.dtype))
        approximation, detail = _pairs(approximation)
        sums, portions = np.stack([approximation, detail]), list(_portions(b))
        of_portions = [_of_pairs(fluctuation, sums, portion) for portion in portions]
        found.append(np.average(of_portions, axis=0, weights=[max(portion.first.size, 1) for portion in portions]))
    return [Expected(*of_age) for of_age in np.moveaxis(np.reshape(found, (-1, 1 + N_AGES, 4, 3)), 0, 2)]


def _portions(b: Blocks) -> Iterator[Blocks]:
    """Yield the pairs of blocks in portions: what one needs fits into the processor's own memory."""
    for k in range(0, max(b.first.size, 1), _AT_ONCE):
        some = slice(k, k + _AT_ONCE)
        yield b._replace(
            first=b.first[some],
            second=b.second[some],
            age=b.age[some],
            to_first=b.to_first[:, some],
            to_second=b.to_second[:, some],
            mean=b.mean[some],
        )


def _of_pairs(fluctuation: Floats, sums: Floats, b: Blocks) -> FloatArray:
    """Return the fields of `Expected`, (1 + N_AGES, 4, 3), for the three details of all pairs and those of every age.

    `sums` (2, n_block, n_pixel) are those of the fluctuation over the patterns of every block.
    """
    if b.first.size == 0:
        return np.zeros((1 + N_AGES, 4, 3))
    one, two, linear = sums[:, b.first], sums[:, b.second], _linear(fluctuation, b)
    patterns = zip(_OF_FIRST, _OF_SECOND, strict=True)
    details = np.stack([one[f] * two[s] - linear[:, k] for k, (f, s) in enumerate(patterns)])
    light_one, light_two = (1 + even / math.sqrt(b.width) for even in (one[0], two[0]))
    # Photon noise of the first block times speckle of the second, and vice versa.
    in_one = np.array([_seen(light_one, part, gamma) for part, gamma in zip(two, b.to_first, strict=True)])
    in_two = np.array([_seen(light_two, part, gamma) for part, gamma in zip(one, b.to_second, strict=True)])
    # The mean of a detail is that of Γ, which residuals lack.
    speckle = np.vecdot(details, details) / details.shape[2] - details.mean(axis=2) ** 2
    of_pairs = np.stack([speckle, in_one[_OF_SECOND] + in_two[_OF_FIRST], np.broadcast_to(1 + b.mean, speckle.shape)])
    found = np.zeros((1 + N_AGES, 4, 3))
    for k, those in enumerate([np.ones(b.age.size, bool), *(b.age == age for age in range(N_AGES))]):
        if those.any():
            found[k, :3] = of_pairs[:, :, those].mean(axis=2)
            found[k, 3] = [_alike(detail[those]) for detail in details]
    return found


def _linear(fluctuation: Floats, b: Blocks) -> Floats:
    """Return the terms with Γ of the details, (n_pair, 3, n_pixel)."""
    patterns = _patterns(b.width)
    of_one = np.moveaxis(patterns[_OF_FIRST, None] * b.to_first[_OF_SECOND], 0, 1)
    of_two = np.moveaxis(patterns[_OF_SECOND, None] * b.to_second[_OF_FIRST], 0, 1)
    whole = len(fluctuation) // b.width * b.width
    cut = fluctuation[:whole].reshape(-1, b.width, fluctuation.shape[1])
    return np.asarray(of_one.astype(cut.dtype) @ cut[b.first] + of_two.astype(cut.dtype) @ cut[b.second])


_COMPARED = 64
"""Pairs of blocks of a scale whose details are compared with each other."""


def _alike(detail: Floats) -> float:
    """Return the mean squared correlation between different rows of (n_pair, n_pixel), chance taken off."""
    chosen = detail[:: max(len(detail) // _COMPARED, 1)][:_COMPARED]
    apart = chosen - chosen.mean(axis=1, keepdims=True)
    length = np.sqrt(np.vecdot(apart, apart))
    # What does not fluctuate, at ages without contrast, is not correlated.
    length[length == 0] = np.inf
    correlation = (apart @ apart.T) / np.outer(length, length)
    number = len(chosen)
    if number < 2:
        return 0.0
    mean = (float(np.sum(correlation**2)) - number) / (number * (number - 1))
    return max(mean - 1 / detail.shape[1], 0.0)


def _seen(light: Floats, sums: Floats, gamma: Floats) -> Floats:
    """Return the mean squares (n_pair,) of noise of variance `light` times `sums` less their Γ, all (n_pair, n_pixel)
    or wide."""
    apart = sums - gamma.mean(axis=1, keepdims=True)
    return np.asarray(np.vecdot(light * apart, apart) / apart.shape[1])
