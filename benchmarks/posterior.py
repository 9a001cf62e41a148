"""Is the posterior that of the model, in what time? Random experiments, shards against one chain, coverage.

``python posterior.py experiments|against|alone|consensus|coverage|time|workers [COUNT]``. `experiments`: COUNT (40)
random small measurements. `against`: importance sampling against chains on COUNT (6) of them. `alone`: COUNT (20) of
them without a point estimate. `consensus`: 4, 8 and 16 shards against one, on four simulated experiments of which the
last two are bent. `coverage`: how often the intervals of the calibrated posterior hold the truth, over COUNT (100)
random measurements simulated pixel by pixel. `time`: seconds and effective draws per second. `workers`: two worker
processes of a Dask scheduler against one. All parameters are free everywhere, as by default.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
import os
import sys
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np
from starts import experiment as random_experiment
from table import print_table

from heterodyne_data import available_cores

Q, DURATION = 0.0054, 20.0
METHODS = ("auto", "average", "flow")
SHARDS = (4, 8, 16)
NEAR = {"auto": (0.1, 0.1), "average": (0.15, 0.1), "flow": (0.2, 0.15)}
"""Shift of a mean, in sd, and relative change of an sd, up to which a method is near; the average's are those of the
diagnostic `bent`, for it has mean and covariance of the Gaussian consensus."""
CHAINS = {"chains": 4, "samples": 4000}
SHORT = {"chains": 4, "warmup": 300, "samples": 500}
SHARDS_OF_TIME = {300: 3, 1000: 30}
TIMED = {300: SHORT, 1000: {"chains": 4, "warmup": 200, "samples": 200}}
"""Shards and steps by number of frames."""


class Experiment(NamedTuple):
    """Frames, azimuths, pixels, photons per pixel and frame, parameters (others are 0), and modes."""

    n_t: int
    phi: tuple[float, ...]
    pixels: int
    photons: float | None
    parameters: dict[str, float]
    modes: int = 5


FLOW = {
    "D0_ref": 3000.0,
    "alpha_ref": 0.2,
    "D0_sample": 15000.0,
    "alpha_sample": -0.2,
    "v0": 400.0,
    "beta": -0.3,
    "f0": 0.4,
    "f1": -0.15,
    "f3": 0.3,
    "phi0": 1.0,
}
THREE = (-30.0, 0.0, 45.0)

EXPERIMENTS = {
    "correlated, 3 angles": Experiment(96, THREE, 8000, None, FLOW),
    "white, 3 angles": Experiment(96, THREE, 20000, 0.3, FLOW),
    # One angle says little of phi0, and of one component: valleys that bend.
    "bent, 1 angle": Experiment(96, (0.0,), 6000, None, FLOW),
    # The same with few pixels: the priors rule.
    "open, 1 angle": Experiment(96, (0.0,), 600, None, FLOW),
}


def measure(e: Experiment, seed: int) -> Any:
    """Return a simulated measurement."""
    from heterodyne_nlsq import simulation
    from heterodyne_spec import load_model

    parameters = {name: e.parameters.get(name, 0.0) for name in load_model().names}
    plan = simulation.Experiment(
        parameters, Q, e.phi, e.n_t, DURATION / e.n_t, pixels=e.pixels, modes=e.modes, photons=e.photons, seed=seed
    )
    return simulation.simulate(plan)


def joint(result: Any) -> np.ndarray:
    """Return the draws of parameters, contrast and offset, (n_draw, n_par + 2 n_phi)."""
    parameters = np.stack([result.draws[name] for name in result.draws], axis=-1)
    whole = np.concatenate([parameters, result.contrast, result.offset], axis=-1)
    return whole.reshape(-1, whole.shape[-1])


def consensus() -> bool:
    """Print how far the consensus of shards lies from one shard; return whether the automatic one is near, and all say
    so that are not."""
    rows, fine = [], True
    with _pool() as pool:
        for found, good in pool.imap(_combined, [(name, shards) for name in EXPERIMENTS for shards in SHARDS]):
            rows += found
            fine &= good
    header = ["", "shards", "asked", "method", "sampler", "mean shift / sd", "sd ratio", "diagnostic", "k-hat", "s", ""]
    print_table("Consensus against one shard", header, rows)
    return fine


def _combined(task: tuple[str, int]) -> tuple[list[list[str]], bool]:
    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

    keep_compiled_functions()
    name, shards = task
    data = measure(EXPERIMENTS[name], 1)
    nlsq = fit_nlsq_jax(data)
    whole = joint(fit_cmc_jax(data, {"cmc": CHAINS}, nlsq))
    rows, off, told = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        # The shards are sampled once; the other methods find them there.
        for method in METHODS:
            asked = {"shards": shards, "consensus": method, **CHAINS}
            found = fit_cmc_jax(data, {"cmc": asked}, nlsq, directory=folder)
            draws, seen = joint(found), found.diagnostics
            shift = float(np.max(np.abs(draws.mean(axis=0) - whole.mean(axis=0)) / whole.std(axis=0)))
            ratio = draws.std(axis=0) / whole.std(axis=0)
            most, wider = NEAR[method]
            off[method] = shift > most or ratio.min() < 1.0 - wider or ratio.max() > 1.0 + wider
            told[method] = not found.success or any("bent" in warning for warning in found.warnings)
            cells = [found.method, found.sampler, f"{shift:.2f}", f"{ratio.min():.2f} .. {ratio.max():.2f}"]
            times = f"{found.timings['sample'] + found.timings['combine']:.0f}"
            cells += ["bent" if seen.bent else "", f"{seen.k_hat:.2f}", times, "off" if off[method] else ""]
            rows.append([name, str(shards), method, *cells])
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    return rows, not off["auto"] and all(told[method] for method in METHODS if off[method])


AGES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""In units of the duration."""
PRIOR_SD = 3.0
"""Distance from the middle of every prior within which the truth is."""
LENGTHS = (96, 144, 200)
"""Few, so that most of the time is not compilation."""
LEVELS = {68: 0.68, 95: 0.95}


