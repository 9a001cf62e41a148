"""Valid documents of every kind, and ways to spoil them, for the tests."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from heterodyne_spec import (
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
    load_model,
)

GONE = object()


def changed(document: Any, *changes: tuple[tuple[Any, ...], Any]) -> Any:
    """Return a copy of `document` with (path, value) put in; the value GONE takes the item out."""
    whole = {"": copy.deepcopy(document)}
    for path, value in changes:
        *way, last = ("", *path)
        place: Any = whole
        for key in way:
            place = place[key]
        if value is GONE:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return whole[""]


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything inside a document, itself included."""
    yield path
    if isinstance(document, dict | list):
        for key, item in document.items() if isinstance(document, dict) else enumerate(document):
            yield from paths(item, (*path, key))


json_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
junk = json_documents | st.just(float("nan")) | st.just(10**400) | st.just([[]]) | st.just([{}]) | st.just({"name": {}})


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """Draw `document` with up to three of its parts replaced by junk."""
    for _ in range(draw(st.integers(1, 3))):
        document = changed(document, (draw(st.sampled_from(list(paths(document)))), draw(junk)))
    return document


CONFIG = {
    "data": {
        "q": 0.0054,
        "q_tolerance": 0.01,
        "phi": [[-10, 10]],
        "frames": [1, 100],
        "dt": 0.1,
        "bins": "pixels",
        "mask_frames": [3],
        "frame_weights": [1, 0.5],
        "exclude_diagonals": 2,
    },
    "model": {
        "name": "two-component",
        "parameters": {
            "D0_ref": {"value": 2e4, "bounds": [1e3, 1e5]},
            "D0_sample": {"tie": "D0_ref"},
            "v0": {"prior": {"family": "normal", "location": 1e3, "scale": 1e2, "truncated": True}},
            "phi0": {"value": 0, "vary": False},
            "contrast": {"value": [0.1, 0.2]},
        },
    },
    "scaling": {"fourier": 2},
    "nlsq": {"start": "values", "representative": "optimum", "loss": "soft_l1", "max_iterations": 10, "seed": 1},
    "cmc": {
        "shards": 4,
        "chains": 1,
        "warmup": 10,
        "samples": 10,
        "consensus": "gaussian",
        "sampler": "nuts",
        "log_likelihood": True,
        "engine": "dask",
        "workers": 2,
        "memory": 8.5,
        "dask": {"scheduler": None, "cluster": "slurm", "jobs": 2, "options": {"cores": 4, "queue": "short"}},
        "seed": 1,
    },
    "output": {"directory": "out", "plots": False, "report": False},
}


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
