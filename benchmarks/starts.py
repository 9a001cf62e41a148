"""Fits without starting values on random experiments: how often the global minimum is found, in what time, and why not.

``python starts.py [COUNT | growth]``. Every experiment is drawn from the ranges below; the reference is a fit that
starts at the parameters the data were made with. An experiment is solved when its cost is below 1.005 times that one's.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from table import number, print_table, seconds

Q, DT = 0.0054, 0.1
SOLVED = 1.005
MULTISTARTED = 14
"""Experiments that 32 random starts are tried on; one takes a minute."""

RANGES = """Ranges: N 128..1000 (log-uniform), 1..8 angles in -90..90° (one within 30° of the flow); ∫q²J over the
window 0.5..30 for each component (log-uniform), q∫v from 5 fringes to 0.35 rad per frame (log-uniform), exponents
-0.5..0.5; x from 0.1..0.9 to 0.1..0.9, exponential with a rate of 0.3..3 per window; phi0 -5..5°; in every other
experiment J has a constant of -30..50 % of its mean, v one of -10..10 %.
White noise: contrast 0.05..0.4, standard deviation of a pair 2..20 % of it. Speckle: 3..10 modes (contrast one over
it), 1000..20000 pixels, every other one with 0.3..30 photons per pixel and frame."""


class Experiment(NamedTuple):
    """A measurement, the parameters it was made with, and a line that describes it."""

    data: Any
    truth: dict[str, float]
    description: str


def experiment(
    seed: int,
    noise: str,
    n_t: int | None = None,
    n_phi: int | None = None,
    likely: Callable[[dict[str, float]], bool] = lambda values: True,
) -> Experiment:
    """Return a random experiment with noise `white` or `speckle`; size and number of angles as given, or random; its
    parameters are `likely`."""
    rng = np.random.default_rng([seed, len(noise)])
    n_t = n_t or int(np.exp(rng.uniform(np.log(128), np.log(1001))))
    n_phi = n_phi or int(rng.integers(1, 9))
    t = DT * np.arange(1, n_t + 1)
    truth = next(values for values in draws(rng, t) if inside_bounds(values) and likely(values))
    phi = np.sort(np.append(rng.uniform(-90, 90, n_phi - 1), rng.uniform(-30, 30)))
    data, words = (_white if noise == "white" else _speckle)(rng, truth, t, phi)
    fringes = np.trapezoid(truth["v0"] * t ** truth["beta"] + truth["v_offset"], t) * Q / (2 * np.pi)
    x = truth["f0"] * np.exp(truth["f1"] * t[[0, -1]]) + truth["f3"]
    decays = [
        Q**2 * np.trapezoid(np.maximum(truth[f"D0_{c}"] * t ** truth[f"alpha_{c}"] + truth[f"D_offset_{c}"], 0), t)
        for c in ("ref", "sample")
    ]
    made = f"decays {decays[0]:.2g}, {decays[1]:.2g}; {fringes:.3g} fringes; x {x[0]:.2f} to {x[1]:.2f}; {words}"
    return Experiment(data, truth, made)


def draws(rng: np.random.Generator, t: np.ndarray) -> Iterator[dict[str, float]]:
    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def law(total: float, constant: float) -> tuple[float, float, float]:
        exponent = rng.uniform(-0.5, 0.5)
        mean = total / (t[-1] - t[0])
        shape = t**exponent
        return (1 - constant) * total / np.trapezoid(shape, t), exponent, constant * mean

    while True:
        constants = rng.uniform(-0.3, 0.5, 3) * rng.integers(0, 2)
        v_constant = float(np.clip(constants[2], -0.1, 0.1))
        values: dict[str, float] = {}
        for component, constant in zip(("ref", "sample"), constants, strict=False):
            names = (f"D0_{component}", f"alpha_{component}", f"D_offset_{component}")
            values |= dict(zip(names, law(log_uniform(0.5, 30) / Q**2, constant), strict=True))
        fringes = log_uniform(2 * np.pi * 5, max(0.35 * t.size, 2 * np.pi * 5.5))
        values |= dict(zip(("v0", "beta", "v_offset"), law(fringes / Q, v_constant), strict=True))
        first, last = rng.uniform(0.1, 0.9, 2)
        rate = rng.uniform(0.3, 3) * (1 if last > first else -1)
        f0 = (last - first) / np.expm1(rate)
        values |= {"f0": f0, "f1": rate / t[-1], "f2": 0.0, "f3": first - f0, "phi0": rng.uniform(-5, 5)}
        yield values


def inside_bounds(values: dict[str, float]) -> bool:
    from heterodyne_spec import load_model

    return all(p.bounds[0] <= values[p.name] <= p.bounds[1] for p in load_model().parameters)


def _white(rng: np.random.Generator, truth: dict[str, float], t: np.ndarray, phi: np.ndarray) -> tuple[Any, str]:
    import jax

    from heterodyne_data import TwoTimeData
    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    contrast, offset = rng.uniform(0.05, 0.4), 1 + 0.02 * rng.standard_normal(phi.size)
    relative = np.exp(rng.uniform(np.log(0.02), np.log(0.2)))
    with jax.enable_x64(True):
        c2 = np.array(c2_meshgrid(HeterodyneModel(**truth), t, Q, phi, contrast, offset))
    for c2_of_angle in c2:
        noise = np.triu(relative * contrast * rng.standard_normal(c2_of_angle.shape), 1)
        c2_of_angle += noise + noise.T
    return TwoTimeData(c2=c2.astype(np.float32), q=Q, phi=phi, t=t), f"noise {100 * relative:.2g} % of contrast"


def _speckle(rng: np.random.Generator, truth: dict[str, float], t: np.ndarray, phi: np.ndarray) -> tuple[Any, str]:
    import jax

    from heterodyne_data import TwoTimeData
    from heterodyne_physics_meshgrid import HeterodyneModel, field_laws

    with jax.enable_x64(True):
        laws = [field_laws(HeterodyneModel(**truth), t, Q, float(angle)) for angle in phi]
    c2, words = speckle_maps(rng, laws)
    return TwoTimeData(c2=c2.astype(np.float32), q=Q, phi=phi, t=t), words


def speckle_maps(rng: np.random.Generator, laws: list[Any]) -> tuple[np.ndarray, str]:
    """Return maps (n_phi, n_t, n_t) of the fields of every azimuth seen by a random detector, and that in words."""
    from heterodyne_physics_meshgrid import speckle_map

    modes, pixels = int(rng.integers(3, 11)), int(np.exp(rng.uniform(np.log(1000), np.log(20000))))
    photons = float(np.exp(rng.uniform(np.log(0.3), np.log(30)))) if rng.integers(2) else None
    c2 = np.stack([speckle_map(law, pixels, modes, rng, photons) for law in laws])
    light = "no photon noise" if photons is None else f"{photons:.2g} photons"
    return c2, f"{modes} modes, {pixels} pixels, {light}"


class Task(NamedTuple):
    """An experiment to make and the starts to try on it."""

    seed: int
    noise: str
    starts: tuple[str, ...]
    n_t: int | None = None
    n_phi: int | None = None


class Solved(NamedTuple):
    """Costs of the starts relative to that of the reference, times in s, and the words of the result."""

    case: str
    size: str
    ratio: dict[str, float]
    time: dict[str, float]
    start: str
    description: str


def solve(task: Task) -> Solved:
    """Fit one experiment from its truth and from every start asked for."""
    from heterodyne_nlsq import fit_nlsq_jax

    data, truth, description = experiment(task.seed, task.noise, task.n_t, task.n_phi)
    given = {"model": {"parameters": {name: {"value": float(value)} for name, value in truth.items()}}}
    reference = fit_nlsq_jax(data, {**given, "nlsq": {"start": "values"}})
    ratio, spent, words = {}, {}, ""
    for start in task.starts:
        begin = time.perf_counter()
        found = fit_nlsq_jax(data, {"nlsq": {"start": start}})
        spent[start], ratio[start] = time.perf_counter() - begin, found.cost / reference.cost
        words = found.start if start == "auto" else words
    return Solved(f"{task.noise} {task.seed}", f"{data.n_phi} × {data.n_t}", ratio, spent, words, description)


def one_thread() -> None:
    """Keep a worker to one core: two of them share the machine."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"