def _likely(parameters: dict[str, float]) -> bool:
    """Tell whether the priors allow parameters: who is sure of other values is not meant to find these."""
    from heterodyne_spec import load_model

    priors = {parameter.name: parameter.prior for parameter in load_model().parameters}
    middles = {name: np.log(at) if priors[name].family == "lognormal" else at for name, at in parameters.items()}
    return all(abs(at - priors[name].location) < PRIOR_SD * priors[name].scale for name, at in middles.items())


def _exchanged(truth: dict[str, float]) -> dict[str, float]:
    """Return what the functions are with reference and sample exchanged."""
    return {"J_r": truth["J_s"], "J_s": truth["J_r"], "v": truth["v"], "x": 1.0 - truth["x"]}


def _covered(seed: int) -> dict[str, tuple[bool, bool, float]] | None:
    """Return whether the 68 and 95 % intervals hold the truth, and its distance from their middle in half the 68 % one,
    of functions and parameters of one random measurement, None where weights do not hold; which component is called the
    sample does not count."""
    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions
    from heterodyne_spec import load_model

    keep_compiled_functions()
    rng, spec = np.random.default_rng([seed, 7]), load_model()
    made = random_experiment(seed, "speckle", int(rng.choice(LENGTHS)), int(rng.integers(2, 5)), _likely)
    result = fit_cmc_jax(made.data, {"cmc": {"sampler": "importance"}}, fit_nlsq_jax(made.data))
    if not result.success:
        return None
    found = {}

    def held(name: str, truth: float, levels: np.ndarray) -> None:
        lowest, low, middle, high, highest = levels.tolist()
        found[name] = low < truth < high, lowest < truth < highest, 2.0 * (truth - middle) / (high - low)

    t, bands = result.bands.t, result.bands.quantiles
    ages = [int(np.searchsorted(t, share * t[-1])) for share in AGES]
    truths = [{name: float(spec.evaluate(name, made.truth, t[age])) for name in bands} for age in ages]
    swapped = [_exchanged(truth) for truth in truths]
    off, other = (
        sum(abs(bands["x"][2, age] - at["x"]) for age, at in zip(ages, each, strict=True)) for each in (truths, swapped)
    )
    if other < off:
        truths = swapped
    for share, age, truth in zip(AGES, ages, truths, strict=True):
        for name, quantiles in bands.items():
            held(f"{name}, {share:g} of the time", truth[name], quantiles[:, age])
    for name in ("v0", "beta", "phi0"):
        held(name, made.truth[name], np.quantile(result.draws[name], (0.025, 0.16, 0.5, 0.84, 0.975)))
    return found


