"""Normal equations from factored sums over pairs, without residuals and Jacobian; exact for a linear loss."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import FreeParameters, Scaling
from heterodyne_nlsq.normal import NormalEquations
from heterodyne_physics_meshgrid import Physics
from heterodyne_physics_meshgrid.factored import BASELINE, HalvedMaps, InnerProducts, halve_maps


class FactoredProblem(NamedTuple):
    """The counterpart of `DenseProblem`: cut maps in place of lists of pairs."""

    maps: HalvedMaps
    q: Float[Array, ""]
    phi: Float[Array, " n_phi"]
    base: Float[Array, " n_par"]
    expand: Float[Array, "n_par n_free"]
    basis: Float[Array, "n_phi n_coef"]
    held: Float[Array, "2 n_phi"]
    physics: Physics


def factored_problem(
    data: TwoTimeData, free: FreeParameters, scaling: Scaling, exclude_diagonals: int, physics: Physics
) -> FactoredProblem:
    """Return the problem of fitting `data`; pairs closer than `exclude_diagonals` frames are left out."""
    return FactoredProblem(
        maps=halve_maps(data.c2, data.t, data.weight * data.valid, exclude_diagonals),
        q=jnp.asarray(data.q, float),
        phi=jnp.asarray(data.phi),
        base=jnp.asarray(free.base),
        expand=jnp.asarray(free.expand),
        basis=jnp.asarray(scaling.basis),
        held=jnp.asarray(scaling.held),
        physics=physics,
    )


# The only large compiled function of a fit; it does not depend on which parameters are free.
@jax.jit
def _inner_products(
    physics: Physics, vector: Float[Array, " n_par"], q: Float[Array, ""], phi: Float[Array, " n_phi"], maps: HalvedMaps
) -> InnerProducts:
    assert physics.inner_products is not None, f"{physics.name} has no exact sums"
    found: InnerProducts = physics.inner_products(vector, q, phi, maps)
    return found


@jax.jit
def _full(free: Float[Array, " n_free"], problem: FactoredProblem) -> Float[Array, " n_par"]:
    return problem.base + problem.expand @ free


def _products(free: ArrayLike, problem: FactoredProblem) -> InnerProducts:
    full = _full(jnp.asarray(free, float), problem)
    return _inner_products(problem.physics, full, problem.q, problem.phi, problem.maps)


def _of_free(sums: InnerProducts, expand: Float[Array, "n_par n_free"]) -> InnerProducts:
    """Return the sums with the derivatives by the free parameters in place of those by all."""
    turn = jnp.zeros((1 + expand.shape[0], 1 + expand.shape[1])).at[0, 0].set(1.0).at[1:, 1:].set(expand)
    return InnerProducts(turn.T @ sums.gram @ turn, sums.ones @ turn, sums.data @ turn)


class _Angles(NamedTuple):
    """Per azimuth: cost, and gradient and matrix in the local vector (free parameters, contrast, offset)."""

    cost: Float[Array, " n_phi"]
    gradient: Float[Array, "n_phi n_local"]
    matrix: Float[Array, "n_phi n_local n_local"]


def _per_angle(contrast: Array, offset: Array, sums: InnerProducts, maps: HalvedMaps) -> _Angles:
    """Return the normal equations of each azimuth.

    The residual is D - o - c M with D and o referred to the baseline; its derivatives are -c B_k, -M and -1.
    """
    o, c = offset - BASELINE, contrast
    gram, ones, data = sums
    m, mm, dm = ones[:, 0], gram[:, 0, 0], data[:, 0]
    one, d, dd = maps.one, maps.d, maps.dd
    # A sum of squares, which may become negative by rounding.
    cost = jnp.maximum(dd - 2 * o * d - 2 * c * dm + o**2 * one + 2 * o * c * m + c**2 * mm, 0.0) / 2
    by_parameter = c[:, None] * (data[:, 1:] - o[:, None] * ones[:, 1:] - c[:, None] * gram[:, 1:, 0])
    by_contrast, by_offset = dm - o * m - c * mm, d - o * one - c * m
    gradient = -jnp.concatenate([by_parameter, by_contrast[:, None], by_offset[:, None]], axis=1)
    cc = c[:, None]
    top = jnp.concatenate(
        [cc[..., None] ** 2 * gram[:, 1:, 1:], (cc * gram[:, 1:, 0])[..., None], (cc * ones[:, 1:])[..., None]], axis=2
    )
    middle = jnp.concatenate([cc * gram[:, 0, 1:], mm[:, None], m[:, None]], axis=1)
    bottom = jnp.concatenate([cc * ones[:, 1:], m[:, None], one[:, None]], axis=1)
    return _Angles(cost, gradient, jnp.concatenate([top, middle[:, None], bottom[:, None]], axis=1))


def _to_fitted(n_free: int, basis: Float[Array, " n_coef"]) -> Float[Array, "n_local n_fit"]:
    """Return the derivative of an azimuth's local vector by the fitted vector."""
    n_coef = basis.size
    zero = jnp.zeros(n_coef)
    return jnp.concatenate(
        [
            jnp.eye(n_free, n_free + 2 * n_coef),
            jnp.concatenate([jnp.zeros(n_free), basis, zero])[None],
            jnp.concatenate([jnp.zeros(n_free), zero, basis])[None],
        ]
    )


