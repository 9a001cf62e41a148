"""Normal equations, and the small least-squares problem that is equivalent for a trust-region solver.

For a problem with residuals r and Jacobian J, a Gauss-Newton solver uses only the cost S = |r|²/2, the gradient
g = Jᵀr and the matrix G = JᵀJ. With G = Q Λ Qᵀ (scaled to unit diagonal first) the P+1 residuals

    f = [Λ^{-1/2} Qᵀ g, sqrt(2 S - |Λ^{-1/2} Qᵀ g|²)],   ∂f = [Λ^{1/2} Qᵀ; 0]

have the same three, so the solver takes the same steps on P+1 rows as on millions.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

_FLOOR = 1e-15
"""Eigenvalue of the scaled G, relative to the largest possible (P), below which a direction contains only rounding
errors."""


class NormalEquations(NamedTuple):
    """Cost S = |r|²/2, gradient g = Jᵀr and matrix G = JᵀJ of a least-squares problem."""

    cost: Float[Array, ""]
    gradient: Float[Array, " n_fit"]
    matrix: Float[Array, "n_fit n_fit"]


def normal_equations(residuals: Float[Array, " n_row"], jacobian: Float[Array, "n_row n_fit"]) -> NormalEquations:
    """Return the normal equations of explicit residuals and Jacobian."""
    return NormalEquations(residuals @ residuals / 2, jacobian.T @ residuals, jacobian.T @ jacobian)


def equivalent_problem(n: NormalEquations) -> tuple[Float[Array, " n_fit+1"], Float[Array, "n_fit+1 n_fit"]]:
    """Return residuals and Jacobian of the equivalent problem with P+1 rows."""
    size = n.gradient.size
    diagonal = jnp.diag(n.matrix)
    scale = jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0))
    values, vectors = jnp.linalg.eigh(n.matrix / jnp.outer(scale, scale))
    used = values > _FLOOR * size
    # A direction without effect keeps a root of the size of rounding, which avoids steps along it and division by zero.
    root = jnp.sqrt(jnp.where(used, values, _FLOOR * size))
    projected = jnp.where(used, vectors.T @ (n.gradient / scale) / root, 0.0)
    rest = jnp.sqrt(jnp.maximum(2 * n.cost - projected @ projected, 0.0))
    rows = root[:, None] * vectors.T * scale
    return jnp.append(projected, rest), jnp.vstack([rows, jnp.zeros(size)])
