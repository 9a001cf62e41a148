"""The two-component model in the sampling: the labels of the components, and fits that find only one.

If the fraction hardly changes with age, exchanging the components gives the same maps: the posterior has two equivalent
modes, of which only that of the point estimate is sampled. A smooth constraint separates them where they differ most:
by the order of the coefficients at the mean age, or, if these are similar or one is undetermined, by whether the
fraction exceeds one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.models import Unseen
from heterodyne_data import NLSQResult
from heterodyne_data.setup import reference_age
from heterodyne_physics_elementwise import HeterodyneModel
from heterodyne_spec import ModelSpec

type FloatArray = npt.NDArray[np.float64]

TURNED = "v", "phi0"
"""The function of age that is projected on the azimuth, and the parameter that rotates the projection."""

_UNTOLD = 4.0
"""Calibrated chi-square below which the data do not distinguish the components, as in the fit."""
_SAME, _SAME_X, _KNOWN = 0.5, 0.15, 2.0
"""Largest differences, at the mean age, of ln J or in standard deviations of J, and of x, for which two fits count as
equal with exchanged components."""
_SOFT, _SOFT_X = 0.02, 0.005
"""Widths of the constraint in ln J and in x: narrow compared to their uncertainty, but smooth enough for a chain."""


_REFERENCE, _FRACTION = "reference", "fraction"
"""Groups of parameters: those of the reference, which is always present, and of the fraction."""


class Naming(NamedTuple):
    """`by_fraction` is 0 where J_s is compared with J_r at `age` (s), 1 where x is compared with one half; `sign` is 1
    if the sample has the larger one, -1 if it has the smaller one, 0 if the data decide. Arrays of JAX or NumPy.
    """

    age: Any
    by_fraction: Any
    sign: Any


class _State(NamedTuple):
    """J_r and J_s (2,) and x at one age; or their standard deviations."""

    coefficients: FloatArray
    x: float


def untold(nlsq: NLSQResult | None, spec: ModelSpec, t: FloatArray) -> Naming:
    """Return the labelling of components that are exchangeable in the point estimate; t (n_t,) are the ages in s."""
    age = reference_age(t)
    if nlsq is not None:
        best, sd = _state(dict(nlsq.parameters), spec, age), _uncertainty(nlsq, age)
        for other in nlsq.alternatives:
            if other.delta_chi2 < _UNTOLD and _exchanged(best, _state(dict(other.parameters), spec, age), sd):
                return _named(best, sd, age)
    return Naming(np.array(age), np.array(0.0), np.array(0.0))


def _state(parameters: dict[str, float], spec: ModelSpec, age: float) -> _State:
    j_r, j_s, x = (float(spec.evaluate(name, parameters, np.array([age]))[0]) for name in ("J_r", "J_s", "x"))
    return _State(np.maximum([j_r, j_s], 1e-9), x)


def _uncertainty(nlsq: NLSQResult, age: float) -> _State:
    """Return standard deviations at an age; infinite if the fit has none."""
    if nlsq.bands is None:
        return _State(np.full(2, np.inf), np.inf)
    k, sd = int(np.argmin(np.abs(nlsq.bands.t - age))), nlsq.bands.sd
    j_r, j_s, x = (float(sd[name][k]) if np.isfinite(sd[name][k]) else np.inf for name in ("J_r", "J_s", "x"))
    return _State(np.array([j_r, j_s]), x)


def _exchanged(best: _State, other: _State, sd: _State) -> bool:
    there = other.coefficients[::-1]
    alike = np.abs(np.log(best.coefficients / there)) < _SAME
    # The logarithm of a coefficient that is undetermined or nearly zero is meaningless.
    unknown = np.isfinite(sd.coefficients) & (np.abs(best.coefficients - there) < _KNOWN * sd.coefficients)
    return bool(np.all(alike | unknown)) and abs(1.0 - other.x - best.x) < _SAME_X


def _named(best: _State, sd: _State, age: float) -> Naming:
    # Of a fit without a signal, nothing may be free to spread.
    relative, of_x = max(float(np.hypot(*np.minimum(sd.coefficients / best.coefficients, 1e6))), 1e-9), max(sd.x, 1e-9)
    larger, beyond_half = float(np.log(best.coefficients[1] / best.coefficients[0])), best.x - 0.5
    by_fraction = np.isfinite(sd.x) and abs(beyond_half) / of_x > abs(larger) / relative
    sign = 1.0 if (beyond_half if by_fraction else larger) >= 0 else -1.0
    return Naming(np.array(age), np.array(float(by_fraction)), np.array(sign))


def wall(full: Float[Array, " n_par"], naming: Naming) -> Float[Array, ""]:
    """Return ln of the factor that fixes the labelling at the parameters of the model."""
    model, age = HeterodyneModel.from_vector(full), jnp.asarray(naming.age)[None]
    larger = jnp.log(jnp.maximum(model.J_s(age)[0], 1e-9)) - jnp.log(jnp.maximum(model.J_r(age)[0], 1e-9))
    above = jnp.where(naming.by_fraction > 0, (model.x(age)[0] - 0.5) / _SOFT_X, larger / _SOFT)
    return -0.5 * jnp.maximum(-naming.sign * above, 0.0) ** 2


def words(naming: Naming) -> str:
    """Return the labelling convention as a sentence, "" if there is none."""
    if naming.sign == 0:
        return ""
    which = "larger" if naming.sign > 0 else "smaller"
    what = "field fraction" if naming.by_fraction > 0 else "transport coefficient"
    return (
        "the data do not distinguish the components; by convention the sample has the "
        f"{which} {what} at {float(naming.age):.3g} s"
    )


def unseen(nlsq: NLSQResult, spec: ModelSpec, free: Sequence[str]) -> Unseen:
    """Return whether the free parameters describe a second component that the maps do not show.

    At a fraction of 0 only the reference remains in the model, and the other parameters have no effect.
    """
    groups = {p.name: p.group for p in spec.parameters}
    idle = {name: groups[name] for name in free if groups[name] != _REFERENCE}
    components = nlsq.signal.get("two_components")
    if components is None or components.present or not idle:
        return Unseen()
    *first, last = (p.name for p in spec.parameters if p.group == _FRACTION and p.vary)
    others = [name for name, group in idle.items() if group != _FRACTION]
    beside = f", and fix {', '.join(others)} (vary: false)" if others else ""
    words = (
        f"the fit shows only one component: fix {', '.join(first)} and {last} at 0{beside}, in both fit and posterior"
    )
    return Unseen("second component", words)
