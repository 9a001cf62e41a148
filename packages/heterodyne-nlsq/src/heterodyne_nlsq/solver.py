"""The trust-region solver of ``nlsq``, called without its side effects.

Importing ``nlsq`` enables float64 for the whole process, and sets a compilation cache, environment variables,
a warnings filter and a root log handler, none of which a library should decide for its caller.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]
type Progress = Callable[[int, float], None]

TOLERANCE = 1e-10
"""Least relative change of cost or parameters, and scaled gradient, at which a descent is done."""


@dataclass(frozen=True)
class Solution:
    """Final point of the solver and reason for stopping."""

    vector: FloatArray
    cost: float
    success: bool
    message: str
    n_evaluations: int


_SETTINGS = ("jax_enable_x64", "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")


@functools.cache
def _solver() -> Any:
    """Return the single solver of this process: an instance keeps its compiled functions for the next fit.

    nlsq is imported in a thread of its own: there JAX's settings read as the process has them, not as the caller's
    ``with jax.enable_x64(True)`` has them.
    """
    with ThreadPoolExecutor(1) as thread:
        solver_class = thread.submit(_import_solver).result()
    return solver_class()


def _import_solver() -> Any:
    environment = dict(os.environ)
    settings = {name: getattr(jax.config, name) for name in _SETTINGS}
    # Else it prints how to install JAX for the GPU that it finds beside a JAX without one, into tables and JSON.
    os.environ["NLSQ_SKIP_GPU_CHECK"] = "1"
    with _logging_kept(), warnings.catch_warnings():
        from nlsq import LeastSquares
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
    for name, value in settings.items():
        jax.config.update(name, value)
    return LeastSquares


@contextlib.contextmanager
def _logging_kept() -> Iterator[None]:
    """Keep nlsq's loggers from writing and from changing how the caller's program logs."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)


NOT_CONVERGED = "not converged: stopped at the limit of evaluations"

_ENDINGS = {
    1: "converged: the gradient vanished",
    2: "converged: the cost no longer changed",
    3: "converged: the parameters no longer changed",
    4: "converged: neither cost nor parameters changed",
}


def least_squares(
    residuals: Callable[[FloatArray], Any],
    jacobian: Callable[[FloatArray], Any],
    start: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    loss: str = "linear",
    loss_scale: float = 1.0,
    tolerance: float = TOLERANCE,
    max_evaluations: int = 200,
    progress: Progress | None = None,
) -> Solution:
    """Return the minimum of half the sum of loss(residuals) inside the bounds.

    Trust region reflective (Branch, Coleman & Li 1999). `residuals` (n_fit,) -> (n_row,) and `jacobian` (n_fit,) ->
    (n_row, n_fit) are called with NumPy vectors; with `loss` soft_l1, residuals beyond `loss_scale` count less. It ends
    when cost or parameters change by less than `tolerance`, relative, or the gradient vanishes.
    """

    def report(iteration: int, cost: float, **_: Any) -> None:
        if progress is not None:
            progress(iteration, float(cost))

    # The solver needs room on both sides of the start.
    width = upper - lower
    margin = 1e-9 * np.where(np.isfinite(width), width, 0.0)
    with _logging_kept(), warnings.catch_warnings():
        # The solver rejects steps that are NaN; NumPy's warning is irrelevant here.
        warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)
        found = _solver().least_squares(
            residuals,
            np.clip(start, lower + margin, upper - margin),
            jac=jacobian,
            bounds=(lower, upper),
            x_scale="jac",
            ftol=tolerance,
            xtol=tolerance,
            gtol=TOLERANCE,
            max_nfev=max_evaluations,
            loss=loss,
            f_scale=loss_scale,
            callback=report,
        )
    status = int(found["status"])
    message = _ENDINGS.get(status, NOT_CONVERGED)
    return Solution(np.asarray(found["x"], float), float(found["cost"]), status > 0, message, int(found["nfev"]))
