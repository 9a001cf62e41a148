"""Least squares with a loss that resists outliers, over all residuals: by ``nlsq``, without its side effects.

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
from typing import Any

import jax

from heterodyne_nlsq.solver import TOLERANCE, FloatArray, Progress, Solution, inside, solution

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


def robust_least_squares(
    residuals: Callable[[FloatArray], Any],
    jacobian: Callable[[FloatArray], Any],
    start: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    *,
    loss: str,
    loss_scale: float,
    tolerance: float,
    max_evaluations: int,
    progress: Progress | None = None,
) -> Solution:
    """Return the minimum of half the sum of loss(residuals) inside the bounds.

    As `heterodyne_nlsq.solver.least_squares`; with `loss` soft_l1, residuals beyond `loss_scale` count less.
    """

    def report(iteration: int, cost: float, **_: Any) -> None:
        if progress is not None:
            progress(iteration, float(cost))

    with _logging_kept(), warnings.catch_warnings():
        # The solver rejects steps that are NaN; NumPy's warning is irrelevant here.
        warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)
        found = _solver().least_squares(
            residuals,
            inside(start, *bounds),
            jac=jacobian,
            bounds=bounds,
            x_scale="jac",
            ftol=tolerance,
            xtol=tolerance,
            gtol=TOLERANCE,
            max_nfev=max_evaluations,
            loss=loss,
            f_scale=loss_scale,
            callback=report,
        )
    return solution(found)
