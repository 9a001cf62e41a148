"""The trust-region solver of the equivalent small problem (`heterodyne_nlsq.normal`): that of SciPy.

``nlsq`` takes the same steps, but dispatches every small operation of a step to JAX: at P+1 rows that is most of the
time of a fit, and its functions are compiled for every number of parameters. It solves what it is made for, the problem
of all residuals (`heterodyne_nlsq.robust`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

with warnings.catch_warnings():
    # Its sparse matrices set a filter of warnings, which is its user's affair.
    import scipy.optimize

type FloatArray = npt.NDArray[np.float64]
type Progress = Callable[[int, float], None]

TOLERANCE = 1e-10
"""Least relative change of cost or parameters, and scaled gradient, at which a descent is done."""

NOT_CONVERGED = "not converged: stopped at the limit of evaluations"

NOT_FINITE = "not converged: the model or its derivatives are not finite at the start"

_ENDINGS = {
    1: "converged: the gradient vanished",
    2: "converged: the cost no longer changed",
    3: "converged: the parameters no longer changed",
    4: "converged: neither cost nor parameters changed",
}


@dataclass(frozen=True)
class Solution:
    """Final point of the solver and reason for stopping."""

    vector: FloatArray
    cost: float
    success: bool
    message: str
    n_evaluations: int


def least_squares(
    residuals: Callable[[FloatArray], FloatArray],
    jacobian: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    *,
    tolerance: float = TOLERANCE,
    max_evaluations: int = 200,
    progress: Progress | None = None,
) -> Solution:
    """Return the minimum of half the sum of squared residuals inside the bounds.

    Trust region reflective (Branch, Coleman & Li 1999). `residuals` (n_fit,) -> (n_row,) and `jacobian` (n_fit,) ->
    (n_row, n_fit) take and return NumPy arrays. It ends when cost or parameters change by less than `tolerance`,
    relative, or the gradient vanishes.
    """

    def report(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        if progress is not None:
            progress(int(intermediate_result.nit), float(intermediate_result.cost))

    def known(z: FloatArray) -> FloatArray:
        # Far out, residuals can be finite where their derivatives overflow: a step there is refused like one to NaN.
        found = np.asarray(residuals(z))
        return found if np.isfinite(jacobian(z)).all() else np.full_like(found, np.nan)

    begin = inside(start, *bounds)
    # NumPy's warnings are irrelevant here: the solver refuses steps that are not finite.
    with np.errstate(all="ignore"):
        if not np.isfinite(known(begin)).all():
            cost = float(np.sum(np.square(residuals(begin)))) / 2
            return Solution(begin, cost if np.isfinite(cost) else np.inf, False, NOT_FINITE, 1)
        found = scipy.optimize.least_squares(
            known,
            begin,
            jac=jacobian,
            bounds=bounds,
            x_scale="jac",
            ftol=tolerance,
            xtol=tolerance,
            gtol=TOLERANCE,
            max_nfev=max_evaluations,
            callback=report,
        )
    return solution(found)


def inside(start: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the start inside the bounds: a solver needs room on both sides of it."""
    width = upper - lower
    margin = 1e-9 * np.where(np.isfinite(width), width, 0.0)
    return np.clip(start, lower + margin, upper - margin)


def solution(found: Mapping[str, Any]) -> Solution:
    """Return what a solver found, in our words."""
    status = int(found["status"])
    message = _ENDINGS.get(status, NOT_CONVERGED)
    return Solution(np.asarray(found["x"], float), float(found["cost"]), status > 0, message, int(found["nfev"]))
