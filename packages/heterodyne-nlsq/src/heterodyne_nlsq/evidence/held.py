"""Score tests of fixed parameters: whether the data contradict their values.

At the optimum of the free parameters, the score of a fixed parameter is pure noise if its value is correct. Its
covariance is known from the calibration, so that U' Cov(U)⁻¹ U follows a chi-square distribution with as many degrees
of freedom as parameters (Rao 1948; for composite likelihoods Varin, Reid and Firth 2011). No refit is needed, unless
the gradient is not informative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from heterodyne_data import NestedTest
from heterodyne_nlsq.evidence.chance import chdtrc
from heterodyne_nlsq.stated import SCORE_TEST
from heterodyne_spec import ModelSpec, laws_of

type FloatArray = npt.NDArray[np.float64]

NEEDED = 1e-3
"""p-value below which the data need a parameter."""

_NO_EFFECT = 1e-9
"""Fraction of a score's variance below which it is fully explained by the other parameters."""


def joint_test(
    names: Sequence[str], values: Mapping[str, float], pinned: npt.NDArray[np.int_], rise: float, freedom: int
) -> NestedTest:
    """Return the test of all fixed parameters, by a fit in which they are free.

    Parameters
    ----------
    rise : of the calibrated chi-square from that fit to this one; `freedom`, the number of held parameters with an
    effect.
    """
    held, p_value = tuple(names[k] for k in pinned), float(chdtrc(max(freedom, 1), rise))
    stated = ", ".join(f"{name} at {values[name]:g}" for name in held)
    needed = p_value < NEEDED
    it = "it" if len(held) == 1 else "some of this"
    words = f"{stated} held: the data need {it} to vary" if needed else f"{stated} held: consistent with the data"
    return NestedTest(held, True, rise, max(freedom, 1), p_value, needed, words)


def held_groups(spec: ModelSpec, names: Sequence[str], pinned: npt.NDArray[np.int_]) -> dict[str, npt.NDArray[np.int_]]:
    """Return the positions of fixed parameters, for every function of age and for every parameter outside these."""
    groups: dict[str, list[int]] = {}
    functions = spec.function_of_group
    for position in pinned:
        group = spec.parameter(names[position]).group
        groups.setdefault(functions.get(group, names[position]), []).append(int(position))
    return {function: np.array(positions) for function, positions in groups.items()}


def held_test(
    spec: ModelSpec,
    function: str,
    held: Sequence[str],
    values: Mapping[str, float],
    statistic: float,
    freedom: int,
    *,
    by_slope: bool,
) -> NestedTest:
    """Return the test of the parameters of a function that were held, `by_slope` or by a fit with them free."""
    p_value, names = float(chdtrc(freedom, statistic)), tuple(held)
    needed = p_value < NEEDED
    words = _words(spec, function, names, values, needed) + (f" ({SCORE_TEST})" if needed and by_slope else "")
    return NestedTest(names, True, statistic, freedom, p_value, needed, words)


def score_test(
    tested: npt.NDArray[np.int_],
    free: npt.NDArray[np.int_],
    gradient: FloatArray,
    matrix: FloatArray,
    score: FloatArray,
) -> tuple[float, int]:
    """Return the statistic and its degrees of freedom, 0 if the tested parameters have no effect of their own."""
    follow = matrix[np.ix_(tested, free)] @ np.linalg.pinv(matrix[np.ix_(free, free)], rcond=1e-12, hermitian=True)
    onto = np.zeros((len(tested), len(gradient)))
    onto[np.arange(len(tested)), tested] = 1.0
    onto[:, free] = -follow
    own = np.sqrt(np.maximum(np.diag(matrix)[tested], 1e-300))
    left = onto @ matrix @ onto.T / np.outer(own, own)
    values, vectors = np.linalg.eigh((left + left.T) / 2)
    seen = vectors[:, values > _NO_EFFECT] / own[:, None]
    if seen.shape[1] == 0:
        return 0.0, 0
    along = seen.T @ onto
    covariance = along @ score @ along.T
    value = along @ gradient
    return float(value @ np.linalg.pinv(covariance, hermitian=True) @ value), seen.shape[1]


def _words(spec: ModelSpec, function: str, held: tuple[str, ...], values: Mapping[str, float], needed: bool) -> str:
    rates = {law.rate for law in laws_of(spec, function)}
    constant = next((name for name in held if name in rates and values[name] == 0), None)
    stated = ", ".join(f"{name} at {values[name]:g}" for name in held)
    what = f"{function} held constant ({stated})" if constant else f"{stated} held"
    it = "it" if constant or len(held) == 1 else "them"
    return f"{what}: the data need {it} to vary" if needed else f"{what}: consistent with the data"
