"""Results made by hand, with all that a report can show: no fit, no sampling, some milliseconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.posterior import QUANTILES, Calibration, Diagnostics, PosteriorBands, ShardDiagnostics, SummaryRow
from heterodyne_cmc.result import CMCResult
from heterodyne_data import (
    AgeResolved,
    Alternative,
    Bands,
    Derived,
    Direction,
    FittedData,
    FittedParameter,
    FittedScaling,
    Identifiability,
    MapNoise,
    NLSQResult,
)
from heterodyne_spec import load_model

VALUES = {
    "D0_ref": 1500.0,
    "alpha_ref": 0.3,
    "D_offset_ref": 200.0,
    "D0_sample": 9000.0,
    "alpha_sample": -0.3,
    "D_offset_sample": 500.0,
    "v0": 700.0,
    "beta": -0.4,
    "v_offset": 0.0,
    "f0": 0.3,
    "f1": -0.15,
    "f2": 0.0,
    "f3": 0.35,
    "phi0": -2.0,
}
HELD = ("v_offset", "f0", "f1", "f2", "alpha_ref", "alpha_sample", "D_offset_sample")
"""Few are free, since the pairs of those fill the largest picture of a report."""
FREE = tuple(name for name in VALUES if name not in HELD)
OPEN = ("D0_ref", "D_offset_ref")
SPREAD = {name: 0.03 * abs(value) for name, value in VALUES.items()}
N_T, DT, Q, PHI = 40, 0.1, 0.0054, (-45.0, 5.0)
SPEC = load_model()


def data(**given: Any) -> FittedData:
    provenance = {"file": 'flow <b>&"run".h5', "sha256": "5" * 64, "layout": "aps-u", "frames": [1, N_T]}
    return FittedData(Q, np.array(PHI), N_T, 1, DT, ("baseline 1 found",), {**provenance, **given})


def maps() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return maps of data and model that look like some; the diagonal is shot noise."""
    t = data().t
    lag = np.abs(t - t[:, None])
    model = np.stack([1 + 0.2 * np.exp(-lag) * (1 + 0.5 * np.cos(k * lag)) for k in (2.0, 6.0)])
    noise = np.triu(np.random.default_rng(0).normal(0, 5e-3, model.shape))
    c2 = model + noise + np.swapaxes(np.triu(noise, 1), 1, 2)
    c2[:, np.arange(N_T), np.arange(N_T)] = 1.6
    return c2.astype(np.float32), model.astype(np.float32)


def fit_result(**changes: Any) -> NLSQResult:
    """Return a point estimate with D0_ref and D_offset_ref not determined by themselves, and another minimum."""
    values = {**VALUES, **changes.pop("values", {})}
    sd = {name: SPREAD[name] if name in FREE and name not in OPEN else np.nan for name in VALUES}
    table = tuple(
        FittedParameter(
            p.name, p.unit, values[p.name], sd[p.name], *p.bounds, "fixed" if p.name in HELD else "free", None,
            p.name not in OPEN,
        )
        for p in SPEC.parameters
    )  # fmt: skip
    covariance = np.diag([SPREAD[name] ** 2 for name in FREE])
    ages = np.geomspace(DT, N_T * DT, 30)
    courses = {f.name: SPEC.evaluate(f.name, values, ages) for f in SPEC.functions}
    seen = {f.name: SPEC.evaluate(f.name, values, ages[::5]) for f in SPEC.functions}
    direction = Direction("weak", {"D0_ref": 0.7, "D_offset_ref": -0.7}, 1e-9, "D0_ref, D_offset_ref are hardly known")
    fields: dict[str, Any] = {
        "table": table,
        "varying": FREE,
        "covariance": covariance,
        "covariance_iid": covariance / 16,
        "covariance_kind": "calibrated",
        "scaling": FittedScaling("individual", *(np.full(2, v) for v in (0.2, 1.0, 2e-3, 1e-3))),
        "data": data(),
        "cost": 1.25,
        "reduced_chi2": 1.1,
        "noise_sd": np.full(2, 5e-3),
        "n_pairs": 2 * N_T * (N_T - 1) // 2,
        "n_evaluations": 40,
        "method": "factored",
        "start": "the ages",
        "success": True,
        "message": "converged: the cost no longer changed",
        "warnings": ("f3 ended at its <lower> bound", direction.statement),
        "identifiability": Identifiability(tuple(n for n in FREE if n not in OPEN), OPEN, (direction,)),
        "model": {"id": SPEC.id, "version": SPEC.version, "sha256": SPEC.sha256},
        "timings": {"fit": 0.5},
        "versions": {"heterodyne-nlsq": "0.1.0"},
        "config": {"data": {"q": Q}},
        "command": "heterodyne --data 'flow.h5' --output results",
        "age_resolved": AgeResolved(ages[::5], seen, {n: 0.1 * np.abs(v) for n, v in seen.items()}, "by itself"),
        "alternatives": (Alternative(1.5, 12.5, VALUES, "mean v 5 instead of 6"),),
        "conventions": ("v is positive",),
        "bands": Bands(ages, courses, {n: 0.02 * np.abs(v) for n, v in courses.items()}),
        "derived": (Derived("mean velocity", 400.0, 2.0, "Å/s", "mean of v over the measurement"),),
        "noise": MapNoise(np.full(2, 4e3), np.full(2, 0.3), np.ones(2), "standard deviations are 4 times as large"),
        "maps": maps(),
    }
    return NLSQResult(**{**fields, **changes})


