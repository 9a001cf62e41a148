"""Nested models: the model without a feature, with some of its parameters fixed.

For every question, the full model is compared with the best fit of a nested model without the feature:

* dynamics: c2 does not change with lag; the baseline of every azimuth may drift with age
* two_components: one component, J_r with its law, x = 0
* flow: v = 0, two components with their laws and fractions
* ageing: J_r, J_s, v and x constant
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from heterodyne_data.setup import reference_age
from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]

LEAST_FLOW = 1e-6
"""v0 in Å/s of a model without flow."""

_CONSTANT = {"alpha_ref": 0.0, "D_offset_ref": 0.0, "alpha_sample": 0.0, "D_offset_sample": 0.0}
_REST = {"v0": LEAST_FLOW, "beta": 0.0, "v_offset": 0.0, "phi0": 0.0}

RESTRICTIONS: Mapping[str, Mapping[str, float]] = {
    "two_components": {
        "f0": 0.0,
        "f1": 0.0,
        "f3": 0.0,
        "D0_sample": 1e4,
        "alpha_sample": 0.0,
        "D_offset_sample": 0.0,
        **_REST,
    },
    "flow": _REST,
    "ageing": {**_CONSTANT, "beta": 0.0, "v_offset": 0.0, "f1": 0.0, "f3": 0.0},
}
"""Fixed parameters of the nested models and their values, by question."""


def starts(
    question: str, values: Mapping[str, float], setup: Setup, one: Mapping[str, float] | None
) -> Iterator[dict[str, float]]:
    """Yield starting values of a nested model, all parameters by name, the most likely first.

    Parameters
    ----------
    values : of the full fit.
    one : those of the best fit of one component, None if it has not been fitted.
    """
    age = reference_age(setup.data.t)
    at = {f.name: float(setup.spec.evaluate(f.name, values, np.array([age]))[0]) for f in setup.spec.functions}
    bounds = {p.name: p.bounds for p in setup.spec.parameters}

    def held(given: Mapping[str, float]) -> dict[str, float]:
        inside = {name: float(np.clip(v, *bounds[name])) for name, v in {**values, **given}.items()}
        return {**inside, **RESTRICTIONS[question]}

    j_r, j_s = (max(at[name], 1.0) for name in ("J_r", "J_s"))
    match question:
        case "two_components":
            mean = float(np.exp((1 - at["x"]) * np.log(j_r) + at["x"] * np.log(j_s)))
            for level in (j_r, j_s, mean, 10 * max(j_r, j_s)):
                yield held({"D0_ref": level, "alpha_ref": 0.0, "D_offset_ref": 0.0})
            yield held({})
            sample = {"D0_ref": "D0_sample", "alpha_ref": "alpha_sample", "D_offset_ref": "D_offset_sample"}
            yield held({name: values[other] for name, other in sample.items()})
        case "flow":
            yield held({})
            if one is not None:
                law = {"D0_sample": "D0_ref", "alpha_sample": "alpha_ref", "D_offset_sample": "D_offset_ref"}
                same = {
                    **one,
                    **{name: one[other] for name, other in law.items()},
                    "f0": 0.1,
                    "f1": 0.01 / age,
                    "f3": 0.2,
                }
                for factor in (10.0, 0.1):
                    scaled = {"D0_sample": factor * one["D0_ref"], "D_offset_sample": factor * one["D_offset_ref"]}
                    for fraction in (0.1, 0.4):
                        yield held({**same, **scaled, "f3": fraction})
        case "ageing":
            x = float(np.clip(at["x"], 0.05, 0.95))
            steady = {"D0_ref": j_r, "D0_sample": j_s, "v0": max(abs(at["v"]), 1e-3), "f0": x}
            yield held(steady)
            if one is not None:
                level = float(setup.spec.evaluate("J_r", one, np.array([age]))[0])
                for factor in (10.0, 0.1):
                    yield held({**steady, "D0_ref": level, "D0_sample": factor * level, "f0": 0.3})