@jax.jit
def _angles(vector: Float[Array, " n_fit"], sums: InnerProducts, problem: FactoredProblem) -> _Angles:
    n_free = problem.expand.shape[1]
    contrast, offset = problem.held + vector[n_free:].reshape(2, -1) @ problem.basis.T
    return _per_angle(contrast, offset, _of_free(sums, problem.expand), problem.maps)


def _evaluate(vector: ArrayLike, problem: FactoredProblem) -> _Angles:
    vector = jnp.asarray(vector, float)
    return _angles(vector, _products(vector[: problem.expand.shape[1]], problem), problem)


@jax.jit
def _turned(matrix: Float[Array, "n_phi n_local n_local"], basis: Float[Array, "n_phi n_coef"]) -> Array:
    turn = jax.vmap(lambda row: _to_fitted(matrix.shape[1] - 2, row))(basis)
    return jnp.einsum("alf,alm,amg->afg", turn, matrix, turn)


@jax.jit
def _joined(angles: _Angles, basis: Float[Array, "n_phi n_coef"]) -> NormalEquations:
    """Return the sum over azimuths, each turned into the fitted vector."""
    n_free = angles.gradient.shape[1] - 2
    turn = jax.vmap(lambda row: _to_fitted(n_free, row))(basis)
    return NormalEquations(
        angles.cost.sum(),
        jnp.einsum("al,alf->f", angles.gradient, turn),
        jnp.einsum("alf,alm,amg->fg", turn, angles.matrix, turn),
    )


def normal(vector: ArrayLike, problem: FactoredProblem) -> NormalEquations:
    """Return the normal equations of the weighted residuals at the fitted vector."""
    return _joined(_evaluate(vector, problem), problem.basis)


def matrices(vector: ArrayLike, problem: FactoredProblem) -> Float[Array, "n_phi n_fit n_fit"]:
    """Return the Gauss-Newton matrix of each azimuth."""
    return _turned(_evaluate(vector, problem).matrix, problem.basis)


def squares(vector: ArrayLike, problem: FactoredProblem) -> Float[np.ndarray, " n_phi"]:
    """Return the sum of squared weighted residuals of every azimuth."""
    return 2 * np.asarray(_evaluate(vector, problem).cost)


def scaling_sums(free: ArrayLike, problem: FactoredProblem) -> Float[Array, "n_phi 5"]:
    """Return the weighted sums over pairs of 1, M, M², D, D M per angle."""
    return _scaling_sums(_products(free, problem), problem.maps)


@jax.jit
def _scaling_sums(sums: InnerProducts, maps: HalvedMaps) -> Float[Array, "n_phi 5"]:
    m = sums.ones[:, 0]
    return jnp.stack(
        [maps.one, m, sums.gram[:, 0, 0], maps.d + BASELINE * maps.one, sums.data[:, 0] + BASELINE * m], axis=1
    )
