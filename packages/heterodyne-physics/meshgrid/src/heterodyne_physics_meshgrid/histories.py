"""The model at the frames of a measurement, in NumPy: there is nothing to compile for what is needed once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_physics_meshgrid._generated.two_component import MODEL_ID
from heterodyne_physics_meshgrid.angles import cosine_of_degrees
from heterodyne_spec import load_model

type FloatArray = npt.NDArray[np.float64]


class Histories(NamedTuple):
    """Amplitudes of reference and sample, whose squares add up to one, and the integrals of J_r and J_s in Å² and of v
    in Å from the first frame, by trapezoids; all (n_t,)."""

    reference: FloatArray
    sample: FloatArray
    decay_r: FloatArray
    decay_s: FloatArray
    way: FloatArray


def histories(values: Mapping[str, float], t: FloatArray) -> Histories:
    """Return the histories for parameters by name at ages `t` (n_t,) in s."""
    spec = load_model(MODEL_ID)
    x, j_r, j_s, v = (spec.evaluate(name, values, t) for name in ("x", "J_r", "J_s", "v"))
    norm = np.sqrt(x**2 + (1 - x) ** 2)
    integrals = (np.append(0.0, np.cumsum(np.diff(t) * (f[:-1] + f[1:]) / 2)) for f in (j_r, j_s, v))
    return Histories((1 - x) / norm, x / norm, *integrals)


def along_flow(values: Mapping[str, float], phi: float) -> float:
    """Return cos(phi + phi0), `phi` in degrees."""
    return float(cosine_of_degrees(np.asarray(phi + values["phi0"]), np))
