"""From the sub-posteriors to the posterior: Gaussian product, weighted average, and how far the shards disagree.

All in the unconstrained coordinates of the *joint* sub-posterior, contrast, offset and noise included: the shards
share them too. Where the shards were anchored (`heterodyne_cmc.density.Anchor`), all that their anchors have brought
into the product, a normal density, is divided out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
import numpy.typing as npt
from jax.scipy.special import gammaincc

from heterodyne_cmc.linalg import inverse, root

type FloatArray = npt.NDArray[np.float64]

LEFT_LEAST = 0.2
"""Least precision of the product, in units of that of one shard: it is never taken as much wider than its shards."""


@dataclass(frozen=True)
class Disagreement:
    """How far the means of the sub-posteriors lie apart, in units of their covariances.

    `chi2` is expected to be about `dof`; `p` is the probability of a larger one when all shards see the same
    posterior; `by_shard` (n_shards,) are the terms of the sum.
    """

    chi2: float
    dof: float
    p: float
    by_shard: tuple[float, ...]


class Anchors(NamedTuple):
    """What the anchors of all shards together bring into the product: a normal density of `centre` (n_joint,) and
    `precision` (n_joint, n_joint), zero for coordinates that are not anchored."""

    centre: FloatArray
    precision: FloatArray

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return ln of the density, (n,), of vectors (n, n_joint), up to a constant."""
        away = x - self.centre
        return np.asarray(-0.5 * np.sum(away @ self.precision * away, axis=-1))


def no_anchors(n_joint: int) -> Anchors:
    """Return anchors that brought in nothing."""
    return Anchors(np.zeros(n_joint), np.zeros((n_joint, n_joint)))


def all_anchors(centre: FloatArray, precision: FloatArray, n_shards: int, n_joint: int) -> Anchors:
    """Return what `n_shards` anchors of the first coordinates bring into the product."""
    n = centre.size
    anchors = no_anchors(n_joint)
    anchors.centre[:n], anchors.precision[:n, :n] = centre, n_shards * precision
    return anchors


def moments(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means (n_shard, n_joint) and covariances (n_shard, n_joint, n_joint) of draws
    (n_shard, n_chain, n_draw, n_joint)."""
    flat = draws.reshape(draws.shape[0], -1, draws.shape[-1])
    means = flat.mean(axis=1)
    away = flat - means[:, None]
    return means, np.einsum("sni,snj->sij", away, away) / (flat.shape[1] - 1)


def gaussian_product(
    means: FloatArray, covariances: FloatArray, anchors: Anchors | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of the product of Gaussian densities, over that of the anchors.

    Σ = (Σ_s Σ_s⁻¹ - A)⁻¹ and μ = Σ (Σ_s Σ_s⁻¹ μ_s - A a): Scott et al. 2016, section 3.1, with full covariances, and
    a and A the mean and the precision of the anchors.
    """
    precisions = np.array([inverse(covariance) for covariance in covariances])
    total = precisions.sum(axis=0)
    # Relative to the first: the common part of the means passes through without rounding.
    pulled = np.einsum("sjk,sk->j", precisions, means - means[0])
    if anchors is None:
        covariance = inverse(total)
    else:
        covariance = _without(total, anchors.precision, len(means))
        pulled -= anchors.precision @ (anchors.centre - means[0])
    return means[0] + covariance @ pulled, covariance


def _without(total: FloatArray, removed: FloatArray, n_shards: int) -> FloatArray:
    """Return the covariance of what is left of a precision when that of the anchors is taken off.

    What is left of a direction along which the anchors rule can be chance, and below zero: at least a share is kept.
    """
    wide = root(inverse(total))
    values, vectors = np.linalg.eigh(np.eye(len(total)) - wide.T @ removed @ wide)
    return np.asarray((wide @ vectors / np.maximum(values, LEFT_LEAST / n_shards)) @ (wide @ vectors).T)


def weighted_average(draws: FloatArray, covariances: FloatArray, anchors: Anchors | None = None) -> FloatArray:
    """Return the draw-wise average Σ Σ_s Σ_s⁻¹ θ_s, (n_chain, n_draw, n_joint), of draws with a leading shard axis.

    Scott et al. 2016, section 3: exact for Gaussian sub-posteriors, and the shape of others is kept in part. That is
    the product with the anchors in it: shifted and stretched, it has mean and covariance of the one without.
    """
    precisions = np.array([inverse(covariance) for covariance in covariances])
    within = inverse(precisions.sum(axis=0))
    average = draws[0] + np.einsum("sij,scnj->cni", within @ precisions, draws - draws[0])
    if anchors is None:
        return average
    means = draws.mean(axis=(1, 2))
    (held, _), (mean, covariance) = gaussian_product(means, covariances), gaussian_product(means, covariances, anchors)
    unit = root(within)
    inward = np.linalg.inv(unit)
    values, vectors = np.linalg.eigh(inward @ covariance @ inward.T)
    stretch = unit @ (vectors * np.sqrt(values)) @ vectors.T @ inward
    return np.asarray(mean + (average - held) @ stretch.T)


def share_left(covariance: FloatArray, anchors: Anchors) -> FloatArray:
    """Return the share of effective draws of the sub-posteriors that is left in the product, (n_joint,).

    The means of the shards are known as well as their draws are many; what the anchors brought is taken off as known
    exactly, so that the error stays and is one of a smaller precision: Σ (Σ⁻¹ + A) Σ instead of Σ.
    """
    own = np.diag(covariance)
    return np.asarray(own / (own + np.diag(covariance @ anchors.precision @ covariance)))


def gaussian_draws(mean: FloatArray, covariance: FloatArray, shape: tuple[int, int], seed: int) -> FloatArray:
    """Return draws (n_chain, n_draw, n_joint) of a normal distribution."""
    rng = np.random.default_rng([seed, 2])  # 2: a stream of its own beside those of partition and chains
    return mean + rng.standard_normal((*shape, mean.size)) @ root(covariance).T


def disagreement(means: FloatArray, covariances: FloatArray, anchors: Anchors | None = None) -> Disagreement:
    """Return Σ_s (μ_s - μ)ᵀ Σ_s⁻¹ (μ_s - μ) and its probability under the chi-square law.

    The mean of a sub-posterior scatters by its own covariance, less where the prior takes part: the law holds for
    what the data determine, and is cautious for the rest. Of an anchored shard only the share r of its precision
    scatters that is not the anchor's, direction by direction: the sum is that of r times a chi-square each, and is
    brought to one of the same mean and variance (Satterthwaite, Biometrics Bulletin 2, 110 (1946)).
    """
    mean, _ = gaussian_product(means, covariances)
    terms = np.array([(m - mean) @ inverse(c) @ (m - mean) for m, c in zip(means, covariances, strict=True)])
    share = np.ones(means.shape)
    if anchors is not None:
        roots = np.array([root(covariance) for covariance in covariances])
        held = np.swapaxes(roots, 1, 2) @ (anchors.precision / len(means)) @ roots
        share = np.clip(1.0 - np.linalg.eigvalsh(held), 0.0, 1.0)
    scale = float(np.sum(share**2) / np.sum(share))
    dof = float(np.sum(share) ** 2 / np.sum(share**2)) * (len(means) - 1) / len(means)
    terms = terms / scale
    with jax.enable_x64(True):
        p = float(gammaincc(dof / 2.0, terms.sum() / 2.0)) if dof else 1.0
    return Disagreement(float(terms.sum()), dof, p, tuple(terms.tolist()))
