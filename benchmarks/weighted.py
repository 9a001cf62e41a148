"""What do weights from the noise gain? Repeats at the level of speckle, fitted with equal weights and with those.

``python weighted.py [COUNT [NAME]]``. For each experiment, COUNT measurements (200) are simulated pixel by pixel and
fitted with both. The tables give, of every parameter and of J_r, J_s, v and x at five ages: the scatter with equal
weights over that with the others (`gain`); for these, half of the central 68 % of the errors in units of the stated
standard deviations, how often the 68 % and 95 % intervals hold the truth, and the bias in units of the scatter; and how
often the 68 % intervals of equal weights do. Then the same measurements with faults that the model does not know.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import Any, NamedTuple

import numpy as np
from coverage import DT, FAST, HELD, LEVELS, MIX, SLOW, Q
from table import print_table

from heterodyne_data import TwoTimeData, available_cores

FRAMES, PIXELS, THREE = 120, 4000, (-30.0, 0.0, 45.0)
AGES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
FEWEST = 0.5
"""Part of the repeats in which both fits must determine a value for it to be compared."""


class Experiment(NamedTuple):
    """Photons per pixel and frame (None: very many), modes, azimuths, and the parameters (others are 0)."""

    photons: float | None
    modes: int
    phi: tuple[float, ...]
    parameters: dict[str, float]


EXPERIMENTS = {
    "0.1 photons, few fringes": Experiment(0.1, 5, THREE, {**SLOW, **MIX}),
    "1 photon, 10 modes, many fringes": Experiment(1.0, 10, THREE, {**FAST, **MIX}),
    "2 photons, few fringes": Experiment(2.0, 5, THREE, {**SLOW, **MIX}),
    "4 photons, 3 modes, 1 angle": Experiment(4.0, 3, (0.0,), {**SLOW, **MIX}),
    "20 photons, many fringes, 4 angles": Experiment(20.0, 5, (-30.0, 0.0, 45.0, 90.0), {**FAST, **MIX}),
    "many photons, few fringes": Experiment(None, 5, THREE, {**SLOW, **MIX}),
}
FAULTY = "20 photons, many fringes, 4 angles"
FAULTS = (
    "none",
    "intensity drifts by 5 %",
    "1 % of the frames dead",
    "static background of 2 %",
    "contrast falls by 5 %",
)


class Repeat(NamedTuple):
    """Differences from the truth and standard deviations by name, of both fits; how `auto` decides; the verdict."""

    equal: dict[str, tuple[float, float]]
    noise: dict[str, tuple[float, float]]
    promised: float
    p_value: float
    automatic: str
    verdict: str


def measure(e: Experiment, seed: int, fault: str = "none") -> TwoTimeData:
    """Return a simulated measurement."""
    from heterodyne_nlsq import simulation
    from heterodyne_spec import load_model

    parameters = {p: e.parameters.get(p, 0.0) for p in load_model().names}
    drift = 0.05 if "drifts" in fault else 0.0
    plan = simulation.Experiment(
        *(parameters, Q, e.phi, FRAMES, DT), pixels=PIXELS, modes=e.modes, photons=e.photons, seed=seed, drift=drift
    )
    data = simulation.simulate(plan)
    c2 = np.array(data.c2, float)
    if "dead" in fault:
        # Dark, and not marked: all products with them are those of the background alone.
        dead = np.random.default_rng(seed).choice(FRAMES, 2, replace=False)
        c2[:, dead] = c2[:, :, dead] = 1.0
    if "background" in fault:
        # Added to every intensity, it dilutes the fluctuations; the frames are normalised by their means all the same.
        c2 = 1 + (c2 - 1) / 1.02**2
    if "contrast" in fault:
        root = np.sqrt(np.linspace(1.025, 0.975, FRAMES))
        c2 = 1 + (c2 - 1) * np.outer(root, root)
    return TwoTimeData(c2=c2, q=data.q, phi=data.phi, t=data.t)


def repeat(task: tuple[str, int, str]) -> Repeat:
    """Simulate one measurement and fit it with both weights."""
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions
    from heterodyne_spec import load_model

    keep_compiled_functions()
    (name, seed, fault), spec = task, load_model()
    e = EXPERIMENTS[name]
    held = (*HELD, "phi0") if len(e.phi) == 1 else HELD
    start = {p: {"value": e.parameters.get(p, 0.0), "vary": p not in held} for p in spec.names}
    data = measure(e, seed, fault)

    def fit(weighting: str) -> Any:
        nlsq = {"start": "values", "seed": seed, "weighting": weighting}
        return fit_nlsq_jax(data, {"model": {"parameters": start}, "nlsq": nlsq})

    equal, noise, automatic = (fit(weighting) for weighting in ("equal", "noise", "auto"))
    known = [p for p in equal.varying if np.isfinite(equal.sd[p]) and np.isfinite(noise.sd[p])]
    promised = float(np.median([equal.sd[p] / noise.sd[p] for p in known])) if known else np.nan
    p_value = noise.weighting.p_value
    return Repeat(
        *(_errors(result, e, spec) for result in (equal, noise)),
        promised,
        np.nan if p_value is None else p_value,
        automatic.weighting.kind,
        automatic.verdict,
    )


def _errors(result: Any, e: Experiment, spec: Any) -> dict[str, tuple[float, float]]:
    truth = {p: e.parameters.get(p, 0.0) for p in spec.names}
    found = {p: (result.parameters[p] - truth[p], result.sd[p]) for p in result.varying}
    bands = result.bands
    for age in np.searchsorted(bands.t, FRAMES * DT * AGES):
        for function in ("J_r", "J_s", "v", "x"):
            off = float(bands.values[function][age]) - float(spec.evaluate(function, truth, bands.t[age]))
            found[f"{function}({bands.t[age]:.2g} s)"] = off, float(bands.sd[function][age])
    return found


def _repeats(name: str, count: int, fault: str = "none") -> list[Repeat]:
    with multiprocessing.get_context("spawn").Pool(available_cores(), _one_thread) as pool:
        return pool.map(repeat, [(name, seed, fault) for seed in range(count)], chunksize=1)


def _one_thread() -> None:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"


class Compared(NamedTuple):
    """A value over the repeats in which both fits determine it: errors and standard deviations, (n,) each."""

    equal: np.ndarray
    sd_equal: np.ndarray
    noise: np.ndarray
    sd: np.ndarray

    @property
    def gain(self) -> float:
        """Scatter with equal weights over that with the others."""
        return float(np.std(self.equal, ddof=1) / np.std(self.noise, ddof=1))


def _compared(found: list[Repeat]) -> dict[str, Compared]:
    both = {}
    for label in found[0].equal:
        rows = [(*one.equal[label], *one.noise[label]) for one in found]
        known = np.array([row for row in rows if np.isfinite(row).all()])
        if len(known) >= FEWEST * len(found):
            both[label] = Compared(*known.T)
    return both


def study(name: str, count: int) -> bool:
    """Print the table of one experiment; return whether gains, scatter and coverage are as they should be."""
    found = _repeats(name, count)
    rows, fine, gains = [], True, []
    for label, c in _compared(found).items():
        pull = c.noise / c.sd
        covered = {level: float(np.mean(np.abs(pull) < z)) for level, z in ((68, 1.0), (95, 2.0))}
        # Of the pulls: where the data hardly determine a function, a few standard deviations are far above the others.
        ratio = float(np.subtract(*np.quantile(pull, (0.84, 0.16))) / 2)
        bias = float(np.mean(c.noise) / np.std(c.noise, ddof=1))
        off = [abs(covered[level] - p) > 3 * np.sqrt(p * (1 - p) / len(pull)) for level, p in LEVELS.items()]
        off += [not 0.9 <= ratio <= 1.15, abs(bias) > 0.2 + 3 / np.sqrt(len(pull)), c.gain < 0.97]
        gains.append(c.gain)
        fine &= not any(off)
        equal = np.mean(np.abs(c.equal / c.sd_equal) < 1.0)
        cells = [
            f"{c.gain:.2f}",
            f"{ratio:.2f}",
            *(f"{100 * covered[level]:.0f}" for level in LEVELS),
            f"{100 * equal:.0f}",
            f"{bias:.2f}",
        ]
        rows.append([label, *cells, str(len(pull)), "off" if any(off) else ""])
    photons = EXPERIMENTS[name].photons
    wanted = 1.25 if photons is None or photons >= 2 else 0.97
    fine &= float(np.median(gains)) >= wanted
    taken = np.mean([one.automatic == "noise" for one in found])
    chance = np.mean([one.p_value < 0.05 for one in found if np.isfinite(one.p_value)])
    title = (
        f"{name}, {count} repeats: median gain {np.median(gains):.2f} (promised "
        f"{np.nanmedian([one.promised for one in found]):.2f}), smallest {min(gains):.2f}; auto takes the weights in "
        f"{taken:.0%}; difference with p < 0.05 in {chance:.0%}"
    )
    print_table(
        title, ["", "gain", "scatter / sd", "68 %", "95 %", "68 % equal", "bias / scatter", "repeats", ""], rows
    )
    return bool(fine)


def faults(count: int) -> None:
    """Print what faults that the model does not know do to both estimates, in standard deviations of equal weights."""
    rows = []
    for fault in FAULTS:
        found = _repeats(FAULTY, count, fault)
        both = _compared(found)
        scatter = {label: np.std(c.equal, ddof=1) for label, c in both.items()}
        for kind in ("equal", "noise"):
            bias = [abs(np.mean(getattr(c, kind))) / scatter[label] for label, c in both.items()]
            error = [np.sqrt(np.mean(getattr(c, kind) ** 2)) / scatter[label] for label, c in both.items()]
            cells = [f"{np.median(bias):.2f}", f"{max(bias):.2f}", f"{np.median(error):.2f}"]
            rows.append([fault if kind == "equal" else "", kind, *cells, "", "", ""])
        verdicts = [one.verdict for one in found]
        said = ", ".join(f"{verdicts.count(word)} {word}" for word in sorted(set(verdicts)))
        rows[-1][-3:] = [
            f"{np.mean([one.automatic == 'noise' for one in found]):.0%}",
            f"{np.mean([one.p_value < 1e-3 for one in found if np.isfinite(one.p_value)]):.0%}",
            said,
        ]
        print(*rows[-2], *rows[-1], sep=" | ", file=sys.stderr, flush=True)
    header = ["fault", "weights", "median bias", "largest", "median error", "auto takes them", "p < 0.001", "verdict"]
    print_table(f"Faults, {count} repeats, {FAULTY}", header, rows)


if __name__ == "__main__":
    COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chosen = [name for name in EXPERIMENTS if len(sys.argv) < 3 or name.startswith(sys.argv[2])]
    results = [study(name, COUNT) for name in chosen]
    if len(sys.argv) < 3 or sys.argv[2] == "faults":
        faults(max(COUNT // 5, 5))
    sys.exit(0 if all(results) else 1)
