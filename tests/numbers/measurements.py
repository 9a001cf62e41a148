"""Small measurements for random fits: sound ones, and ones with values that no detector should give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heterodyne_data import save_data
from heterodyne_nlsq import Experiment, simulate
from heterodyne_spec import load_model

type Maps = npt.NDArray[np.float64]

Q, DT, ANGLES = 0.0054, 0.1, (0.0, 40.0, 90.0)
SIZES = ((1, 8), (2, 16), (3, 24), (1, 24), (3, 3), (1, 4))
"""Azimuths and frames."""

TRUTH = {"D0_ref": 1500.0, "D0_sample": 9000.0, "v0": 700.0, "f0": 0.3, "f1": -0.15, "f3": 0.3}


@dataclass(frozen=True)
class Measurement:
    """A file of maps, with what a configuration can choose from it."""

    path: Path
    phi: tuple[float, ...]
    n_t: int


def sound(folder: Path) -> list[Measurement]:
    """Write simulated measurements of every size into `folder` and return them."""
    found = []
    for n_phi, n_t in SIZES:
        path = folder / f"sound_{n_phi}x{n_t}.h5"
        save_data(path, simulate(_experiment(n_phi, n_t)))
        found.append(Measurement(path, ANGLES[:n_phi], n_t))
    return found


def _experiment(n_phi: int, n_t: int, noise: str = "speckle") -> Experiment:
    parameters = {**{p.name: p.default for p in load_model().parameters}, **TRUTH}
    return Experiment(parameters, Q, ANGLES[:n_phi], n_t, DT, noise, noise_sd=3e-3, dead_frames=(n_t,) * (n_t > 20))


def hostile(folder: Path) -> list[Measurement]:
    """Write measurements of two azimuths and 16 frames with hostile values and return them, one per kind."""
    found = []
    for name, maps in hostile_maps():
        path = folder / f"{name.replace(' ', '_')}.npz"
        # Not `save_data`: a program that writes such maps does not check them either.
        np.savez(path, c2=maps, q=Q, phi=np.array(ANGLES[:2]), t=DT * np.arange(1, 17))
        found.append(Measurement(path, ANGLES[:2], 16))
    return found


def hostile_maps() -> Iterator[tuple[str, Maps]]:
    """Yield the kinds by name with their maps (2, 16, 16)."""
    c2 = np.asarray(simulate(_experiment(2, 16)).c2, float)
    exact = np.asarray(simulate(_experiment(2, 16, "none")).c2, float)
    whole: dict[str, Callable[[], Maps]] = {
        "constant": lambda: np.full_like(c2, 1.2),
        "constant one": lambda: np.ones_like(c2),
        "zeros": lambda: np.zeros_like(c2),
        "all NaN": lambda: np.full_like(c2, np.nan),
        "all infinite": lambda: np.full_like(c2, np.inf),
        "without noise": lambda: exact,
        "one pair": lambda: _only(c2, [(2, 9)]),
        "two pairs": lambda: _only(c2, [(2, 9), (3, 11)]),
        "one frame with all others": lambda: _only(c2, [(4, j) for j in range(16) if j != 4]),
        "every second NaN": lambda: np.where(np.add.outer(np.arange(16), np.arange(16)) % 2, c2, np.nan),
        "infinite entries": lambda: _at(c2, [(1, 2), (5, 9)], np.inf),
        "minus infinite entries": lambda: _at(c2, [(1, 2), (5, 9)], -np.inf),
        "negative": lambda: -c2,
        "below zero at places": lambda: c2 - 1.1,
        "contrast zero": lambda: 1.0 + 1e-3 * _noise(c2.shape),
        "contrast below zero": lambda: 2.0 - c2,
        "baseline zero": lambda: c2 - 1.0,
        "one spike": lambda: _at(c2, [(3, 8)], 1e30),
        "spikes": lambda: _at(c2, [(3, 8), (2, 12)], 1e200),
        "first azimuth of zeros": lambda: np.stack([np.zeros_like(c2[0]), c2[1]]),
        "first azimuth constant": lambda: np.stack([np.ones_like(c2[0]), c2[1]]),
        "azimuths of other scales": lambda: np.stack([1e-8 * c2[0], 1e8 * c2[1]]),
        "smallest numbers": lambda: np.full_like(c2, 5e-324),
        "largest numbers": lambda: np.full_like(c2, np.finfo(float).max),
        "random": lambda: _noise(c2.shape),
        "random of all scales": lambda: np.exp(200 * _noise(c2.shape)),
    }
    yield from ((name, make()) for name, make in whole.items())
    for power in (-300, -150, -30, -6, 6, 30, 150, 300):
        yield f"times 1e{power}", 10.0**power * c2


def _noise(shape: tuple[int, ...]) -> Maps:
    drawn = np.triu(np.random.default_rng(0).normal(size=shape))
    return np.asarray(drawn + np.swapaxes(np.triu(drawn, 1), 1, 2))


def _at(c2: Maps, pairs: list[tuple[int, int]], value: float) -> Maps:
    changed = c2.copy()
    for i, j in pairs:
        changed[:, i, j] = changed[:, j, i] = value
    return changed


def _only(c2: Maps, pairs: list[tuple[int, int]]) -> Maps:
    left = np.full_like(c2, np.nan)
    for i, j in pairs:
        left[:, i, j] = left[:, j, i] = c2[:, i, j]
    return left
