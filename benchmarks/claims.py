"""What a fit says is there, and how large that is: the size of a feature in calibrated standard deviations."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from nulls import FEATURES

type FloatArray = npt.NDArray[np.float64]

EARLY, MIDDLE, LATE = 0.1, 0.5, 0.9
"""Ages at which functions are compared, in parts of the window."""

_VELOCITY = re.compile(r"(?<!no )(?<!no flow )velocity(?:(?!\b(?:no|not)\b)[^\d.;]){0,40}\d")


def timed_fit(data: Any, config: Mapping[str, Any] | None = None) -> tuple[Any, float]:
    """Return the fit of a measurement (None: default settings) and the seconds it took."""
    from heterodyne_nlsq import fit_nlsq_jax

    begin = time.perf_counter()
    return fit_nlsq_jax(data, config), time.perf_counter() - begin


def fit_from(data: Any, values: Mapping[str, float], held: tuple[str, ...] = ()) -> Any:
    """Return the lowest minimum near given parameters; those of `held` do not move."""
    parameters = {name: {"value": float(value)} for name, value in values.items()}
    for name in held:
        parameters[name] = {**parameters[name], "vary": False}
    config = {"model": {"parameters": parameters}, "nlsq": {"start": "values", "representative": "optimum"}}
    return timed_fit(data, config)[0]


def claimed(result: Any) -> dict[str, Any]:
    """Return what a fit says of the features, as plain data."""
    return {
        "found": {name: bool(result.signal[name].present) for name in FEATURES},
        "statistic": {name: float(result.signal[name].statistic) for name in FEATURES},
        "p_value": {name: float(result.signal[name].p_value) for name in FEATURES},
        "verdict": result.verdict,
        "sentence": result.sentence,
        "velocity_stated": states_velocity(result.sentence),
    }


def states_velocity(sentence: str) -> bool:
    """Tell whether a sentence gives a number for the velocity ("no velocity" is none)."""
    return _VELOCITY.search(sentence) is not None


def sizes(truth: Mapping[str, float], reference: Any, contrast: FloatArray | None = None) -> dict[str, float]:
    """Return the size of every feature: its true value over its calibrated standard deviation.

    Parameters
    ----------
    truth : the parameters a measurement was made with.
    reference : its fit from there, whose standard deviations are taken.
    contrast : (n_phi,) the true contrasts; the fitted ones when None.

    Flow: the mean velocity over the mean of its standard deviation. Two components: the smaller of x and 1 - x at the
    middle of the window. Ageing: the largest change of a function from 0.1 to 0.9 of the window; the standard
    deviations at both are added in quadrature (their correlation makes the change better known than that). Contrast
    and dynamics: the contrast, over all angles.
    """
    bands, t = reference.bands, reference.data.t
    window = bands.t[-1] - bands.t[0]
    velocity = np.trapezoid(_function("v", truth, bands.t), bands.t) / window
    ages = t[0] + (t[-1] - t[0]) * np.array([EARLY, MIDDLE, LATE])
    true, sd = at_ages(truth, ages), {name: np.interp(ages, bands.t, bands.sd[name]) for name in bands.sd}
    changes = [_over(abs(f[2] - f[0]), np.hypot(sd[name][0], sd[name][2])) for name, f in true.items()]
    x = true["x"][1]
    heights = reference.contrast if contrast is None else contrast
    of_angles = [_over(*pair) for pair in zip(heights, reference.scaling.contrast_sd, strict=True)]
    of_contrast = float(np.linalg.norm(of_angles))
    return {
        "contrast": of_contrast,
        "dynamics": of_contrast,
        "two_components": _over(min(x, 1 - x), sd["x"][1]),
        "flow": _over(abs(velocity), np.trapezoid(bands.sd["v"], bands.t) / window),
        "ageing": max(changes),
    }


def at_ages(values: Mapping[str, float], ages: FloatArray) -> dict[str, FloatArray]:
    """Return J_r, J_s, v and x of parameters at ages in s, each (n_age,)."""
    return {name: _function(name, values, ages) for name in ("J_r", "J_s", "v", "x")}


def _function(name: str, values: Mapping[str, float], ages: FloatArray) -> FloatArray:
    from heterodyne_spec import load_model

    return np.asarray(load_model().evaluate(name, values, ages), float)


def _over(value: float, sd: float) -> float:
    """Return a value in units of its standard deviation, 0 where there is none."""
    return float(value / sd) if np.isfinite(sd) and sd > 0 else 0.0
