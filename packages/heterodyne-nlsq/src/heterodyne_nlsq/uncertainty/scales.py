"""The noise of a map by its scale in time: Haar details of blocks of frames, measured and expected.

White noise has the same mean square in every detail; noise that frames share grows with the size of the blocks, up to
the time over which they share it. That tells the two apart where neighbouring entries alone could not: what matters
for the parameters is the noise at long times, of which white noise has little in a large block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]


_PAIRS, _FRAMES = 64, 2048
"""Pairs of blocks per scale over which the expectation is taken: so many at least, and so many frames of them."""


class Details(NamedTuple):
    """Mean squares of the details (n_scale, 3), along rows, along columns and along both, and how many."""

    square: FloatArray
    number: FloatArray


def n_scales(n_t: int) -> int:
    """Return how many times frames can be joined in pairs while two blocks remain beside each other."""
    return max(int(np.log2(max(n_t, 1))) - 1, 0)


def _pairs(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return sums and differences, over √2, of neighbours along the first axis; an odd last one is left out."""
    even, odd = values[0 : len(values) // 2 * 2 : 2], values[1::2]
    return (even + odd) / np.sqrt(2), (even - odd) / np.sqrt(2)


def _beside(n_block: int, width: int, n_near: int) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]:
    """Return the pairs of blocks, `width` frames wide, all of whose frames are at least `n_near` apart."""
    first, second = np.triu_indices(n_block, 1)
    apart = (second - first - 1) * width + 1 >= n_near
    return first[apart], second[apart]


def measured_details(residual: npt.NDArray[np.floating], n_near: int) -> Details:
    """Return the details of the upper triangle of residuals (n_t, n_t), pairs closer than `n_near` left out."""
    approximation = np.asarray(residual, np.float64)
    square, number = [], []
    for scale in range(n_scales(len(residual))):
        low, high = _pairs(approximation)
        both = [_pairs(part.T) for part in (low, high)]
        approximation = both[0][0].T
        at = _beside(len(approximation), 2 ** (scale + 1), n_near)
        along_columns, along_rows, along_both = both[0][1].T, both[1][0].T, both[1][1].T
        square.append(
            [np.mean(part[at] ** 2) if at[0].size else 0.0 for part in (along_rows, along_columns, along_both)]
        )
        number.append(at[0].size)
    return Details(np.array(square).reshape(-1, 3), np.array(number, float))


class Expected(NamedTuple):
    """Mean squares of the details (n_scale, 3) of one pixel: of its speckle, of what a photon's noise of unit variance
    makes of it, and of the product of two such noises; white noise of unit variance has 1 everywhere.
    """

    speckle: FloatArray
    mixed: FloatArray
    photons: FloatArray


class Blocks(NamedTuple):
    """Some pairs of blocks of one scale, `width` frames wide, and what Γ makes of vectors in them.

    `first` and `second` (n_pair,) number the blocks; the rest, (n_pair, width), are Σ_b Γ_ab times the pattern of the
    second block, even or alternating in its halves, for every frame a of the first, and the same the other way round.
    `mean` is that of Γ over all.
    """

    width: int
    first: npt.NDArray[np.int_]
    second: npt.NDArray[np.int_]
    even_to_first: FloatArray
    odd_to_first: FloatArray
    even_to_second: FloatArray
    odd_to_second: FloatArray
    mean: float


def _patterns(width: int) -> tuple[FloatArray, FloatArray]:
    """Return the even and the odd pattern of a block, each of unit length."""
    even = np.full(width, 1 / np.sqrt(width))
    return even, np.where(np.arange(width) < width // 2, even, -even)


def _spread(i: npt.NDArray[np.int_], j: npt.NDArray[np.int_], most: int) -> npt.NDArray[np.int_]:
    """Return positions of at most so many pairs of blocks, evenly over their distances and ages."""
    order = np.lexsort((i, j - i))
    number = min(i.size, most)
    return order[((np.arange(number) + 0.5) * i.size / max(number, 1)).astype(int)]


def make_blocks(correlation: npt.NDArray[np.floating], frames: npt.NDArray[np.int_], n_near: int) -> list[Blocks]:
    """Return pairs of blocks of all scales for `frames` (n_used,) of maps with Γ = `correlation` (n_t, n_t)."""
    found = []
    for scale in range(n_scales(len(frames))):
        width = 2 ** (scale + 1)
        i, j = _beside(len(frames) // width, width, n_near)
        some = _spread(i, j, max(_PAIRS, _FRAMES // width))
        i, j = i[some], j[some]
        inside = np.arange(width)
        gamma = correlation[
            frames[i[:, None] * width + inside][:, :, None], frames[j[:, None] * width + inside][:, None, :]
        ].astype(np.float64)
        even, odd = _patterns(width)
        mean = float(gamma.mean()) if gamma.size else 0.0
        found.append(Blocks(width, i, j, gamma @ even, gamma @ odd, even @ gamma, odd @ gamma, mean))
    return found


def expected_details(fluctuation: FloatArray, blocks: list[Blocks]) -> Expected:
    """Return what pixels with intensity 1 + fluctuation (n_used, n_pixel) make of the details.

    One pixel adds δ_i δ_j - Γ_ij (1 + δ_i + δ_j) to c2_ij; the terms with Γ come from the division by mean
    intensities. A photon's noise e, of variance 1 + δ, adds e_i (δ_j - Γ_ij) + (δ_i - Γ_ij) e_j, and e_i e_j, whose
    variance is 1 + Γ_ij.
    """
    of_scales = [_of_scale(fluctuation, b) for b in blocks]
    speckle, mixed = (np.array([part[k] for part in of_scales]).reshape(-1, 3) for k in (0, 1))
    return Expected(speckle, mixed, np.outer([1 + b.mean for b in blocks], np.ones(3)))


def _of_scale(fluctuation: FloatArray, b: Blocks) -> tuple[list[float], list[float]]:
    if b.first.size == 0:
        return [0.0] * 3, [0.0] * 3
    even, odd = _patterns(b.width)
    whole = len(fluctuation) // b.width * b.width
    cut = fluctuation[:whole].reshape(-1, b.width, fluctuation.shape[1])
    one, two = cut[b.first], cut[b.second]
    patterns = {"even": even, "odd": odd}
    to_first = {"even": b.even_to_first, "odd": b.odd_to_first}
    to_second = {"even": b.even_to_second, "odd": b.odd_to_second}
    sums = {(n, k): np.einsum("w,pwx->px", p, half) for n, p in patterns.items() for k, half in ((1, one), (2, two))}
    light_one, light_two = (1 + sums["even", k] / np.sqrt(b.width) for k in (1, 2))
    speckle, mixed = [], []
    for of_one, of_two in (("odd", "even"), ("even", "odd"), ("odd", "odd")):
        linear = np.einsum("pw,pwx->px", patterns[of_one] * to_first[of_two], one)
        linear += np.einsum("pw,pwx->px", patterns[of_two] * to_second[of_one], two)
        detail = sums[of_one, 1] * sums[of_two, 2] - linear
        # Its mean is the detail of Γ itself, which the residuals do not have.
        speckle.append(float(np.mean(np.var(detail, axis=1))))
        in_one = (sums[of_two, 2] - to_first[of_two].mean(axis=1, keepdims=True)) ** 2
        in_two = (sums[of_one, 1] - to_second[of_one].mean(axis=1, keepdims=True)) ** 2
        mixed.append(float(np.mean(light_one * in_one + light_two * in_two)))
    return speckle, mixed
