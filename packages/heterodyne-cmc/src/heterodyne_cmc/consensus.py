"""Combination of sub-posteriors: Gaussian product, weighted average, and disagreement of the shards.

All in the unconstrained coordinates of the *joint* sub-posterior including contrast, offset and noise, which the shards
share as well. If the shards were anchored (`heterodyne_cmc.density.Anchor`), the product of the anchors, a normal
density, is divided out.

Why not `consensus` and `parametric` of `numpyro.infer.hmc_util`: without anchors they give the same (to 1e-14; a test
compares), but they do not divide anchors out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from heterodyne_cmc.linalg import inverse, root

type FloatArray = npt.NDArray[np.float64]

LEFT_LEAST = 0.2
"""Smallest precision of the product, in units of that of one shard, which limits its width to that of a shard."""


@dataclass(frozen=True)
class Disagreement:
    """Distance between the means of the sub-posteriors, in units of their covariances.

    `chi2` is expected to be about `dof`; `p` is the probability of a larger one when all shards see the same
    posterior; `by_shard` (n_shards,) are the terms of the sum.
    """

    chi2: float
    dof: float
    p: float
    by_shard: tuple[float, ...]


class Anchors(NamedTuple):
    """The product of the anchors of all shards: a normal density with `centre` (n_joint,) and `precision`
    (n_joint, n_joint), which is zero for coordinates that are not anchored."""

    centre: FloatArray
    precision: FloatArray

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return ln of the density, (n,), of vectors (n, n_joint), up to a constant."""
        away = x - self.centre
        return np.asarray(-0.5 * np.sum(away @ self.precision * away, axis=-1))


def no_anchors(n_joint: int) -> Anchors:
    """Return anchors without effect."""
    return Anchors(np.zeros(n_joint), np.zeros((n_joint, n_joint)))


def all_anchors(centre: FloatArray, precision: FloatArray, n_shards: int, n_joint: int) -> Anchors:
    """Return the product of `n_shards` anchors of the first coordinates."""
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
    # Relative to the first shard, so that the common part of the means is not rounded.
    pulled = np.einsum("sjk,sk->j", precisions, means - means[0])
    if anchors is None:
        covariance = inverse(total)
    else:
        covariance = without_anchors(total, anchors.precision, len(means))
        pulled -= anchors.precision @ (anchors.centre - means[0])
    return means[0] + covariance @ pulled, covariance


def without_anchors(total: FloatArray, removed: FloatArray, n_shards: int) -> FloatArray:
    """Return the covariance for a total precision minus that of the anchors.

    In directions dominated by the anchors the difference can be random and even negative: at least a share is kept.
    """
    wide = root(inverse(total))
    values, vectors = np.linalg.eigh(np.eye(len(total)) - wide.T @ removed @ wide)
    return np.asarray((wide @ vectors / np.maximum(values, LEFT_LEAST / n_shards)) @ (wide @ vectors).T)


def weighted_average(draws: FloatArray, covariances: FloatArray, anchors: Anchors | None = None) -> FloatArray:
    """Return the draw-wise average Σ Σ_s Σ_s⁻¹ θ_s, (n_chain, n_draw, n_joint), of draws with a leading shard axis.

    Scott et al. 2016, section 3: exact for Gaussian sub-posteriors; otherwise the shape is partly preserved. The
    average contains the anchors; it is shifted and scaled to the mean and covariance without them.
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
    """Return the fraction of effective draws of the sub-posteriors that remains in the product, (n_joint,).

    The Monte Carlo error of the means of the shards is unchanged when the anchors, which are known exactly, are
    removed, whereas the precision decreases: Σ (Σ⁻¹ + A) Σ instead of Σ.
    """
    own = np.diag(covariance)
    return np.asarray(own / (own + np.diag(covariance @ anchors.precision @ covariance)))


def gaussian_draws(mean: FloatArray, covariance: FloatArray, shape: tuple[int, int], seed: int) -> FloatArray:
    """Return draws (n_chain, n_draw, n_joint) of a normal distribution."""
    rng = np.random.default_rng([seed, 2])  # 2: a stream of its own beside those of partition and chains
    return mean + rng.standard_normal((*shape, mean.size)) @ root(covariance).T


def disagreement(means: FloatArray, covariances: FloatArray, anchors: Anchors | None = None) -> Disagreement:
    """Return Σ_s (μ_s - μ)ᵀ Σ_s⁻¹ (μ_s - μ) and its probability under the chi-square law.

    The mean of a sub-posterior scatters by its covariance, and by less if the prior contributes: the law holds for
    quantities determined by the data and is conservative for others. For an anchored shard only the fraction r of its
    precision that is not due to the anchor scatters, direction by direction: the sum of r times a chi-square each is
    approximated by a chi-square of the same mean and variance (Satterthwaite, Biometrics Bulletin 2, 110 (1946)).
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
    p = float(chdtrc(dof, terms.sum())) if dof else 1.0
    return Disagreement(float(terms.sum()), dof, p, tuple(terms.tolist()))
