"""Is the consensus of shards the posterior? Against one exact chain over all pairs, on the same calibrated posterior.

``python posterior.py consensus|coverage|starts|time|workers [COUNT]``. `consensus`: 4, 8 and 16 shards against one
exact chain, on four simulated experiments of which the last two are bent; in the last one the point estimate ends on a
bound. `coverage`: how often the intervals of the calibrated posterior hold the truth, over COUNT (60) measurements
simulated pixel by pixel. `starts`: divergent steps from the point estimate and from the registry's defaults. `time`:
seconds and effective draws per second. `workers`: two worker processes of a Dask scheduler against one.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np
from table import print_table

Q, DURATION = 0.0054, 20.0
HELD = ("D_offset_ref", "D_offset_sample", "v_offset", "f2")
METHODS = ("gaussian", "average", "flow")
SHARDS = (4, 8, 16)
CHAINS = {"chains": 4, "warmup": 300, "samples": 1000}
SHORT = {"chains": 4, "warmup": 300, "samples": 500}
TIMED = {300: SHORT, 1000: {"chains": 4, "warmup": 200, "samples": 200}}
"""Steps by number of frames."""


class Experiment(NamedTuple):
    """Frames, azimuths, pixels, modes, photons per pixel and frame, what is held, and parameters (others are 0)."""

    n_t: int
    phi: tuple[float, ...]
    pixels: int
    photons: float | None
    held: tuple[str, ...]
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
    "correlated, 3 angles": Experiment(96, THREE, 8000, None, HELD, FLOW),
    "white, 3 angles": Experiment(96, THREE, 20000, 0.3, HELD, FLOW),
    # The constant of the transport beside its law: valleys that bend.
    "bent, 1 angle": Experiment(96, (0.0,), 6000, None, ("D_offset_ref", "v_offset", "f2", "phi0"), FLOW),
    # The same with few pixels: the priors rule, and a parameter of the fit ends on its bound.
    "open, 1 angle": Experiment(96, (0.0,), 600, None, ("D_offset_ref", "v_offset", "f2", "phi0"), FLOW),
}


def measure(e: Experiment, seed: int) -> tuple[Any, dict[str, Any], dict[str, float]]:
    """Return a simulated measurement, the configuration of its fit, and its parameters."""
    from heterodyne_nlsq import simulation
    from heterodyne_spec import load_model

    parameters = {name: e.parameters.get(name, 0.0) for name in load_model().names}
    plan = simulation.Experiment(
        parameters, Q, e.phi, e.n_t, DURATION / e.n_t, pixels=e.pixels, modes=e.modes, photons=e.photons, seed=seed
    )
    start = {name: {"value": value, "vary": name not in e.held} for name, value in parameters.items()}
    config = {"model": {"parameters": start}, "nlsq": {"start": "values", "seed": seed}}
    return simulation.simulate(plan), config, parameters


def joint(result: Any) -> np.ndarray:
    """Return the draws of parameters, contrast and offset, (n_draw, n_par + 2 n_phi)."""
    parameters = np.stack([result.draws[name] for name in result.draws], axis=-1)
    whole = np.concatenate([parameters, result.contrast, result.offset], axis=-1)
    return whole.reshape(-1, whole.shape[-1])


def consensus() -> bool:
    """Print how far the consensus of shards lies from one exact chain; return whether the better method is near, and
    whether all say so that are not."""
    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax

    rows, fine = [], True
    for name, e in EXPERIMENTS.items():
        data, config, _ = measure(e, 1)
        nlsq = fit_nlsq_jax(data, config)
        exact = fit_cmc_jax(data, {**config, "cmc": {"shards": 1, **CHAINS}}, nlsq)
        whole = joint(exact)
        for shards in SHARDS:
            off, told = {}, {}
            with tempfile.TemporaryDirectory() as folder:
                # The shards are sampled once; the other methods find them there.
                for method in METHODS:
                    asked = {"shards": shards, "consensus": method, **CHAINS}
                    found = fit_cmc_jax(data, {**config, "cmc": asked}, nlsq, directory=folder)
                    draws, seen = joint(found), found.diagnostics
                    shift = float(np.max(np.abs(draws.mean(axis=0) - whole.mean(axis=0)) / whole.std(axis=0)))
                    ratio = draws.std(axis=0) / whole.std(axis=0)
                    off[method] = shift > 0.2 or ratio.min() < 0.85 or ratio.max() > 1.15
                    told[method] = not found.success or any("bent" in warning for warning in found.warnings)
                    divergent = max(s.divergences[-1] for s in seen.shards) / (4 * CHAINS["samples"])
                    cells = [f"{shift:.2f}", f"{ratio.min():.2f} .. {ratio.max():.2f}", f"{100 * divergent:.2f}"]
                    times = f"{found.timings['sample'] + found.timings['combine']:.0f}"
                    cells += ["bent" if seen.bent else "", f"{seen.k_hat:.2f}", times, "off" if off[method] else ""]
                    rows.append([name, str(shards), method, *cells])
                    print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
            fine &= not all(off.values()) and all(told[method] for method in METHODS if off[method])
    header = ["", "shards", "method", "mean shift / sd", "sd ratio", "divergent %", "diagnostic", "k-hat", "s", ""]
    print_table("Consensus against one exact chain", header, rows)
    return fine


def _covered(seed: int) -> dict[str, tuple[float, float, float]]:
    """Return truth's rank among the draws, and mean and standard deviation, per parameter, of one measurement."""
    from heterodyne_cmc import fit_cmc_jax

    data, config, truth = measure(EXPERIMENTS["correlated, 3 angles"], seed)
    cmc = {"shards": 1, "chains": 2, "warmup": 200, "samples": 300, "seed": seed}
    result = fit_cmc_jax(data, {**config, "cmc": cmc})
    return {
        name: (float(np.mean(draws < truth[name])), float(draws.mean() - truth[name]), float(draws.std()))
        for name, draws in result.draws.items()
    }


