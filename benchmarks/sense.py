"""Do fitted numbers make sense? Costs, bounds, distances from the truth, minima, offsets, times of random experiments.

Half of the part `real` of ``evidence.py``. Every experiment of the range of ``starts.py`` is fitted with default
settings, with ``nlsq.representative: optimum``, and from the parameters it was made with; where a parameter ends at a
bound, once more with that parameter held inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from claims import at_ages, claimed, fit_from, sizes, timed_fit
from starts import SOLVED, experiment
from table import number, print_table, seconds

type FloatArray = npt.NDArray[np.float64]
type Row = dict[str, Any]

NOISES = ("white", "speckle")
COST_ERROR = 1e-9
"""Largest relative difference of the stated cost from that of the stated numbers."""

EARNED = 4.0
"""Rise of chi-square, calibrated, from which a parameter is at a bound because the data want it there."""

NEAR = 0.25
"""Standard deviations that the reported functions may be from those of the optimum."""

UNSOLVED = 0.005
OFF = 0.02
COMPARED = ("D0_ref", "alpha_ref", "D0_sample", "alpha_sample", "v0", "beta")
SCALES = ("D0_ref", "D0_sample", "v0")
AGES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
TRADED = {"D0_ref": "D0_sample", "alpha_ref": "alpha_sample", "D_offset_ref": "D_offset_sample"}
EITHER = "do not determine which component"
"""In a convention of the result: the names of the components are exchangeable."""


FRAMES, ANGLES = (128, 200, 300, 400, 600, 1000), (1, 2, 3, 5, 8)
"""Sizes, about even in the logarithm: few, since every size is compiled anew."""


def case(seed: int) -> Row:
    """Fit one experiment in every way that is compared."""
    noise, rng = NOISES[seed % 2], np.random.default_rng(seed)
    made = experiment(seed, noise, int(rng.choice(FRAMES)), int(rng.choice(ANGLES)))
    optimum, _ = timed_fit(made.data, {"nlsq": {"representative": "optimum"}})
    # The second fit of a shape: most is compiled by now.
    result, spent = timed_fit(made.data)
    reference = fit_from(made.data, made.truth)
    return {
        "noise": noise,
        "description": made.description,
        **claimed(result),
        "size": sizes(made.truth, reference),
        "constants": made.truth["D_offset_ref"] != 0,
        "cost_error": cost_error(made.data, result),
        "edges": edges(made.data, result),
        "pulls": pulls(made.truth, result),
        "moved": moved(result, optimum),
        "success": bool(result.success),
        "message": result.message,
        "ratio": optimum.cost / reference.cost,
        "contrast": result.contrast.tolist(),
        "offset": result.offset.tolist(),
        "true_offset": true_offset(made.data, made.truth, noise).tolist(),
        "seconds": spent,
    }


def cost_error(data: Any, result: Any) -> float:
    """Return the relative difference of the stated cost from half the sum of squares at the stated numbers."""
    later = np.triu_indices(data.n_t, 1)
    squares = 0.0
    for k, bracket in enumerate(_brackets(data, result.parameters)):
        fitted = result.offset[k] + result.contrast[k] * bracket[later]
        squares += float(np.sum((data.c2[k][later].astype(float) - fitted) ** 2))
    return abs(result.cost - squares / 2) / (squares / 2)


def _brackets(data: Any, parameters: Mapping[str, float]) -> list[FloatArray]:
    """Return (c2 - offset) / contrast of every angle, (n_t, n_t)."""
    import jax

    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    with jax.enable_x64(True):
        model = HeterodyneModel(**parameters)
        return [np.asarray(c2_meshgrid(model, data.t, data.q, float(phi), 1.0, 0.0)) for phi in data.phi]


def true_offset(data: Any, truth: Mapping[str, float], noise: str) -> FloatArray:
    """Return the offsets (n_phi,) a measurement was made with: 1 of speckle, else those that fit the true dynamics."""
    if noise == "speckle":
        return np.ones(data.n_phi)
    later = np.triu_indices(data.n_t, 1)
    lines = [np.polyfit(b[later], data.c2[k][later].astype(float), 1) for k, b in enumerate(_brackets(data, truth))]
    return np.array([line[1] for line in lines])


def edges(data: Any, result: Any) -> list[dict[str, Any]]:
    """Return the parameters at a bound, and how much chi-square rises where each is held a little inside.

    `rise` takes the noise of the pairs as independent; `calibrated` is in the units of the calibrated uncertainty of
    that parameter.
    """
    found = []
    fitted = len(result.varying) + 2 * len(result.offset)
    variance = 2 * result.cost / (result.n_pairs - fitted)
    for row in result.table:
        if row.at_bound is None:
            continue
        step = 0.05 * abs(row.value) if row.name in SCALES else 0.01 * (row.upper - row.lower)
        inside = row.value + (step if row.at_bound == "lower" else -step)
        held = fit_from(data, {**result.parameters, row.name: inside}, (row.name, *_not_varied(result)))
        rise = 2 * (held.cost - result.cost) / variance
        k = result.varying.index(row.name)
        correction = result.covariance_iid[k, k] / result.covariance[k, k]
        found.append({"name": row.name, "bound": row.at_bound, "rise": rise, "calibrated": rise * correction})
    return found


def _not_varied(result: Any) -> tuple[str, ...]:
    return tuple(row.name for row in result.table if row.status == "fixed")


def pulls(truth: Mapping[str, float], result: Any) -> dict[str, float]:
    """Return (value - truth) / sd of the compared parameters that are determined."""
    if any(EITHER in words for words in result.conventions):
        truth = min((truth, exchanged(truth)), key=lambda one: _distance(one, result))
    rows = {row.name: row for row in result.table}
    return {
        name: (rows[name].value - truth[name]) / rows[name].sd
        for name in COMPARED
        if rows[name].determined and math.isfinite(rows[name].sd)
    }


def exchanged(truth: Mapping[str, float]) -> dict[str, float]:
    """Return parameters with the laws of J_r and J_s exchanged (x is left: it is not compared)."""
    back = {other: name for name, other in TRADED.items()}
    return dict(truth) | {name: truth[other] for name, other in (TRADED | back).items()}


def _distance(truth: Mapping[str, float], result: Any) -> float:
    ages = result.data.t[[0, -1]].mean() * np.array([0.5, 1.0, 1.5])
    true, fitted = (at_ages(values, ages) for values in (truth, result.parameters))
    ratios = [np.maximum(true[f], 1e-9) / np.maximum(fitted[f], 1e-9) for f in ("J_r", "J_s")]
    return float(np.abs(np.log(ratios)).sum())


def moved(result: Any, optimum: Any) -> dict[str, float]:
    """Return the largest distance of each reported function from that of the optimum, in sd, at five ages."""
    t = optimum.data.t
    ages = t[0] + (t[-1] - t[0]) * AGES
    bands = optimum.bands
    sd = {name: np.interp(ages, bands.t, values) for name, values in bands.sd.items()}
    here, there = at_ages(result.parameters, ages), at_ages(optimum.parameters, ages)
    return {name: float(np.max(np.abs(here[name] - there[name]) / np.maximum(sd[name], 1e-300))) for name in here}


def line(row: Row) -> str:
    """Return a row in a line."""
    at = " ".join(f"{e['name']} {e['bound']} {e['calibrated']:.2g}" for e in row["edges"])
    return (
        f"{row['noise']}: cost off {row['cost_error']:.1e}  minimum {row['ratio']:.5f}  moved "
        f"{max(row['moved'].values()):.2g} sd  {row['seconds']:.1f} s  {at}"
    )


def report(rows: list[Row]) -> bool:
    """Print what was measured; return whether the targets hold."""
    checks = [_costs(rows), _edges(rows), _pulls(rows), _moved(rows), _minima(rows), _offsets(rows)]
    times = {noise: [row["seconds"] for row in rows if row["noise"] == noise] for noise in NOISES}
    cells = [[noise, str(len(t)), seconds(np.median(t)), seconds(max(t))] for noise, t in times.items() if t]
    print_table("Time of a fit with default settings, 1 core", ["noise", "", "median", "longest"], cells)
    return all(checks)


def _costs(rows: list[Row]) -> bool:
    worst = max(rows, key=lambda row: row["cost_error"])
    wrong = sum(row["cost_error"] > COST_ERROR for row in rows)
    cells = [[number(worst["cost_error"]), str(worst["seed"]), f"{wrong} of {len(rows)}"]]
    print_table("Stated cost and cost of the stated numbers", ["largest difference", "seed", "above 1e-9"], cells)
    return not wrong


def _edges(rows: list[Row]) -> bool:
    with_edges = [row for row in rows if row["edges"]]
    listed = [(row["seed"], edge) for row in with_edges for edge in row["edges"]]
    cells = [[str(s), e["name"], e["bound"], number(e["rise"]), number(e["calibrated"])] for s, e in listed]
    title = f"Parameters at a bound: in {len(with_edges)} of {len(rows)} fits"
    header = ["seed", "parameter", "bound", "rise of chi-square inside", "calibrated"]
    print_table(title, header, cells or [["none", "", "", "", ""]])
    return all(edge["calibrated"] >= EARNED for _, edge in listed)


def _pulls(rows: list[Row]) -> bool:
    cells = []
    for words, among in (
        ("all", rows),
        *((noise, [row for row in rows if row["noise"] == noise]) for noise in NOISES),
        ("without constants", [row for row in rows if not row["constants"]]),
    ):
        for name in COMPARED:
            pull = np.abs([row["pulls"][name] for row in among if name in row["pulls"]])
            within = [f"{100 * np.mean(pull <= z):.1f} %" if pull.size else "" for z in (1, 2, 3)]
            cells.append([words, name, f"{pull.size} of {len(among)}", *within])
    print_table("Distance from the truth", ["", "parameter", "determined", "1 sd", "2 sd", "3 sd"], cells)
    far = [(row["seed"], name, pull) for row in rows for name, pull in row["pulls"].items() if abs(pull) > 3]
    cells = [[str(seed), name, f"{pull:+.1f}"] for seed, name, pull in far]
    print_table("Beyond 3 sd", ["seed", "parameter", "sd"], cells or [["none", "", ""]])
    return True


def _moved(rows: list[Row]) -> bool:
    names, cells = ("J_r", "J_s", "v", "x"), []
    for name in names:
        worst = max(rows, key=lambda row: row["moved"][name])
        beyond = sum(row["moved"][name] > NEAR for row in rows)
        cells.append([name, f"{worst['moved'][name]:.3g}", str(worst["seed"]), f"{beyond} of {len(rows)}"])
    header = ["function", "largest, sd", "seed", f"beyond {NEAR:g} sd"]
    print_table("Reported functions against those of the optimum, at five ages", header, cells)
    return not any(row["moved"][name] > NEAR for row in rows for name in names)


def _minima(rows: list[Row]) -> bool:
    stopped = [row for row in rows if not row["success"]]
    higher = [row for row in rows if row["ratio"] > SOLVED]
    said = {"not converged": stopped, f"cost above {SOLVED} × that from the truth": higher}
    cells = [[k, f"{len(v)} of {len(rows)}", ", ".join(str(row["seed"]) for row in v)] for k, v in said.items()]
    worst = f"worst cost ratio {max(row['ratio'] for row in rows):.4f}"
    print_table("Minima found without starting values", ["", "", "seeds"], cells, [worst])
    return not stopped and len(higher) <= UNSOLVED * len(rows)


def _offsets(rows: list[Row]) -> bool:
    cells = []
    for row in rows:
        for k, (found, true) in enumerate(zip(row["offset"], row["true_offset"], strict=True)):
            if abs(found - 1) > OFF >= abs(true - 1):
                cells.append([str(row["seed"]), str(k + 1), f"{row['contrast'][k]:.3f}", f"{found:.4f}", f"{true:.4f}"])
    n_angles = sum(len(row["offset"]) for row in rows)
    title = f"Offsets more than {OFF} from 1, though the true one is not: {len(cells)} of {n_angles}"
    print_table(title, ["seed", "angle", "contrast", "offset", "true"], cells or [["none", "", "", "", ""]])
    return True
