"""Inverse and square root of covariance matrices whose rows have very different units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

type FloatArray = npt.NDArray[np.float64]

_FLAT = 1e-13
"""Smallest eigenvalue relative to the largest; smaller ones, which are rounding errors, are raised to it."""


def _scaled(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the square roots of the diagonal, eigenvalues and eigenvectors of the matrix scaled to unit diagonal."""
    length = np.sqrt(np.diag(matrix))
    if not np.all(length > 0) or not np.isfinite(matrix).all():
        raise np.linalg.LinAlgError("a covariance has a positive, finite diagonal")
    scaled = matrix / np.outer(length, length)
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    return length, np.maximum(values, _FLAT * values.max(initial=1.0)), vectors


def inverse(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a covariance matrix (n, n), symmetric to rounding.

    Raises
    ------
    LinAlgError : if a variance is not positive and finite.
    """
    length, values, vectors = _scaled(matrix)
    result = (vectors / values) @ vectors.T / np.outer(length, length)
    return (result + result.T) / 2


def root(matrix: FloatArray) -> FloatArray:
    """Return L, (n, n), with ``L @ L.T`` equal to a covariance matrix.

    Raises
    ------
    LinAlgError : if a variance is not positive and finite.
    """
    length, values, vectors = _scaled(matrix)
    return length[:, None] * vectors * np.sqrt(values)


def conditioned(matrix: FloatArray, known: Sequence[int]) -> FloatArray:
    """Return a covariance matrix (n, n) conditional on the values at the positions `known`, whose rows become 0."""
    result = matrix.copy()
    for k in known:
        if result[k, k] > 0:
            result -= np.outer(result[:, k], result[k]) / result[k, k]
        result[k] = result[:, k] = 0.0
    return result
