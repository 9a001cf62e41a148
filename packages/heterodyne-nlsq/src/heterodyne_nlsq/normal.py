"""Normal equations, and the small least-squares problem that is equivalent for a trust-region solver.

For a problem with residuals r and Jacobian J, a Gauss-Newton solver uses only the cost S = |r|²/2, the gradient
g = Jᵀr and the matrix G = JᵀJ. With G = Q Λ Qᵀ (scaled to unit diagonal first) the P+1 residuals

    f = [Λ^{-1/2} Qᵀ g, sqrt(2 S - |Λ^{-1/2} Qᵀ g|²)],   ∂f = [Λ^{1/2} Qᵀ; 0]

have the same three, so the solver takes the same steps on P+1 rows as on millions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]

_FLOOR = 1e-15
"""Eigenvalue of the scaled G, relative to the largest possible (P), below which a direction contains only rounding
errors."""


class NormalEquations(NamedTuple):
    """Cost S = |r|²/2, gradient g = Jᵀr (n_fit,) and matrix G = JᵀJ (n_fit, n_fit) of a least-squares problem.

    Arrays of NumPy or JAX.
    """

    cost: Any
    gradient: Any
    matrix: Any


def normal_equations(residuals: Any, jacobian: Any) -> NormalEquations:
    """Return the normal equations of explicit residuals and Jacobian."""
    return NormalEquations(residuals @ residuals / 2, jacobian.T @ residuals, jacobian.T @ jacobian)


def turned(n: NormalEquations, turn: FloatArray) -> NormalEquations:
    """Return the normal equations in other coordinates z, from the derivatives (n_fit, n_z) of the vector by z."""
    cost, gradient, matrix = (np.asarray(part, float) for part in n)
    return NormalEquations(cost, turn.T @ gradient, turn.T @ matrix @ turn)


def equivalent_problem(n: NormalEquations) -> tuple[FloatArray, FloatArray]:
    """Return residuals (n_fit + 1,) and Jacobian of the equivalent problem; NaN where the equations are not finite."""
    cost, gradient, matrix = (np.asarray(part, float) for part in n)
    size = gradient.size
    if not (np.isfinite(matrix).all() and np.isfinite(gradient).all()):
        return np.full(size + 1, np.nan), np.full((size + 1, size), np.nan)
    diagonal = np.diag(matrix)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(matrix / scale[:, None] / scale)
    used = values > _FLOOR * size
    # A direction without effect keeps a root of the size of rounding, which avoids steps along it and division by zero.
    root = np.sqrt(np.where(used, values, _FLOOR * size))
    projected = np.where(used, vectors.T @ (gradient / scale) / root, 0.0)
    rest = np.sqrt(np.maximum(2 * cost - projected @ projected, 0.0))
    rows = root[:, None] * vectors.T * scale
    return np.append(projected, rest), np.vstack([rows, np.zeros(size)])