def coverage(count: int) -> bool:
    """Print how often the posterior's intervals hold the truth; return whether all are within three standard errors."""
    found = []
    with multiprocessing.get_context("spawn").Pool(2, _one_thread) as pool:
        for done in pool.imap(_covered, range(count)):
            found.append(done)
            print(f"coverage: {len(found)}/{count}", file=sys.stderr, flush=True)
    rows, fine = [], True
    for name in found[0]:
        rank, error, sd = np.array([one[name] for one in found]).T
        covered = {68.27: np.mean(np.abs(rank - 0.5) < 0.34135), 95.45: np.mean(np.abs(rank - 0.5) < 0.47725)}
        ratio = float(np.std(error, ddof=1) / np.sqrt(np.mean(sd**2)))
        off = [
            abs(p - level / 100) > 3 * np.sqrt(level / 100 * (1 - level / 100) / count) for level, p in covered.items()
        ]
        fine &= not any(off)
        cells = [f"{100 * p:.0f}" for p in covered.values()]
        rows.append([name, *cells, f"{ratio:.2f}", "off" if any(off) else ""])
    print_table(f"Calibrated posterior, {count} measurements", ["", "68 %", "95 %", "scatter / sd", ""], rows)
    return fine


def starts() -> bool:
    """Print the share of divergent steps, the worst shard, from the point estimate and without it."""
    from heterodyne_cmc import fit_cmc_jax

    data, config, _ = measure(EXPERIMENTS["correlated, 3 angles"], 1)
    default = {"model": {"parameters": {name: {"vary": False, "value": 0.0} for name in HELD}}}
    rows, fine = [], True
    for label, asked, start in (("NLSQ result", config, "auto"), ("registry defaults", default, "values")):
        result = fit_cmc_jax(data, {**asked, "cmc": {"shards": 4, **SHORT}}, start=start)
        worst = max(s.divergences[-1] for s in result.diagnostics.shards) / (4 * SHORT["samples"])
        found = result.diagnostics
        rows.append([label, f"{100 * worst:.2f}", f"{found.r_hat:.3f}", f"{found.ess_bulk:.0f}", str(result.success)])
        fine &= label != "NLSQ result" or worst < 0.005
    print_table("Starts", ["", "divergent %, worst shard", "R-hat", "ESS", "converged"], rows)
    return fine


def times() -> bool:
    """Print seconds and effective draws per second of the exact chain and of a consensus."""
    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax

    rows = []
    for n_t, steps_of in TIMED.items():
        data, config, _ = measure(EXPERIMENTS["correlated, 3 angles"]._replace(n_t=n_t), 1)
        nlsq = fit_nlsq_jax(data, config)
        for shards in (1, "auto"):
            begin = time.perf_counter()
            result = fit_cmc_jax(data, {**config, "cmc": {"shards": shards, **steps_of}}, nlsq)
            seconds = time.perf_counter() - begin
            leaps = float(np.mean(result.sample_stats["n_steps"]))
            ess, drawn = result.diagnostics.ess_bulk, f"{steps_of['warmup']} + {steps_of['samples']}"
            cells = [drawn, f"{seconds:.0f}", f"{ess:.0f}", f"{ess / seconds:.2g}", f"{leaps:.1f}"]
            rows.append([f"3 x {n_t}", str(result.n_shards), *cells])
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    print_table("Time, 4 chains", ["", "shards", "draws", "s", "ESS", "ESS / s", "leaps"], rows)
    return True


def workers() -> bool:
    """Print seconds of the same shards on one and on two worker processes of a Dask scheduler; return whether two are
    faster and leave the same draws."""
    from distributed import LocalCluster

    from heterodyne_cmc import fit_cmc_jax
    from heterodyne_nlsq import fit_nlsq_jax

    data, config, _ = measure(EXPERIMENTS["correlated, 3 angles"]._replace(n_t=300), 1)
    nlsq = fit_nlsq_jax(data, config)
    seconds, draws = [], []
    for count in (1, 2):
        with LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, env=ONE_THREAD
        ) as cluster:
            address = {"scheduler": cluster.scheduler_address}
            asked = {"shards": 4, "consensus": "gaussian", "engine": "dask", "dask": address, **SHORT}
            begin = time.perf_counter()
            found = fit_cmc_jax(data, {**config, "cmc": asked}, nlsq)
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


if __name__ == "__main__":
    COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    parts = {
        "consensus": consensus,
        "coverage": lambda: coverage(COUNT),
        "starts": starts,
        "time": times,
        "workers": workers,
    }
    chosen = [sys.argv[1]] if len(sys.argv) > 1 else list(parts)
    results = [parts[name]() for name in chosen]
    sys.exit(0 if all(results) else 1)
