"""Power: how often a feature is found while it fades, in one standard experiment of 3 angles and 150 frames.

Part `power` of ``evidence.py``. In every sweep one thing gets weaker in eight steps, down to nothing: the fringes (v0),
the sample (x), the ageing (all exponents), the contrast (white noise: the contrast itself; speckle: light that does not
interfere takes the place of the scattering, at the same number of photons).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from claims import claimed, fit_from, sizes, timed_fit
from table import number, print_table

type FloatArray = npt.NDArray[np.float64]
type Row = dict[str, Any]

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "evidence_power.png"

Q, DT, N_T = 0.0054, 0.1, 150
PHI = np.array([0.0, 45.0, 90.0])
CONTRAST, NOISE = 0.2, 0.2
"""Contrast, and standard deviation of the white noise of a pair."""

PIXELS, MODES, PHOTONS = 3000, 5, 0.3
LAWS = {"D0_ref": 3000.0, "alpha_ref": 0.2, "D0_sample": 15000.0, "alpha_sample": -0.2, "v0": 400.0, "beta": -0.3}
FRACTION = {"f3": 0.5}
NOISES = ("white", "speckle")


class Sweep(NamedTuple):
    """What fades: parameters of `LAWS` and `FRACTION` times a level (none: the contrast), and what is looked for."""

    names: tuple[str, ...]
    features: tuple[str, ...]
    levels: tuple[float, ...]


EXPONENTS = ("alpha_ref", "alpha_sample", "beta")
SWEEPS = {
    "fringes": Sweep(("v0",), ("flow",), (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.1, 0.0)),
    "fraction": Sweep(("f3",), ("two_components", "flow"), (1.0, 0.7, 0.5, 0.35, 0.25, 0.12, 0.05, 0.0)),
    "exponents": Sweep(EXPONENTS, ("ageing",), (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.07, 0.0)),
    "contrast": Sweep((), ("contrast", "dynamics"), (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.07, 0.0)),
}
N_CELLS = sum(len(sweep.levels) for sweep in SWEEPS.values()) * len(NOISES)


def case(seed: int) -> Row:
    """Make and fit one measurement: sweeps, noises and levels take turns with the seed."""
    cells = [(name, noise, level) for name, sweep in SWEEPS.items() for noise in NOISES for level in sweep.levels]
    name, noise, level = cells[seed % N_CELLS]
    data, truth, contrast = measurement(name, noise, level, seed)
    result, spent = timed_fit(data)
    size = sizes(truth, fit_from(data, truth), np.full(PHI.size, contrast))
    if level == 0:
        # A flow with nothing to beat against has a velocity, and no size.
        size |= dict.fromkeys(SWEEPS[name].features, 0.0)
    return {"sweep": name, "noise": noise, "level": level, **claimed(result), "size": size, "seconds": spent}


def measurement(name: str, noise: str, level: float, seed: int) -> tuple[Any, dict[str, float], float]:
    """Return a measurement of a sweep at a level, the parameters it was made with, and its contrast."""
    import jax

    from heterodyne_data import TwoTimeData
    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid, field_laws
    from heterodyne_spec import load_model

    rng, t = np.random.default_rng([seed, N_CELLS]), DT * np.arange(1, N_T + 1)
    values = LAWS | FRACTION
    faded = {parameter: level * values[parameter] for parameter in SWEEPS[name].names}
    spec = load_model()
    truth = dict.fromkeys(spec.names, 0.0) | values | faded
    # No flow is a velocity at its lower bound.
    truth["v0"] = max(truth["v0"], spec.parameter("v0").bounds[0])
    scattered = level if name == "contrast" else 1.0
    with jax.enable_x64(True):
        model = HeterodyneModel(**truth)
        if noise == "white":
            c2 = np.array(c2_meshgrid(model, t, Q, PHI, CONTRAST * scattered, 1.0))
            upper = np.triu(NOISE * rng.standard_normal(c2.shape), 1)
            c2 += upper + upper.swapaxes(1, 2)
        else:
            laws = [field_laws(model, t, Q, float(angle)) for angle in PHI]
            c2 = np.stack([_speckle_map(law, scattered, rng) for law in laws])
    contrast = CONTRAST * scattered if noise == "white" else scattered**2 / MODES
    return TwoTimeData(c2=c2.astype(np.float32), q=Q, phi=PHI, t=t), truth, contrast


def _speckle_map(laws: Any, scattered: float, rng: np.random.Generator) -> FloatArray:
    """Return c2 (n_t, n_t) where a part `scattered` of the light interferes and the rest is constant."""
    from heterodyne_physics_meshgrid.speckle import pixel_intensities

    seen = scattered * pixel_intensities(laws, PIXELS, MODES, rng) + (1 - scattered)
    counts = rng.poisson(PHOTONS * seen).astype(float)
    mean = counts.mean(axis=0)
    return np.asarray(counts.T @ counts / PIXELS / np.outer(mean, mean))


def line(row: Row) -> str:
    """Return a row in a line."""
    looked_for = [f"{name} {row['size'][name]:.2g} sd {row['found'][name]}" for name in SWEEPS[row["sweep"]].features]
    return f"{row['sweep']} × {row['level']:g}, {row['noise']}: {', '.join(looked_for)}  {row['seconds']:.1f} s"


def _curve(rows: list[Row], sweep: str, noise: str, feature: str) -> list[tuple[float, float, int, int]]:
    """Return level, median size, how often the feature was found, and among how many, of every level."""
    points = []
    for level in SWEEPS[sweep].levels:
        here = [row for row in rows if (row["sweep"], row["noise"], row["level"]) == (sweep, noise, level)]
        if here:
            size = float(np.median([row["size"][feature] for row in here]))
            points.append((level, size, sum(row["found"][feature] for row in here), len(here)))
    return points


def report(rows: list[Row]) -> bool:
    """Print detection against size; there is no target."""
    for name, sweep in SWEEPS.items():
        for feature in sweep.features:
            curves = {noise: _curve(rows, name, noise, feature) for noise in NOISES}
            cells = [
                [noise, f"{level:g}", number(size), f"{found} of {among}", f"{100 * found / among:.0f} %"]
                for noise, points in curves.items()
                for level, size, found, among in points
            ]
            print_table(f"{feature}, {name} fading", ["noise", "level", "size / sd", "found", ""], cells)
    return True


def draw(rows: list[Row], path: Path = PICTURE) -> None:
    """Draw detection against size, a panel for every feature."""
    from matplotlib.figure import Figure

    panels = [(name, feature) for name, sweep in SWEEPS.items() for feature in sweep.features]
    figure = Figure(figsize=(10.0, 5.6), layout="constrained")
    for place, (name, feature) in enumerate(panels, 1):
        axes = figure.add_subplot(2, -(-len(panels) // 2), place)
        for noise, mark in zip(NOISES, ("o-", "s--"), strict=True):
            # What has no size is shown at the left edge.
            points = sorted((max(size, 0.1), found / n) for _, size, found, n in _curve(rows, name, noise, feature))
            axes.plot(*np.array(points).reshape(-1, 2).T, mark, label=noise, markersize=4)
        axes.axvline(5.0, color="0.7", linewidth=0.8)
        axes.set(xscale="log", xlim=(0.08, 200), ylim=(-0.04, 1.04), title=f"{feature.replace('_', ' ')} ({name})")
        axes.set(xlabel="true size / calibrated sd", ylabel="share found")
    figure.axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=120)
    print(f"wrote {path.name}")
