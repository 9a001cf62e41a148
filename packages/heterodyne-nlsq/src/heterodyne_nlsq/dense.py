"""Residuals of all pairs of frames and their Jacobian: the general path, and the reference for the factored one.

The residual vector contains, angle by angle, ``sqrt(w_i w_j) (D_ij - offset - contrast M_ij)`` for every pair
i < j outside the excluded diagonals, each pair once; a pair that is masked has weight zero.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from heterodyne_data import TwoTimeData, pair_valid
from heterodyne_data.setup import FreeParameters, Scaling
from heterodyne_nlsq.normal import NormalEquations, normal_equations
from heterodyne_physics_meshgrid import Physics


class DenseProblem(NamedTuple):
    """Everything the residuals depend on besides the fitted vector; an argument of the compiled functions.

    The fitted vector is (free parameters, coefficients of contrast, coefficients of offset).
    """

    data: Float[Array, "n_phi n_pair"]
    root_weight: Float[Array, "n_phi n_pair"]
    i: Int[Array, " n_pair"]
    j: Int[Array, " n_pair"]
    t: Float[Array, " n_t"]
    q: Float[Array, ""]
    phi: Float[Array, " n_phi"]
    base: Float[Array, " n_par"]
    expand: Float[Array, "n_par n_free"]
    basis: Float[Array, "n_phi n_coef"]
    held: Float[Array, "2 n_phi"]
    physics: Physics


def dense_problem(
    data: TwoTimeData, free: FreeParameters, scaling: Scaling, exclude_diagonals: int, physics: Physics
) -> DenseProblem:
    """Return the problem of fitting `data`; pairs closer than `exclude_diagonals` frames are left out."""
    i, j = np.triu_indices(data.n_t, k=exclude_diagonals)
    used = pair_valid(data)[:, i, j]
    weight = data.weight[:, i] * data.weight[:, j] * used
    values = np.where(used, np.stack([c2[i, j] for c2 in data.c2]), 0.0)
    put = jax.device_put  # jnp.asarray compiles a function for every shape.
    return DenseProblem(
        data=jnp.asarray(values, float),
        root_weight=put(np.sqrt(weight)),
        i=put(i),
        j=put(j),
        t=put(data.t),
        q=jnp.asarray(data.q, float),
        phi=put(data.phi),
        base=put(free.base),
        expand=put(free.expand),
        basis=put(scaling.basis),
        held=put(scaling.held),
        physics=physics,
    )


def _model_pairs(free: Float[Array, " n_free"], problem: DenseProblem) -> Float[Array, "n_phi n_pair"]:
    """Return (c2 - offset) / contrast at the pairs."""
    model = problem.physics.model.from_vector(problem.base + problem.expand @ free)
    return problem.physics.bracket(model, problem.t, problem.q, problem.phi)[:, problem.i, problem.j]


def _split(
    vector: Float[Array, " n_fit"], problem: DenseProblem
) -> tuple[Float[Array, " n_free"], Float[Array, " n_phi"], Float[Array, " n_phi"]]:
    """Return the free parameters, contrast and offset per angle of the fitted vector."""
    n_free = problem.expand.shape[1]
    contrast, offset = problem.held + vector[n_free:].reshape(2, -1) @ problem.basis.T
    return vector[:n_free], contrast, offset


@jax.jit
def residuals(vector: Float[Array, " n_fit"], problem: DenseProblem) -> Float[Array, " n_row"]:
    """Return the weighted residuals, angle after angle."""
    free, contrast, offset = _split(vector, problem)
    model = offset[:, None] + contrast[:, None] * _model_pairs(free, problem)
    return (problem.root_weight * (problem.data - model)).ravel()


@jax.jit
def jacobian(vector: Float[Array, " n_fit"], problem: DenseProblem) -> Float[Array, "n_row n_fit"]:
    """Return the derivative of `residuals`: forward mode for the physics, closed form for the scaling."""
    free, contrast, _ = _split(vector, problem)
    pushed = jax.jacfwd(_model_pairs)(free, problem)
    model = _model_pairs(free, problem)
    weight = problem.root_weight[..., None]
    columns = [
        weight * contrast[:, None, None] * pushed,
        weight * model[..., None] * problem.basis[:, None, :],
        jnp.broadcast_to(weight * problem.basis[:, None, :], (*model.shape, problem.basis.shape[1])),
    ]
    joined = jnp.concatenate(columns, axis=-1)
    return -joined.reshape(model.size, joined.shape[-1])


@jax.jit
def normal(vector: Float[Array, " n_fit"], problem: DenseProblem) -> NormalEquations:
    """Return the normal equations of the weighted residuals."""
    return normal_equations(residuals(vector, problem), jacobian(vector, problem))


@jax.jit
def matrices(vector: Float[Array, " n_fit"], problem: DenseProblem) -> Float[Array, "n_phi n_fit n_fit"]:
    """Return the Gauss-Newton matrix of each azimuth."""
    rows = jacobian(vector, problem).reshape(*problem.data.shape, vector.size)
    return jnp.einsum("apf,apg->afg", rows, rows)


@jax.jit
def squares(vector: Float[Array, " n_fit"], problem: DenseProblem) -> Float[Array, " n_phi"]:
    """Return the sum of squared weighted residuals of every azimuth."""
    return jnp.sum(residuals(vector, problem).reshape(problem.data.shape) ** 2, axis=1)


@jax.jit
def scaling_sums(free: Float[Array, " n_free"], problem: DenseProblem) -> Float[Array, "n_phi 5"]:
    """Return the weighted sums over pairs of 1, M, M², D, D M per angle."""
    weight, data = problem.root_weight**2, problem.data
    model = _model_pairs(free, problem)
    terms = (jnp.ones_like(model), model, model**2, data, data * model)
    return jnp.stack([jnp.sum(weight * term, axis=1) for term in terms], axis=1)
