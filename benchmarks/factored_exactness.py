"""Normal equations from factored sums against those from all residuals and their dense Jacobian.

Fifty random parameter sets: inside the bounds, at corners of the bounds, with decays of 1e5 over the window, with
thousands of fringes; 3 to 1500 frames, dead frames and excluded diagonals in half of them.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
from table import number, print_table

from heterodyne_data import TwoTimeData
from heterodyne_nlsq.evaluators import choose_evaluator, dense_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_spec import load_config, load_model

Q, PHI = 0.0054, np.array([0.0, 70.0])
FRAMES = (3, 5, 8, 17, 64, 100, 129, 250, 333, 700, 1000, 1500)
KINDS = {"inside the bounds": 20, "corners of the bounds": 12, "decays of 1e5": 9, "thousands of fringes": 9}
NEGLIGIBLE = 1e-30
"""A derivative this much shorter than the map has underflowed: no relative accuracy to speak of."""


def draw(kind: str, rng: np.random.Generator, window: float) -> np.ndarray:
    """Return a parameter vector."""
    parameters = load_model().parameters
    lower, upper = np.array([p.bounds for p in parameters]).T
    names = [p.name for p in parameters]
    corner = kind == "corners of the bounds"
    vector = lower + (upper - lower) * (rng.integers(0, 2, lower.size) if corner else rng.random(lower.size))
    change: dict[str, float] = {}
    if kind == "decays of 1e5":
        change = {"alpha_ref": 0.0, "alpha_sample": 0.0, "D_offset_ref": 0.0, "D_offset_sample": 0.0}
        change |= {"D0_ref": 1e5 / (Q**2 * window), "D0_sample": rng.uniform(1e4, 1e5) / (Q**2 * window)}
    if kind == "thousands of fringes":
        change = {"D0_ref": 100.0, "D0_sample": 100.0, "D_offset_ref": 0.0, "D_offset_sample": 0.0, "beta": 0.0}
        change |= {"alpha_ref": 0.0, "alpha_sample": 0.0, "v0": rng.uniform(2, 8) * 2e3 * np.pi / (Q * window)}
    for name, value in change.items():
        vector[names.index(name)] = value
    return vector


def measurement(n_t: int, window: float, rng: np.random.Generator, spoiled: bool) -> TwoTimeData:
    """Return noise maps: the identities hold for any data."""
    c2 = 1 + 0.2 * rng.random((len(PHI), n_t, n_t))
    c2 = np.triu(c2) + np.triu(c2, 1).transpose(0, 2, 1)
    valid = np.ones((len(PHI), n_t), bool)
    if spoiled and n_t > 8:
        valid[:, rng.integers(0, n_t, n_t // 20 + 1)] = False
    return TwoTimeData(c2=c2, q=Q, phi=PHI, t=window / n_t * np.arange(1, n_t + 1), valid=valid)


def scaling(sums: np.ndarray) -> np.ndarray:
    """Return contrast and offset per angle in closed form."""
    one, m, mm, d, dm = sums.T
    spread = mm * one - m**2
    contrast = (dm * one - d * m) / np.where(spread > 0, spread, 1.0)
    return np.stack([contrast, (d - contrast * m) / one])


def compare(kind: str, n_t: int, seed: int) -> dict[str, float]:
    """Return the largest relative differences of one case."""
    rng = np.random.default_rng(seed)
    window = 10.0 ** rng.uniform(0, 2)
    spoiled = bool(seed % 2)
    config = load_config({"data": {"exclude_diagonals": 3 if spoiled and n_t > 8 else 1}})
    setup = prepare(measurement(n_t, window, rng, spoiled), config)
    vector = draw(kind, rng, window)
    fitted = np.concatenate([vector, rng.uniform(0.1, 0.4, 2), rng.uniform(0.9, 1.1, 2)])
    found, expected = choose_evaluator(setup), dense_evaluator(setup)
    assert found.name == "factored"
    a, b = ([np.asarray(part) for part in path.normal(fitted, path.problem)] for path in (found, expected))
    # Pairs of excluded diagonals are added and taken off again: rounding is measured against all pairs.
    every = dense_evaluator(replace(setup, config=load_config({"data": {"exclude_diagonals": 1}})))
    length = np.sqrt(np.diag(np.asarray(every.normal(fitted, every.problem).matrix)))
    length = np.where(length > NEGLIGIBLE * length[-len(PHI) :].max(), length, np.inf)
    mine, dense = (scaling(np.asarray(p.scaling_sums(vector, p.problem))) for p in (found, expected))
    one, m, mm, *_ = np.asarray(expected.scaling_sums(vector, expected.problem)).T
    all_mm = np.asarray(every.scaling_sums(vector, every.problem))[:, 2]
    flat = bool(np.any(mm - m**2 / one < 1e-6 * all_mm))
    return {
        "cost": abs(a[0] - b[0]) / b[0],
        "gradient": float(np.max(np.abs(a[1] - b[1]) / (length * np.sqrt(2 * b[0])))),
        "matrix": float(np.max(np.abs(a[2] - b[2]) / np.outer(length, length))),
        "scaling": 0.0 if flat else float(np.max(np.abs(mine - dense) / np.maximum(np.abs(dense), 1.0))),
        "flat": float(flat),
    }


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_x64", True)
    rows = []
    case = 0
    for kind, count in KINDS.items():
        found = []
        for _ in range(count):
            found.append(compare(kind, FRAMES[case % len(FRAMES)], case))
            case += 1
        worst = [number(max(f[name] for f in found)) for name in ("cost", "gradient", "matrix", "scaling")]
        rows.append([kind, str(count), *worst, str(int(sum(f["flat"] for f in found)))])
    print_table(
        "Factored against dense normal equations: worst difference of any entry",
        ["parameters", "sets", "cost", "gradient", "matrix", "contrast, offset", "flat maps"],
        rows,
        [
            f"Frames {', '.join(map(str, FRAMES))} in turn. Cost, contrast and offset relative (to 1 where they are "
            "smaller), these where the model's map is not flat: varies by more than 1e-3 of its size. Gradient and "
            "matrix in units of the lengths of the two vectors multiplied, over all pairs of frames."
        ],
    )


if __name__ == "__main__":
    main()
