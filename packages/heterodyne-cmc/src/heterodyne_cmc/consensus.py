"""From the sub-posteriors to the posterior: Gaussian product, weighted average, and how far the shards disagree.

All in the unconstrained coordinates of the *joint* sub-posterior, contrast, offset and noise included: the shards
share them too.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
import numpy.typing as npt
from jax.scipy.special import gammaincc

from heterodyne_cmc.linalg import inverse, root

type FloatArray = npt.NDArray[np.float64]

METHODS = ("gaussian", "average")


@dataclass(frozen=True)
class Disagreement:
    """How far the means of the sub-posteriors lie apart, in units of their covariances.

    `chi2` is expected to be about `dof`; `p` is the probability of a larger one when all shards see the same
    posterior; `by_shard` (n_shards,) are the terms of the sum.
    """

    chi2: float
    dof: int
    p: float
    by_shard: tuple[float, ...]


def moments(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means (n_shard, n_joint) and covariances (n_shard, n_joint, n_joint) of draws
    (n_shard, n_chain, n_draw, n_joint)."""
    flat = draws.reshape(draws.shape[0], -1, draws.shape[-1])
    means = flat.mean(axis=1)
    away = flat - means[:, None]
    return means, np.einsum("sni,snj->sij", away, away) / (flat.shape[1] - 1)


def gaussian_product(means: FloatArray, covariances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of the product of Gaussian densities.

    Σ = (Σ_s Σ_s⁻¹)⁻¹ and μ = Σ Σ_s Σ_s⁻¹ μ_s: Scott et al. 2016, section 3.1, with full covariances.
    """
    precisions = np.array([inverse(covariance) for covariance in covariances])
    covariance = inverse(precisions.sum(axis=0))
    # Relative to the first: the common part of the means passes through without rounding.
    shift = np.einsum("ij,sjk,sk->i", covariance, precisions, means - means[0])
    return means[0] + shift, covariance


def weighted_average(draws: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return the draw-wise average Σ Σ_s Σ_s⁻¹ θ_s, (n_chain, n_draw, n_joint), of draws with a leading shard axis.

    Scott et al. 2016, section 3: exact for Gaussian sub-posteriors, and the shape of others is kept in part.
    """
    precisions = np.array([inverse(covariance) for covariance in covariances])
    weights = inverse(precisions.sum(axis=0)) @ precisions
    return draws[0] + np.einsum("sij,scnj->cni", weights, draws - draws[0])


def gaussian_draws(mean: FloatArray, covariance: FloatArray, shape: tuple[int, int], seed: int) -> FloatArray:
    """Return draws (n_chain, n_draw, n_joint) of a normal distribution."""
    rng = np.random.default_rng([seed, 2])  # 2: a stream of its own beside those of partition and chains
    return mean + rng.standard_normal((*shape, mean.size)) @ root(covariance).T


def disagreement(means: FloatArray, covariances: FloatArray) -> Disagreement:
    """Return Σ_s (μ_s - μ)ᵀ Σ_s⁻¹ (μ_s - μ) and its probability under the chi-square law.

    The mean of a sub-posterior scatters by its own covariance, less where the prior takes part: the law holds for
    what the data determine, and is cautious for the rest.
    """
    mean, _ = gaussian_product(means, covariances)
    terms = [float((m - mean) @ inverse(c) @ (m - mean)) for m, c in zip(means, covariances, strict=True)]
    dof = (len(means) - 1) * means.shape[1]
    with jax.enable_x64(True):
        p = float(gammaincc(dof / 2.0, sum(terms) / 2.0)) if dof else 1.0
    return Disagreement(sum(terms), dof, p, tuple(terms))
