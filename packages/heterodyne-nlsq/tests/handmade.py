"""A result made by hand, with all that the screen and the report show: no fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from conftest import DT, TRUTH, Q

from heterodyne_data import (
    Alternative,
    Bands,
    Derived,
    Direction,
    FittedData,
    FittedParameter,
    FittedScaling,
    Identifiability,
    MapNoise,
    NestedTest,
    NLSQResult,
    Signal,
)
from heterodyne_spec import load_model

SPEC = load_model()
HELD, OPEN = ("f2",), ("D0_ref", "D_offset_ref")
FREE = tuple(name for name in TRUTH if name not in HELD)
N_T = 40


def signal(**absent: float) -> dict[str, Signal]:
    """Return the answers of a measurement that shows everything but what is named, with its p-value."""
    names = ("contrast", "dynamics", "two_components", "flow", "ageing")
    return {name: Signal(name not in absent, 300.0, absent.get(name, 0.0), f"words about {name}") for name in names}


def made(truth: dict[str, float] | None = None, **changes: Any) -> NLSQResult:
    """Return a usable result of two angles: x varies, f2 is held, D0_ref and D_offset_ref are open."""
    values = TRUTH | (truth or {})
    table = tuple(
        FittedParameter(
            p.name,
            p.unit,
            values[p.name],
            0.03 * abs(values[p.name]) if p.name in FREE and p.name not in OPEN else np.nan,
            *p.bounds,
            status="fixed" if p.name in HELD else "free",
            determined=p.name not in OPEN,
            standing="held" if p.name in HELD else "chosen" if p.name in OPEN else "determined",
            against="D_offset_ref" if p.name == "D0_ref" else "",
        )
        for p in SPEC.parameters
    )
    ages = np.linspace(DT, N_T * DT, 20)
    courses = {f.name: np.asarray(SPEC.evaluate(f.name, values, ages)) for f in SPEC.functions}
    covariance = np.diag([(0.03 * abs(values[name])) ** 2 for name in FREE])
    direction = Direction("weak", {"D0_ref": 0.7, "D_offset_ref": -0.7}, 1e-9, "D0_ref, D_offset_ref move together")
    fields: dict[str, Any] = {
        "table": table,
        "varying": FREE,
        "covariance": covariance,
        "covariance_iid": covariance / 16,
        "covariance_kind": "calibrated",
        "scaling": FittedScaling(
            "individual",
            np.array([0.197, 0.2]),
            np.array([1.0025, 1.0011]),
            np.array([0.0012, 0.0013]),
            np.array([0.0004, 0.0005]),
        ),
        "data": FittedData(Q, np.array([-45.0, 5.0]), N_T, 1, DT, (), {"file": "flow.h5"}),
        "cost": 1.25,
        "reduced_chi2": 1.1,
        "noise_sd": np.full(2, 5e-3),
        "n_pairs": N_T * (N_T - 1),
        "n_evaluations": 40,
        "method": "factored",
        "start": "the data",
        "success": True,
        "message": "converged",
        "warnings": ("v0 ended at its lower bound 0", direction.statement),
        "identifiability": Identifiability(tuple(n for n in FREE if n not in OPEN), OPEN, (direction,)),
        "model": {"id": SPEC.id, "version": SPEC.version, "sha256": SPEC.sha256},
        "timings": {"fit": 0.5},
        "versions": {"heterodyne-nlsq": "0.1.0"},
        "config": {"data": {"q": Q}},
        "alternatives": (
            Alternative(1.5, 12.5, dict(values), "mean v 501 instead of 432 Å/s; mean x 0.2 instead of 0.6"),
        ),
        "bands": Bands(ages, courses, {name: 0.02 * np.abs(v) for name, v in courses.items()}),
        "derived": (
            Derived("mean velocity", 432.1, 2.0, "Å/s", "mean of v over the measurement"),
            Derived("mean fraction", 0.61, 0.02, "1", "mean of x over the measurement"),
        ),
        "noise": MapNoise(
            np.full(2, 4e3), np.full(2, 0.3), np.array([1.04, 1.5]), "standard deviations are calibrated"
        ),
        "signal": signal(),
        "headline": (
            Derived("J_r", 3370.0, 110.0, "Å²/s", "transport coefficient of the reference at 2 s"),
            Derived("v", 512.6, 2.4, "Å/s", "velocity at 2 s"),
            Derived("d ln v/d ln t", -0.42, 0.01, "1", "local exponent of v at 2 s"),
        ),
    }
    return NLSQResult(**{**fields, **changes})


def upward(needed: bool = True) -> NestedTest:
    """Return a test of something that was held."""
    words = "x held constant: the data need it to vary" if needed else "x held constant: the data do not need more"
    return NestedTest(("f0", "f1"), True, 96.3 if needed else 1.2, 2, 1e-20 if needed else 0.5, needed, words)
