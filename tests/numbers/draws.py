"""Random parameter vectors inside the bounds and on them, and the settings of measurements that go with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_spec import load_model

type FloatArray = npt.NDArray[np.float64]

N_T = 6
"""Frames of a window: enough for every branch, and one compilation serves all windows."""


class Scene(NamedTuple):
    """Ages `t` (N_T,) in s, `q` in 1/Å, `phi` in degrees, contrast and offset."""

    t: FloatArray
    q: float
    phi: float
    contrast: float
    offset: float


def points(rng: np.random.Generator, n: int) -> FloatArray:
    """Return `n` vectors (n, n_par): a random share of their coordinates on a bound, or next to it, or at a kink."""
    lower, upper = load_model().bounds.T
    shape = (n, lower.size)
    inside = lower + rng.uniform(size=shape) * (upper - lower)
    positive = lower > 0  # amplitudes span decades
    inside[:, positive] = np.exp(rng.uniform(np.log(lower[positive]), np.log(upper[positive]), (n, positive.sum())))
    side = np.where(rng.integers(0, 2, shape), lower, upper)
    beside = np.nextafter(side, lower + upper - side)
    zero = np.clip(0.0, lower, upper)
    special = np.select(
        [rng.integers(0, 4, shape) == k for k in range(3)], [beside, zero + 0 * side, zero + 1e-12], side
    )
    special = np.clip(special, lower, upper)
    # From vectors with no coordinate on a bound to corners of the bounds.
    return np.where(rng.uniform(size=shape) < rng.uniform(size=(n, 1)), special, inside)


def scene(rng: np.random.Generator) -> Scene:
    """Return a random scene: steps from nanoseconds to days, ages up to a year, wavevectors up to 10 1/Å."""
    dt = 10.0 ** rng.uniform(-9, 5)
    first = int(rng.choice([0, 1, 1, 1, 2, 100, 100_000]))
    even = dt * np.arange(first, first + N_T)
    t = even if rng.integers(4) else np.cumsum(10.0 ** rng.uniform(-9, 7, N_T))
    q = float(rng.choice([0.0, 5e-324, 1e-12, 0.0054, 10.0 ** rng.uniform(-4, 1)]))
    phi = float(rng.choice([0.0, 90.0, -90.0, 180.0, -180.0, rng.uniform(-720, 720), 1e9]))
    contrast, offset = (float(rng.choice([*p.bounds, rng.uniform(*p.bounds)])) for p in load_model().scaling)
    return Scene(t, q, phi, contrast, offset)
