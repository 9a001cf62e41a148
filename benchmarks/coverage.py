"""Do stated intervals hold the truth as often as they say? Repeats at the level of speckle, from pixels to intervals.

``python coverage.py [COUNT]``. For each experiment, COUNT measurements (200) are simulated pixel by pixel and fitted.
The tables give how often the 68 % and 95 % intervals of every fitted parameter, and of J_r, J_s, v and x at five ages,
hold the truth, and the scatter of the estimates over the root mean square of the stated standard deviations.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import Any, NamedTuple

import numpy as np
from table import print_table

Q, DT = 0.0054, 0.1
HELD = ("D_offset_ref", "D_offset_sample", "v_offset", "f2")
LEVELS = {68: 0.6827, 95: 0.9545}


class Experiment(NamedTuple):
    """Frames, azimuths, pixels, modes, photons per pixel and frame, and the parameters (others are 0)."""

    n_t: int
    phi: tuple[float, ...]
    pixels: int
    modes: int
    photons: float | None
    parameters: dict[str, float]


SLOW = {"D0_ref": 3000.0, "alpha_ref": 0.2, "D0_sample": 15000.0, "alpha_sample": -0.2, "v0": 400.0, "beta": -0.3}
MIX = {"f0": 0.4, "f1": -0.15, "f3": 0.3, "phi0": 1.0}
FAST = {**SLOW, "D0_ref": 8000.0, "D0_sample": 30000.0, "v0": 1200.0, "beta": -0.1}

EXPERIMENTS = {
    "correlated, few fringes, 1 angle": Experiment(200, (0.0,), 20000, 5, None, {**SLOW, **MIX}),
    "correlated, many fringes, 4 angles": Experiment(200, (-30.0, 0.0, 45.0, 90.0), 8000, 5, None, {**FAST, **MIX}),
    "in between, few fringes, 4 angles": Experiment(200, (-30.0, 0.0, 45.0, 90.0), 8000, 5, 2.0, {**SLOW, **MIX}),
    "white, many fringes, 1 angle": Experiment(200, (0.0,), 40000, 4, 0.15, {**FAST, **MIX}),
}


class Repeat(NamedTuple):
    """Estimates and standard deviations by name, and the truth they are compared with."""

    truth: dict[str, float]
    value: dict[str, float]
    sd: dict[str, float]
    sd_independent: dict[str, float]


def repeat(task: tuple[str, int]) -> Repeat:
    """Simulate and fit one measurement."""
    from heterodyne_nlsq import fit_nlsq_jax, simulation
    from heterodyne_spec import load_model

    name, seed = task
    e, spec = EXPERIMENTS[name], load_model()
    parameters = {p: e.parameters.get(p, 0.0) for p in spec.names}
    plan = simulation.Experiment(
        parameters, Q, e.phi, e.n_t, DT, pixels=e.pixels, modes=e.modes, photons=e.photons, seed=seed
    )
    held = (*HELD, "phi0") if len(e.phi) == 1 else HELD
    start = {p: {"value": v, "vary": p not in held} for p, v in parameters.items()}
    config = {"model": {"parameters": start}, "nlsq": {"start": "values", "seed": seed}}
    result = fit_nlsq_jax(simulation.simulate(plan), config)
    value = {p: result.parameters[p] for p in result.varying}
    sd = {p: result.sd[p] for p in result.varying}
    independent = dict(zip(result.varying, np.sqrt(np.diag(result.covariance_iid)), strict=True))
    truth = {p: parameters[p] for p in value}
    assert result.bands is not None
    ages = np.searchsorted(result.bands.t, e.n_t * DT * np.array([0.1, 0.3, 0.5, 0.7, 0.9]))
    for function in ("J_r", "J_s", "v", "x"):
        for age in ages:
            label = f"{function}({result.bands.t[age]:.2g} s)"
            truth[label] = float(spec.evaluate(function, parameters, result.bands.t[age]))
            value[label], sd[label] = (float(part[function][age]) for part in (result.bands.values, result.bands.sd))
    return Repeat(truth, value, sd, independent)


def _one_thread() -> None:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"


def study(name: str, count: int) -> bool:
    """Print the table of one experiment; return whether all coverages and scatters are as they should be."""
    found = []
    with multiprocessing.get_context("spawn").Pool(2, _one_thread) as pool:
        for done in pool.imap(repeat, [(name, seed) for seed in range(count)]):
            found.append(done)
            if len(found) % 20 == 0:
                print(f"{name}: {len(found)}/{count}", file=sys.stderr, flush=True)
    rows, fine = [], True
    for label in found[0].truth:
        value = np.array([one.value[label] for one in found])
        sd = np.array([one.sd[label] for one in found])
        known = np.isfinite(sd)
        pull = (value - found[0].truth[label])[known] / sd[known]
        covered = {level: float(np.mean(np.abs(pull) < z)) for level, z in ((68, 1.0), (95, 2.0))}
        ratio = float(np.std(value[known], ddof=1) / np.sqrt(np.mean(sd[known] ** 2)))
        off = [abs(covered[level] - p) > 3 * np.sqrt(p * (1 - p) / known.sum()) for level, p in LEVELS.items()] + [
            not 0.85 <= ratio <= 1.2
        ]
        usual = [one.sd_independent[label] for one in found] if label in found[0].sd_independent else None
        correction = f"{np.sqrt(np.mean(sd[known] ** 2) / np.mean(np.square(usual))):.3g}" if usual else ""
        fine &= not any(off)
        cells = [f"{100 * covered[level]:.1f}" for level in LEVELS]
        rows.append([label, *cells, f"{ratio:.2f}", correction, str(known.sum()), "off" if any(off) else ""])
    header = ["", "68 %", "95 %", "scatter / sd", "sd / independent", "determined", ""]
    print_table(f"{name}, {count} repeats", header, rows)
    return fine


if __name__ == "__main__":
    chosen: Any = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    results = [study(name, chosen) for name in EXPERIMENTS]
    sys.exit(0 if all(results) else 1)
