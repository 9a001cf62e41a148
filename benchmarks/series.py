"""Fits of series of similar measurements: time with the estimate of the one before, and whether it leads astray.

``python series.py [COUNT | times | follow COUNT]``. The estimate of every measurement is the candidate of the next, as
in a beamline's queue; the fit without candidates, which makes the full search every time, is the reference.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from typing import Any, NamedTuple

import numpy as np
from starts import DT, Q, draws, inside_bounds, one_thread
from table import print_table, seconds

PHI = (-45.0, -5.8, 4.9, 90.0)
FILES = 3
"""Measurements that drift before the jump, and after it."""

N_T = 200
SAME = 1.001
"""Cost over that of the full search up to which the minimum counts as found."""

RANGES = """Every series: 3 measurements, a jump to parameters drawn anew, 3 more; 4 angles × 200 frames, speckle of
3..10 modes, 1000..20000 pixels, 0.3..30 photons per pixel and frame. Parameters are drawn as for the starts without
values. From one measurement to the next D0, v0, offsets and rates drift by 1..20 % (log-uniform, one number per series;
a standard deviation), exponents by 0.3, fractions by 0.2 times that."""


def drifted(rng: np.random.Generator, values: dict[str, float], size: float) -> dict[str, float]:
    """Return parameters moved by a relative `size`."""
    found = dict(values)
    for name in ("D0_ref", "D0_sample", "v0", "D_offset_ref", "D_offset_sample", "v_offset", "f1"):
        found[name] *= float(np.exp(size * rng.normal()))
    for name in ("alpha_ref", "alpha_sample", "beta"):
        found[name] += 0.3 * size * float(rng.normal())
    for name in ("f0", "f3"):
        found[name] = abs(found[name] + 0.2 * size * float(rng.normal()))
    return found


def _possible(values: dict[str, float], t: np.ndarray) -> bool:
    x = values["f0"] * np.exp(values["f1"] * t) + values["f3"]
    return inside_bounds(values) and x.min() > 0.03 and x.max() < 0.97


def parameters(rng: np.random.Generator, t: np.ndarray, count: int, size: float) -> list[dict[str, float]]:
    """Return the parameters of `count` measurements that drift from one to the next."""
    found = [next(values for values in draws(rng, t) if _possible(values, t))]
    while len(found) < count:
        tried = (drifted(rng, found[-1], size) for _ in range(1000))
        found.append(next(values for values in tried if _possible(values, t)))
    return found


class Step(NamedTuple):
    """One measurement of a series: how it follows the one before, and what both ways of fitting it gave."""

    series: int
    kind: str
    drift: float
    ratio: float
    searched: bool
    reference_success: bool
    with_candidate: float
    without: float
    start: str


def follow(seed: int) -> list[Step]:
    """Fit a series with a jump, every measurement with and without the estimate of the one before."""
    from heterodyne_nlsq import simulation

    rng, t = np.random.default_rng([11, seed]), DT * np.arange(1, N_T + 1)
    drift = float(np.exp(rng.uniform(np.log(0.01), np.log(0.2))))
    modes, pixels = int(rng.integers(3, 11)), int(np.exp(rng.uniform(np.log(1000), np.log(20000))))
    photons = float(np.exp(rng.uniform(np.log(0.3), np.log(30))))
    truths = [values for _ in range(2) for values in parameters(rng, t, FILES, drift)]
    found, before = [], None
    for k, truth in enumerate(truths):
        plan = simulation.Experiment(
            truth, Q, PHI, N_T, DT, pixels=pixels, modes=modes, photons=photons, seed=1000 * seed + k
        )
        data = simulation.simulate(plan)
        reference, without = _timed(data, ())
        if before is None:
            before = reference
            continue
        result, spent = _timed(data, (before,))
        kind, searched = "jump" if k == FILES else "drift", "full search skipped" not in result.start
        ratio = result.cost / reference.cost
        found.append(Step(seed, kind, drift, ratio, searched, reference.success, spent, without, result.start))
        before = result
    return found


def _timed(data: Any, candidates: tuple[Any, ...]) -> tuple[Any, float]:
    from heterodyne_nlsq import fit_nlsq_jax

    begin = time.perf_counter()
    return fit_nlsq_jax(data, candidates=candidates), time.perf_counter() - begin


def astray(count: int) -> None:
    """Print how often the full search was left out, and what that cost."""
    steps: list[Step] = []
    with multiprocessing.get_context("spawn").Pool(2, one_thread) as pool:
        for done in pool.imap_unordered(follow, range(count)):
            steps += done
            for step in done:
                print(
                    f"{step.series} {step.kind} {step.drift:.3f} {step.ratio:.6f} {step.with_candidate:.2f} s "
                    f"{step.without:.2f} s {step.start}",
                    file=sys.stderr,
                    flush=True,
                )
    rows = []
    for name, chosen in (
        ("drift up to 5 %", [s for s in steps if s.kind == "drift" and s.drift <= 0.05]),
        ("drift above 5 %", [s for s in steps if s.kind == "drift" and s.drift > 0.05]),
        ("jump", [s for s in steps if s.kind == "jump"]),
        ("all", steps),
    ):
        left_out = [s for s in chosen if not s.searched]
        worst = max((s.ratio for s in left_out), default=float("nan"))
        ratio = np.median([s.with_candidate / s.without for s in chosen])
        good = sum(s.ratio <= SAME for s in chosen)
        rows.append(
            [
                name,
                f"{len(chosen)}",
                f"{len(left_out)}",
                f"{worst:.6f}",
                f"{good} of {len(chosen)}",
                f"{ratio:.2f}",
            ]
        )
    header = ["step", "fits", "full search skipped", "worst cost ratio there", f"at most {SAME} in all", "time ratio"]
    print_table(f"Series of measurements with the estimate of the one before, {count} series", header, rows, [RANGES])


def times() -> None:
    """Print seconds of warm fits with and without the estimate of the measurement before, on all cores."""
    from heterodyne_nlsq import simulation

    rows = []
    for n_phi, n_t in ((4, 200), (4, 400), (4, 800), (1, 400), (8, 400)):
        rng, t, phi = np.random.default_rng(3), DT * np.arange(1, n_t + 1), tuple(np.linspace(-45, 90, n_phi))
        truths = parameters(rng, t, 6, 0.02)
        plans = [simulation.Experiment(v, Q, phi, n_t, DT, photons=4.0, seed=k) for k, v in enumerate(truths)]
        before, with_candidate, without = None, [], []
        for plan in plans:
            data = simulation.simulate(plan)
            reference, spent = _timed(data, ())
            without.append(spent)
            if before is not None:
                _, spent = _timed(data, (before,))
                with_candidate.append(spent)
            before = reference
        # The first of each compile.
        long, short = np.median(without[1:]), np.median(with_candidate[1:])
        rows.append([f"{n_phi} × {n_t}", seconds(long), seconds(short), f"{short / long:.2f}"])
    header = ["angles × frames", "without", "with", "ratio"]
    print_table("Time of a fit with the estimate of a similar measurement, warm", header, rows)


if __name__ == "__main__":
    asked = sys.argv[1:]
    if asked[:1] != ["follow"]:
        times()
    if asked[:1] != ["times"]:
        astray(int(asked[-1]) if asked else 36)