def _run(tasks: list[Task], workers: int) -> list[Solved]:
    """Return the solved tasks; a line per task goes to standard error."""
    with multiprocessing.get_context("spawn").Pool(workers, one_thread if workers > 1 else None) as pool:
        found = []
        for done in pool.imap(solve, tasks):
            found.append(done)
            costs = "  ".join(f"{start} {value:.4f}" for start, value in done.ratio.items())
            print(f"{len(found)}/{len(tasks)}  {done.case}  {done.size}  {costs}", file=sys.stderr, flush=True)
    return found


def success(count: int) -> None:
    """Print how often the starts lead to the minimum, and the cases where the search of the data does not."""

    def tasks(starts: tuple[str, ...], seeds: int) -> list[Task]:
        return [Task(seed, noise, starts) for seed in range(seeds) for noise in ("white", "speckle")]

    found, few = _run(tasks(("auto", "values"), count // 2), 2), _run(tasks(("multistart",), MULTISTARTED // 2), 2)

    def row(name: str, start: str, among: list[Solved]) -> list[str]:
        ratios = np.array([case.ratio[start] for case in among])
        good = int(np.count_nonzero(ratios < SOLVED))
        times = np.median([case.time[start] for case in among])
        return [
            name,
            f"{good} of {len(ratios)}",
            f"{100 * good / len(ratios):.3g} %",
            number(ratios.max()),
            seconds(times),
        ]

    white = [case for case in found if case.case.startswith("white")]
    speckle = [case for case in found if not case.case.startswith("white")]
    rows = [
        row("the data alone, white noise", "auto", white),
        row("the data alone, speckle", "auto", speckle),
        row("the data alone, all", "auto", found),
        row("registry defaults", "values", found),
        row("32 random points of the priors", "multistart", few),
    ]
    header = ["start", "solved", "", "worst cost ratio", "median time, 1 core"]
    print_table(f"Fits without starting values, {len(found)} random experiments", header, rows, [RANGES])
    failed = [case for case in found if case.ratio["auto"] >= SOLVED]
    listed = [[c.case, c.size, f"{c.ratio['auto']:.4f}", c.description] for c in failed]
    print_table("Not solved", ["case", "size", "cost ratio", "experiment"], listed or [["none", "", "", ""]])


def growth() -> None:
    """Print the time of a fit without starting values against frames and angles, warm, on all cores."""
    rows = []
    for n_phi, n_t in ((4, 128), (4, 300), (4, 600), (4, 1000), (1, 300), (8, 300), (16, 300)):
        # The first one compiles.
        cases = _run([Task(seed, "white", ("auto",), n_t, n_phi) for seed in range(10)], 1)[1:]
        times = [case.time["auto"] for case in cases]
        good = sum(case.ratio["auto"] < SOLVED for case in cases)
        rows.append([f"{n_phi} × {n_t}", seconds(np.median(times)), seconds(max(times)), f"{good} of {len(cases)}"])
    header = ["angles × frames", "median time", "longest", "solved"]
    print_table("Time of a fit without starting values, warm", header, rows)


if __name__ == "__main__":
    if sys.argv[1:] != ["growth"]:
        success(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
    growth()