def coverage(count: int) -> bool:
    """Print how often the intervals of posteriors whose weights hold have the truth in them; return whether all are
    within three standard errors."""
    made = []
    with _pool() as pool:
        for done in pool.imap_unordered(_covered, range(SEEN, SEEN + 2 * count, 2)):
            made.append(done)
            print(f"coverage: {len(made)}/{count}", file=sys.stderr, flush=True)
    found = [one for one in made if one is not None]
    rows, fine = [], True
    for name in found[0]:
        near, far, pull = np.array([one[name] for one in found], float).T
        covered = dict(zip(LEVELS, (near.mean(), far.mean()), strict=True))
        off = [abs(covered[level] - p) > 3 * np.sqrt(p * (1 - p) / len(found)) for level, p in LEVELS.items()]
        fine &= not any(off)
        cells = [f"{100 * p:.0f}" for p in covered.values()]
        rows.append([name, *cells, f"{np.median(np.abs(pull)) / 0.6745:.2f}", "off" if any(off) else ""])
    title = f"Calibrated posterior, all parameters free, {len(found)} of {count} random measurements"
    print_table(title, ["", "68 %", "95 %", "median distance / expected", ""], rows)
    return fine


SEEN = 520_000
"""Seed of the first random experiment of the coverage."""
FIRST = 510_000
"""Seed of the first random experiment. Those below were looked at in development, these were not."""
LONG = {"sampler": "nuts", "warmup": 500, "samples": 2000}


def small(seed: int) -> Any:
    """Return a random experiment of 1 to 4 azimuths of 96 to 200 frames, white noise and speckle in turns."""
    rng = np.random.default_rng([seed, 7])
    noise = "white" if seed % 2 else "speckle"
    return random_experiment(seed, noise, int(rng.integers(96, 201)), int(rng.integers(1, 5)))


def row_of(seed: int, made: Any, result: Any, seconds: float) -> list[str]:
    """Return a line on a posterior."""
    found = result.diagnostics
    share = found.divergences / max(result.draws["v0"].size, 1)
    size = f"{result.data.phi.size} x {result.data.n_frames}"
    k_hat = "" if np.isnan(found.k_hat) else f"{found.k_hat:.2f}"
    cells = [f"{found.r_hat:.3f}", f"{found.ess_bulk:.0f}", f"{100 * share:.2f}", k_hat, f"{seconds:.0f}"]
    return [str(seed), size, result.sampler, *cells, "" if result.success else "not converged", made.description]


HEADER = ["seed", "size", "sampler", "R-hat", "ESS", "divergent %", "k-hat", "s", "", "measurement"]


def _sampled(task: tuple[int, bool]) -> tuple[list[str], bool]:
    seed, fitted = task
    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

    keep_compiled_functions()
    made = small(seed)
    nlsq = fit_nlsq_jax(made.data) if fitted else None
    begin = time.perf_counter()
    result = fit_cmc_jax(made.data, None, nlsq, start="search")
    found = result.diagnostics
    fine = result.success and found.r_hat < 1.01 and found.divergences < 0.005 * result.draws["v0"].size
    return row_of(seed, made, result, time.perf_counter() - begin), fine


def _random(title: str, count: int, fitted: bool, wanted: float) -> bool:
    rows, fine = [], 0
    with _pool() as pool:
        for row, good in pool.imap_unordered(_sampled, [(FIRST + k, fitted) for k in range(count)]):
            rows.append(row)
            fine += good
            print(*row, sep=" | ", file=sys.stderr, flush=True)
    print_table(f"{title}: {fine} of {count} converged, R-hat below 1.01, divergent steps below 0.5 %", HEADER, rows)
    return fine >= wanted * count


def experiments(count: int) -> bool:
    """Print the posteriors of random experiments from their fits, with default settings."""
    return _random("All parameters free", count, True, 39 / 40)


def alone(count: int) -> bool:
    """Print the same without a fit."""
    return _random("Without a point estimate", count, False, 18 / 20)


def against(count: int) -> bool:
    """Print how far weighted draws lie from long chains; return whether means are within 0.1 sd and sd within 10 %."""
    rows, fine = [], True
    with _pool() as pool:
        for row, good in pool.imap(_compared, range(FIRST, FIRST + count)):
            rows.append(row)
            fine &= good
    header = ["seed", "mean shift / sd", "sd ratio", "R-hat of chains", "ESS of chains", "k-hat", "s", "measurement"]
    print_table("Importance sampling against chains", header, rows)
    return fine