def posterior_result(**changes: Any) -> CMCResult:
    """Return a posterior of two shards about the values of `fit_result`; that of phi0 is its prior's."""
    rng = np.random.default_rng(1)

    def draw(value: float, sd: float, *shape: int) -> npt.NDArray[np.float64]:
        return value + sd * rng.normal(size=shape)

    draws = {name: draw(VALUES[name], SPREAD[name], 2, 100) for name in FREE}
    contrast, offset, noise = draw(0.2, 2e-3, 2, 100, 2), draw(1.0, 1e-3, 2, 100, 2), draw(5e-3, 1e-5, 2, 100)
    beside = {"contrast": contrast, "offset": offset, "noise_sd": noise}
    sub = {name: np.stack([values, values + 0.1 * values.std()]) for name, values in {**draws, **beside}.items()}
    ages = np.geomspace(DT, N_T * DT, 30)
    full = [{**VALUES, **{name: values.flat[k] for name, values in draws.items()}} for k in range(0, 200, 4)]
    bands = {
        f.name: np.quantile([SPEC.evaluate(f.name, one, ages) for one in full], QUANTILES, axis=0)
        for f in SPEC.functions
    }
    shard = ShardDiagnostics(0, 700, 1, (0,), 1.004, 800.0, 700.0, 0.9, 4, 0, 0.9, (0.3, 0.4), 1.0, 12.0)
    shards = (shard, ShardDiagnostics(**{**vars(shard), "shard": 1}))
    rows = [_summary(n, SPEC.parameter(n).unit, None, values) for n, values in draws.items()]
    rows += [_summary("contrast", "1", phi, contrast[..., k]) for k, phi in enumerate(PHI)]
    rows += [_summary("offset", "1", phi, offset[..., k]) for k, phi in enumerate(PHI)]
    steps = {name: np.ones((2, 2, 100)) for name in ("lp", "acceptance_rate", "n_steps", "tree_depth")}
    energy = rng.normal(size=(2, 2, 100))
    fields: dict[str, Any] = {
        "draws": draws,
        **beside,
        "sub_draws": sub,
        "sample_stats": {"diverging": np.zeros((2, 2, 100), bool), "energy": energy, **steps},
        "bands": PosteriorBands(ages, bands),
        "observed": maps()[0],
        "log_likelihood": None,
        "summary": (*rows, _summary("noise_sd", "1", None, noise)),
        "diagnostics": Diagnostics(
            shards, 0, 1.004, 800.0, 700.0, 0.9, 10.0, 12.0, 0.6, 0.0, False, 0.0, 0.0, 0, 0, 0.1, True
        ),
        "method": "gaussian",
        "requested": "auto",
        "n_shards": 2,
        "n_pairs": 1400,
        "success": True,
        "message": "converged; Gaussian consensus of 2 shards",
        "calibration": Calibration("calibrated", 0.01, "pairs share their noise"),
        "warnings": ("weakly constrained by the data: phi0",),
        "fixed": {name: VALUES[name] for name in HELD},
        "data": data(),
        "model": {"id": SPEC.id, "version": SPEC.version, "sha256": SPEC.sha256},
        "seed": 7,
        "timings": {"sample": 24.0},
        "versions": {"heterodyne-cmc": "0.1.0", "numpyro": "0.1"},
        "config": {
            "data": {"q": Q},
            "model": {"parameters": {name: {"value": VALUES[name], "vary": False} for name in HELD}},
        },
        "start": {"source": "nlsq", "values": VALUES, "nlsq": {"sd": SPREAD}},
        "command": "heterodyne --method cmc",
    }
    return CMCResult(**{**fields, **changes})


def _summary(name: str, unit: str, phi: float | None, values: npt.NDArray[np.float64]) -> SummaryRow:
    low, high, lowest, highest = np.quantile(values, (0.16, 0.84, 0.025, 0.975)).tolist()
    contraction = 0.02 if name == "phi0" else 0.999
    return SummaryRow(
        name, unit, phi, "free", float(values.mean()), float(values.std()), low, high, lowest, highest,
        800.0, 700.0, 1.004, contraction,
    )  # fmt: skip
