"""Normal equations from factored sums over pairs, without residuals and Jacobian; exact for a linear loss."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from heterodyne_data import TwoTimeData
from heterodyne_data.setup import FreeParameters, Scaling
from heterodyne_nlsq.normal import NormalEquations
from heterodyne_physics_meshgrid import Physics
from heterodyne_physics_meshgrid.factored import BASELINE, HalvedMaps, InnerProducts, halve_maps

type FloatArray = npt.NDArray[np.float64]


class FactoredProblem(NamedTuple):
    """The counterpart of `DenseProblem`: cut maps in place of lists of pairs."""

    maps: HalvedMaps
    q: Float[Array, ""]
    phi: Float[Array, " n_phi"]
    base: Float[np.ndarray, " n_par"]
    expand: Float[np.ndarray, "n_par n_free"]
    basis: Float[np.ndarray, "n_phi n_coef"]
    held: Float[np.ndarray, "2 n_phi"]
    physics: Physics


def factored_problem(
    data: TwoTimeData, free: FreeParameters, scaling: Scaling, exclude_diagonals: int, physics: Physics
) -> FactoredProblem:
    """Return the problem of fitting `data`; pairs closer than `exclude_diagonals` frames are left out."""
    return FactoredProblem(
        maps=halve_maps(data.c2, data.t, data.weight * data.valid, exclude_diagonals),
        q=jnp.asarray(data.q, float),
        phi=jax.device_put(data.phi),
        base=free.base,
        expand=free.expand,
        basis=scaling.basis,
        held=scaling.held,
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


class _Sums(NamedTuple):
    """The sums of `InnerProducts` as NumPy arrays, with the derivatives by the free parameters."""

    gram: FloatArray
    ones: FloatArray
    data: FloatArray


def _sums(free: FloatArray, problem: FactoredProblem) -> _Sums:
    full = problem.base + problem.expand @ np.asarray(free, float)
    found = _inner_products(problem.physics, full, problem.q, problem.phi, problem.maps)
    n_par, n_free = problem.expand.shape
    turn = np.zeros((1 + n_par, 1 + n_free))
    turn[0, 0], turn[1:, 1:] = 1.0, problem.expand
    gram, ones, data = (np.asarray(part) for part in found)
    return _Sums(turn.T @ gram @ turn, ones @ turn, data @ turn)


class _Angles(NamedTuple):
    """Per azimuth: `cost` (n_phi,), `gradient` (n_phi, n_local), `matrix` (n_phi, n_local, n_local); local are the free
    parameters, contrast and offset."""

    cost: FloatArray
    gradient: FloatArray
    matrix: FloatArray


def _of_maps(maps: HalvedMaps) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the sums over pairs of 1, D and D² per azimuth, (n_phi,) each."""
    return np.asarray(maps.one), np.asarray(maps.d), np.asarray(maps.dd)


def _per_angle(contrast: FloatArray, offset: FloatArray, sums: _Sums, maps: HalvedMaps) -> _Angles:
    """Return the normal equations of each azimuth.

    The residual is D - o - c M with D and o referred to the baseline; its derivatives are -c B_k, -M and -1.
    """
    o, c = offset - BASELINE, contrast
    gram, ones, data = sums
    m, mm, dm = ones[:, 0], gram[:, 0, 0], data[:, 0]
    one, d, dd = _of_maps(maps)
    # A sum of squares, which may become negative by rounding.
    cost = np.maximum(dd - 2 * o * d - 2 * c * dm + o**2 * one + 2 * o * c * m + c**2 * mm, 0.0) / 2
    by_parameter = c[:, None] * (data[:, 1:] - o[:, None] * ones[:, 1:] - c[:, None] * gram[:, 1:, 0])
    by_contrast, by_offset = dm - o * m - c * mm, d - o * one - c * m
    gradient = -np.concatenate([by_parameter, by_contrast[:, None], by_offset[:, None]], axis=1)
    n, matrix = by_parameter.shape[1], np.empty((c.size, gradient.shape[1], gradient.shape[1]))
    matrix[:, :n, :n] = c[:, None, None] ** 2 * gram[:, 1:, 1:]
    matrix[:, :n, n] = matrix[:, n, :n] = c[:, None] * gram[:, 0, 1:]
    matrix[:, :n, n + 1] = matrix[:, n + 1, :n] = c[:, None] * ones[:, 1:]
    matrix[:, n, n], matrix[:, n + 1, n + 1] = mm, one
    matrix[:, n, n + 1] = matrix[:, n + 1, n] = m
    return _Angles(cost, gradient, matrix)


def _to_fitted(n_free: int, basis: FloatArray) -> FloatArray:
    """Return the derivatives (n_phi, n_local, n_fit) of every azimuth's local vector by the fitted vector."""
    n_phi, n_coef = basis.shape
    found = np.zeros((n_phi, n_free + 2, n_free + 2 * n_coef))
    found[:, range(n_free), range(n_free)] = 1.0
    found[:, n_free, n_free : n_free + n_coef] = found[:, n_free + 1, n_free + n_coef :] = basis
    return found


def _evaluate(vector: ArrayLike, problem: FactoredProblem) -> _Angles:
    vector, n_free = np.asarray(vector, float), problem.expand.shape[1]
    contrast, offset = problem.held + vector[n_free:].reshape(2, -1) @ problem.basis.T
    # Far out, sums of what is finite may overflow: the solver refuses such steps.
    with np.errstate(all="ignore"):
        return _per_angle(contrast, offset, _sums(vector[:n_free], problem), problem.maps)


def normal(vector: ArrayLike, problem: FactoredProblem) -> NormalEquations:
    """Return the normal equations of the weighted residuals at the fitted vector."""
    angles, turn = _evaluate(vector, problem), _to_fitted(problem.expand.shape[1], problem.basis)
    gradient, matrix = (angles.gradient[:, None] @ turn)[:, 0], turn.swapaxes(1, 2) @ angles.matrix @ turn
    return NormalEquations(angles.cost.sum(), gradient.sum(axis=0), matrix.sum(axis=0))


def matrices(vector: ArrayLike, problem: FactoredProblem) -> FloatArray:
    """Return the Gauss-Newton matrix of each azimuth, (n_phi, n_fit, n_fit)."""
    turn = _to_fitted(problem.expand.shape[1], problem.basis)
    return np.asarray(turn.swapaxes(1, 2) @ _evaluate(vector, problem).matrix @ turn)


def squares(vector: ArrayLike, problem: FactoredProblem) -> FloatArray:
    """Return the sum of squared weighted residuals of every azimuth, (n_phi,)."""
    return 2 * _evaluate(vector, problem).cost


def scaling_sums(free: ArrayLike, problem: FactoredProblem) -> FloatArray:
    """Return the weighted sums over pairs of 1, M, M², D, D M per angle, (n_phi, 5)."""
    sums, (one, d, _) = _sums(np.asarray(free, float), problem), _of_maps(problem.maps)
    m = sums.ones[:, 0]
    return np.stack([one, m, sums.gram[:, 0, 0], d + BASELINE * one, sums.data[:, 0] + BASELINE * m], axis=1)