def _compared(seed: int) -> tuple[list[str], bool]:
    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

    keep_compiled_functions()
    made = small(seed)
    nlsq = fit_nlsq_jax(made.data)
    begin = time.perf_counter()
    drawn = [fit_cmc_jax(made.data, {"cmc": asked}, nlsq) for asked in ({"sampler": "importance"}, LONG)]
    one, other = (joint(result) for result in drawn)
    shift = np.abs(one.mean(axis=0) - other.mean(axis=0)) / other.std(axis=0)
    ratio = one.std(axis=0) / other.std(axis=0)
    cells = [f"{shift.max():.2f}", f"{ratio.min():.2f} .. {ratio.max():.2f}"]
    chains = drawn[1].diagnostics
    cells += [f"{chains.r_hat:.3f}", f"{chains.ess_bulk:.0f}", f"{drawn[0].diagnostics.k_hat:.2f}"]
    row = [str(seed), *cells, f"{time.perf_counter() - begin:.0f}", made.description]
    print(*row, sep=" | ", file=sys.stderr, flush=True)
    return row, bool(shift.max() < 0.1 and ratio.min() > 0.9 and ratio.max() < 1.1)


def times() -> bool:
    """Print seconds and effective draws per second by default, of exact chains and of a consensus."""
    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax

    rows = []
    for n_t, steps_of in TIMED.items():
        data = measure(EXPERIMENTS["correlated, 3 angles"]._replace(n_t=n_t), 1)
        nlsq = fit_nlsq_jax(data)
        for asked in ({}, {"sampler": "nuts"}, {"shards": SHARDS_OF_TIME[n_t]}):
            begin = time.perf_counter()
            result = fit_cmc_jax(data, {"cmc": {**asked, **steps_of}}, nlsq)
            seconds = time.perf_counter() - begin
            steps = result.sample_stats.get("n_steps")
            leaps = "" if steps is None else f"{float(np.mean(steps)):.1f}"
            ess, drawn = result.diagnostics.ess_bulk, f"{steps_of['warmup']} + {steps_of['samples']}"
            cells = [result.sampler, drawn, f"{seconds:.0f}", f"{ess:.0f}", f"{ess / seconds:.2g}", leaps]
            rows.append([f"3 x {n_t}", str(result.n_shards), *cells])
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    print_table("Time, 4 chains", ["", "shards", "sampler", "draws", "s", "ESS", "ESS / s", "leaps"], rows)
    return True


def workers() -> bool:
    """Print seconds of the same shards on one and on two worker processes of a Dask scheduler; return whether two are
    faster and leave the same draws."""
    from distributed import LocalCluster

    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax

    data = measure(EXPERIMENTS["correlated, 3 angles"]._replace(n_t=300), 1)
    nlsq = fit_nlsq_jax(data)
    seconds, draws = [], []
    for count in (1, 2):
        with LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, env=ONE_THREAD
        ) as cluster:
            address = {"scheduler": cluster.scheduler_address}
            asked = {"shards": 4, "consensus": "gaussian", "engine": "dask", "dask": address, **SHORT}
            begin = time.perf_counter()
            found = fit_cmc_jax(data, {"cmc": asked}, nlsq)
            seconds.append(time.perf_counter() - begin)
            draws.append(joint(found))
    rows = [[str(count), f"{s:.0f}", f"{seconds[0] / s:.2f}"] for count, s in zip((1, 2), seconds, strict=True)]
    print_table("Workers of a Dask scheduler, 3 x 300 frames, 4 shards", ["workers", "s", "times as fast"], rows)
    return seconds[1] < seconds[0] and bool(np.array_equal(*draws))


ONE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NPROC": "1",
}


def _one_thread() -> None:
    os.environ.update(ONE_THREAD)
    if hasattr(os, "sched_setaffinity"):
        own = int(multiprocessing.current_process().name.rpartition("-")[2]) % available_cores()
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[own]})


def _pool() -> multiprocessing.pool.Pool:
    """Return one process of one thread per core."""
    return multiprocessing.get_context("spawn").Pool(available_cores(), _one_thread)


if __name__ == "__main__":
    COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    parts = {
        "experiments": lambda: experiments(COUNT or 40),
        "against": lambda: against(COUNT or 6),
        "alone": lambda: alone(COUNT or 20),
        "consensus": consensus,
        "coverage": lambda: coverage(COUNT or 100),
        "time": times,
        "workers": workers,
    }
    chosen = [sys.argv[1]] if len(sys.argv) > 1 else list(parts)
    results = [parts[name]() for name in chosen]
    sys.exit(0 if all(results) else 1)
