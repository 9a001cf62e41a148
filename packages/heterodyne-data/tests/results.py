"""A point estimate made by hand, for the tests. Run as a program, it writes the example of the contract's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

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
    NestedTest,
    NLSQResult,
    Signal,
)
from heterodyne_data.result.document import to_document
from heterodyne_spec import load_model

FUNCTIONS = ("J_r", "J_s", "v", "x")


def make_result(**changes: Any) -> NLSQResult:
    """Return a result of two angles in which D0_ref and v0 are free, v0 not determined, D0_sample tied."""
    spec = load_model()
    status = dict.fromkeys(spec.names, "fixed") | {"D0_ref": "free", "v0": "free", "D0_sample": "tied"}
    table = tuple(
        FittedParameter(
            name=p.name,
            unit=p.unit,
            value=p.default,
            sd=12.5 if p.name == "D0_ref" else np.nan,
            lower=p.bounds[0],
            upper=p.bounds[1],
            status=status[p.name],
            tie="D0_ref" if p.name == "D0_sample" else None,
            determined=p.name != "v0",
            at_bound="lower" if p.name == "f3" else None,
            standing={"D0_ref": "determined", "v0": "chosen", "D0_sample": "tied"}.get(p.name, "held"),
            against="beta, v_offset" if p.name == "v0" else "",
        )
        for p in spec.parameters
    )
    direction = Direction("singular", {"v0": 1.0}, 1e-17, "the data do not see v0")
    values: dict[str, Any] = {
        "table": table,
        "varying": ("D0_ref", "v0"),
        "covariance": np.array([[156.25, 0.1], [0.1, 2.0]]),
        "covariance_iid": np.array([[1.0, 0.0], [0.0, 2.0]]),
        "covariance_kind": "independent",
        "scaling": FittedScaling(
            "individual", np.array([0.1, 0.2]), np.array([1.0, 1.01]), np.array([1e-3, np.nan]), np.array([np.nan, 0])
        ),
        "data": FittedData(0.0054, np.array([-5.8, 90.0]), 4, 2, 0.1, ("baseline 1 found",), {"frames": (2, 5)}),
        "cost": 1.25,
        "reduced_chi2": np.nan,
        "noise_sd": np.array([0.01, 0.02]),
        "n_pairs": 12,
        "n_evaluations": 7,
        "method": "factored",
        "start": "the values of the configuration",
        "success": True,
        "message": "converged",
        "warnings": ("noise taken as independent",),
        "identifiability": Identifiability(("D0_ref",), ("v0",), (direction,)),
        "model": {"id": spec.id, "version": spec.version, "sha256": spec.sha256},
        "timings": {"fit": 0.5},
        "versions": {"heterodyne-spec": "0.1.0"},
        "config": {"data": {"q": np.float64(0.0054), "frames": (2, 5)}},
        "command": "heterodyne-nlsq --data a.h5",
        "age_resolved": AgeResolved(
            np.array([0.1, 0.2]),
            {name: np.array([1.5, np.nan]) for name in FUNCTIONS},
            {name: np.array([0.5, np.nan]) for name in FUNCTIONS},
            "every age by itself",
        ),
        "alternatives": (
            Alternative(1.5, 12.5, {p.name: p.default for p in spec.parameters}, "mean v 5 instead of 6"),
        ),
        "conventions": ("v is positive",),
        "bands": Bands(
            np.array([0.1, 0.2]),
            {name: np.array([1.5, 2.5]) for name in FUNCTIONS},
            {name: np.array([0.5, 0.25]) for name in FUNCTIONS},
        ),
        "derived": (Derived("mean velocity", 500.0, 2.0, "Å/s", "mean of v over the measurement"),),
        "noise": MapNoise(np.array([4000.0, np.nan]), np.array([0.25, 1.0]), np.array([1.0, 1.5]), "2 to 9 times"),
        "signal": {
            "contrast": Signal(True, 1200.0, 0.0, "the maps show contrast"),
            "flow": Signal(False, 9.5, 0.6, "no flow is seen"),
        },
        "verdict": "caution",
        "sentence": "no flow is seen: no velocity is stated.",
        "headline": (Derived("J_r", 3370.0, 110.0, "Å²/s", "transport coefficient of the reference at 20 s"),),
        "nested": (NestedTest(("f1", "f3"), True, 96.0, 2, 1e-20, True, "x held constant: the data need it to vary"),),
    }
    return NLSQResult(**(values | changes))


def example(model: dict[str, str]) -> dict[str, Any]:
    """Return the document of the result, with a `model` of its own: its hash changes with every word there."""
    return json.loads(json.dumps(to_document(make_result()))) | {"model": model}


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "heterodyne-spec" / "tests" / "nlsq_result.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(example(written["model"]), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
