"""Joint fits at the level of speckle: coverage, how much sharper they are, and whether they notice what is wrong.

``python joint.py [samples | scaling | repeats | posterior | time] [COUNT]``

* samples: random samples (50), each measured at 5 q and 4 azimuths; intervals of the common functions against the
  truth, standard deviations against those of the best single q, false alarms of the test of agreement, exponents of q.
* scaling: the same with J ~ q^1.7: how often the test and the exponent notice it.
* repeats: series (30) of 5 repeats: their scatter over the stated noise.
* posterior: 3 q of a sample (3 samples), all maps at once against one shard per q: means, widths, times.
* time: 5 q x 4 azimuths x 300 and 1000 frames, warm.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import sys
import time
from typing import Any

import numpy as np
from table import print_table

QS = (0.0035, 0.0045, 0.0054, 0.0068, 0.0081)
PHI = (-40.0, 5.0, 40.0, 80.0)
N_T, DT, PIXELS, MODES = 300, 0.1, 4000, 4
AGES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
FUNCTIONS = ("J_r", "J_s", "v")
EXCHANGED = {"J_r": "J_s", "J_s": "J_r"}
LEVELS = {68: 1.0, 95: 2.0}


def sample(seed: int) -> dict[str, float]:
    """Return the parameters of a random sample."""
    rng = np.random.default_rng(seed)
    return {
        "D0_ref": 10 ** rng.uniform(2.5, 3.5),
        "alpha_ref": rng.uniform(-0.4, 0.4),
        "D_offset_ref": rng.uniform(0, 300),
        "D0_sample": 10 ** rng.uniform(3.6, 4.2),
        "alpha_sample": rng.uniform(-0.5, 0.2),
        "D_offset_sample": rng.uniform(0, 800),
        "v0": 10 ** rng.uniform(2.2, 3.0),
        "beta": rng.uniform(-0.5, 0.1),
        "v_offset": 0.0,
        "f0": rng.uniform(0.2, 0.5),
        "f1": rng.uniform(-0.05, 0.02),
        "f2": 0.0,
        "f3": rng.uniform(0.1, 0.4),
        "phi0": rng.uniform(-8, 8),
    }


def measured(truth: dict[str, float], qs: tuple[float, ...], seed: int, m: float = 2.0, n_t: int = N_T) -> list[Any]:
    """Return one simulated measurement of a sample per q, of another mixing fraction each; J enters with q^m."""
    from heterodyne_nlsq import Experiment, simulate

    rng, found, middle = np.random.default_rng(seed), [], float(np.exp(np.mean(np.log(qs))))
    for k, q in enumerate(qs):
        scaled = (q / middle) ** (m - 2)
        own = {name: truth[name] * scaled for name in truth if name.startswith(("D0", "D_offset"))}
        if len(set(qs)) > 1:
            own["f0"] = truth["f0"] * rng.uniform(0.6, 1.4)
        plan = Experiment({**truth, **own}, q, PHI, n_t, DT, pixels=PIXELS, modes=MODES, seed=1000 * seed + k)
        found.append(simulate(plan))
    return found


def fitted(task: tuple[str, int]) -> dict[str, Any]:
    """Simulate and fit one sample."""
    from heterodyne_nlsq import fit_joint_jax
    from heterodyne_spec import load_model

    kind, seed = task
    truth, qs = sample(seed), (0.0054,) * 5 if kind == "repeats" else QS
    result = fit_joint_jax(measured(truth, qs, seed, 1.7 if kind == "scaling" else 2.0))
    bands, spec = result.members[0].joint.bands, load_model()
    ages = np.searchsorted(bands.t, N_T * DT * AGES)
    pulls, widths = {}, {}
    # Where the labels of the components are not determined, and said not to be, either may be found.
    untold = any("do not determine which component" in words for words in result.warnings)
    named = min(({}, EXCHANGED) if untold else ({},), key=lambda names: apart(bands, truth, names))
    for name in FUNCTIONS:
        right = spec.evaluate(named.get(name, name), truth, bands.t[ages])
        sd = np.where(bands.sd[name][ages] > 0, bands.sd[name][ages], np.nan)
        pulls[name] = (bands.values[name][ages] - right) / sd
        alone = np.array([member.alone.bands.sd[name][ages] for member in result.members])
        # At a bound nothing may be left to vary, and no error is known.
        known = np.where(alone > 0, alone, np.inf).min(axis=0), np.maximum(bands.sd[name][ages], 1e-300)
        widths[name] = np.where(np.isfinite(known[0]), known[0] / known[1], np.nan)
    return {
        "seed": seed,
        "verdict": result.verdict,
        "untold": untold,
        "pulls": pulls,
        "sharper": widths,
        "p": result.agreement.p_value,
        "ratio": result.agreement.statistic / result.agreement.expected,
        "exponents": {one.name: (one.value, one.sd) for one in result.exponents},
        "scatter": None if result.scatter is None else (result.scatter.ratio, result.scatter.sd),
    }


def apart(bands: Any, truth: dict[str, float], names: dict[str, str]) -> float:
    """Return how far J_r and J_s are from the truth, whose functions are called `names`."""
    from heterodyne_spec import load_model

    right = {name: load_model().evaluate(names.get(name, name), truth, bands.t) for name in ("J_r", "J_s")}
    return float(sum(np.median(np.abs(bands.values[name] / right[name] - 1)) for name in right))


def share(inside: np.ndarray) -> str:
    """Return a share in per cent with its binomial standard error."""
    rate = inside.mean()
    return f"{100 * rate:.0f} ± {100 * math.sqrt(max(rate * (1 - rate), 0.25 / inside.size) / inside.size):.0f}"


def report(kind: str, rows: list[dict[str, Any]]) -> None:
    """Print the tables of one kind of experiment."""
    good = [row for row in rows if row["verdict"] != "no-signal"]
    p = np.array([row["p"] for row in good])
    print(
        f"\n{kind}: {len(rows)} samples, usable {sum(row['verdict'] == 'usable' for row in rows)}, "
        f"labels not determined {sum(row['untold'] for row in rows)}"
    )
    for level in (0.05, 0.01, 0.001):
        print(f"  agreement refused at {level:g}: {100 * np.mean(p < level):.0f} % of {len(p)}")
    table = []
    for name in FUNCTIONS:
        pulls = np.concatenate([row["pulls"][name] for row in good])
        sharper = np.concatenate([row["sharper"][name] for row in good])
        pulls, sharper = pulls[np.isfinite(pulls)], sharper[np.isfinite(sharper)]
        held = [share(np.abs(pulls) < width) for width in LEVELS.values()]
        table.append([name, *held, f"{np.median(sharper):.2f}", f"{np.quantile(sharper, 0.1):.2f}", str(pulls.size)])
    header = ["function", *(f"{level} % hold" for level in LEVELS), "sharper", "least tenth", "values"]
    print_table("Common functions at five ages", header, table)
    for name in good[0]["exponents"]:
        value, sd = np.array([row["exponents"][name] for row in good]).T
        expected = 1.0 if name == "v" else 1.7 if kind == "scaling" else 2.0
        z = (value - expected) / sd
        noticed = np.abs(value - 2.0) / sd > 3.29 if kind == "scaling" and name == "J" else np.zeros(1)
        print(
            f"  exponent of q in {name}: median {np.median(value):.3f}, stated sd {np.median(sd):.3f}; within one sd "
            f"{share(np.abs(z) < 1)}, two {share(np.abs(z) < 2)}; p < 0.001 for 2 in {100 * noticed.mean():.0f} %"
        )
    if good[0]["scatter"] is not None:
        ratio, sd = np.array([row["scatter"] for row in good]).T
        error = ratio.std(ddof=1) / math.sqrt(ratio.size)
        print(
            f"  scatter over stated noise: mean {ratio.mean():.3f} ± {error:.3f}, of a series {ratio.std(ddof=1):.2f} "
            f"(stated {np.median(sd):.2f})"
        )


def posteriors(count: int) -> None:
    """Print how far a consensus of one shard per q is from the posterior of all maps at once."""
    from heterodyne_cmc import fit_joint_cmc_jax
    from heterodyne_nlsq import fit_joint_jax

    rows = []
    for seed in range(count):
        data = measured(sample(seed), QS[::2], seed, n_t=120)
        joint = fit_joint_jax(data)
        began = time.perf_counter()
        exact = fit_joint_cmc_jax(data, None, joint)
        middle = time.perf_counter()
        shards = fit_joint_cmc_jax(data, {"cmc": {"shards": len(data)}}, joint)
        ended = time.perf_counter()
        common = [(exact.row(row.name), row) for row in shards.common]
        apart = [abs(other.mean - one.mean) / one.sd for one, other in common]
        width = [other.sd / one.sd for one, other in common]
        effective = min(one.ess_bulk for one, _ in common), min(other.ess_bulk for _, other in common)
        rows.append(
            [
                str(seed),
                f"{exact.success}, {shards.success}",
                f"{np.median(apart):.2f} ({max(apart):.2f})",
                f"{np.median(width):.2f} ({min(width):.2f} .. {max(width):.2f})",
                f"{effective[0]:.0f}, {effective[1]:.0f}",
                f"{middle - began:.0f} s, {ended - middle:.0f} s",
            ]
        )
        print(rows[-1], file=sys.stderr, flush=True)
    header = ["sample", "usable", "means apart / sd", "ratio of sd", "effective draws", "time"]
    print_table("All maps at once, and one shard per q: 3 q x 4 azimuths x 120 frames, all free", header, rows)


def times() -> None:
    """Print the time and memory of warm joint fits."""
    from heterodyne_nlsq import fit_joint_jax

    for n_t in (300, 1000):
        data = measured(sample(0), QS, 0, n_t=n_t)
        fit_joint_jax(data)
        began = time.perf_counter()
        result = fit_joint_jax(data)
        spent = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"5 q x 4 x {n_t} frames: {spent:.1f} s {dict(result.timings)}, peak {peak:.1f} GB", flush=True)


def main(argv: list[str]) -> None:
    """Run what is asked for."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    kinds = [word for word in argv if not word.isdigit()] or ["samples", "scaling", "repeats", "posterior", "time"]
    count = next((int(word) for word in argv if word.isdigit()), None)
    for kind in kinds:
        if kind in ("time", "posterior"):
            times() if kind == "time" else posteriors(count or 3)
            continue
        n = count or (30 if kind == "repeats" else 50)
        with multiprocessing.get_context("spawn").Pool(int(os.environ.get("PROCESSES", "2"))) as pool:
            rows = []
            for row in pool.imap_unordered(fitted, [(kind, seed) for seed in range(n)]):
                rows.append(row)
                print(f"{kind} {len(rows)} of {n}", end="\r", file=sys.stderr, flush=True)
        report(kind, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
