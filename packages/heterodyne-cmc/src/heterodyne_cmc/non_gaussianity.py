"""Deviation of the Gaussian consensus from the product of the sub-posteriors, estimated from their draws.

Write sub-posterior s as a Gaussian with its first Hermite corrections, in its own whitened coordinate z:

    f_s = N(z) [1 + κ_abc H_abc(z) / 6 + κ_abcd H_abcd(z) / 24 + ...]

with third and fourth cumulants κ. At the Gaussian product N(μ, Σ), z = d + G y, where d is the distance of the
product's mean in units of f_s, y_k = (x_k - μ_k)/σ_k are the posterior's coordinates in its own standard deviations,
and G = L⁻¹ Σ diag(1/σ) gives their covariance with z. By Stein's identity the correction moves the product's mean and
variance, summed over s, by

    E[y_k]       ½ κ_abc G_ak M_bc,                      M = d dᵀ + L⁻¹ Σ L⁻ᵀ - 1
    Var[y_k]     κ_abc G_ak G_bk d_c + ½ κ_abcd G_ak G_bk M_cd

M is about -1 if the shards agree, so equally skewed shards shift the mean by ½ √K times their skewness: a skewness that
is hardly visible in one shard matters in the product. The draw-wise weighted average has the mean and the covariance of
the Gaussian product, so the difference of these two is not informative.

Measured with 100 repeats each of Gaussian sub-posteriors in 5, 12 and 25 dimensions, 4 and 16 shards of 2000 draws with
an effective size of 400: no false alarms, except 3 % for 25 dimensions and 4 shards. Of 30 banana-shaped densities
each, 2000 draws with an effective size of 1000, for which the Gaussian consensus is off by 0.30 sd, all are detected
for 4 shards in 4 and 12 dimensions, 90 % for 16 shards in 12, 83 % for 4 and 37 % for 16 in 25; if off by 0.75 sd, all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_cmc.consensus import Anchors, gaussian_product, moments
from heterodyne_cmc.diagnostics import standard_error
from heterodyne_cmc.linalg import inverse, root

type FloatArray = npt.NDArray[np.float64]

SHIFT_MOST, WIDTH_MOST = 0.15, 0.1
"""Largest acceptable implied shift of a mean, in posterior sd, and implied relative change of an sd."""
CERTAINTY, CERTAINTY_EACH = 4.0, 5.0
"""Multiples of their Monte Carlo error by which implied changes must differ from zero to be significant: for the
n_joint coordinates, and for the n_joint² single bends, whose maximum is larger by chance."""
_BATCHES = 25
"""Batches of a chain, from whose scatter the error of single bends is taken: one pass over the draws."""


@dataclass(frozen=True)
class NonGaussianity:
    """Difference of mean and width of the product from those of the Gaussian consensus.

    `shift` (n_joint,): mean of the product less that of the Gaussian consensus, in posterior sd. `width` (n_joint,):
    sd of the product over that of the Gaussian consensus, less one. `bends` (n_joint, n_joint): the parts of the shift
    of a coordinate (row) that come of its curving along one principal direction of the sub-posteriors (column); their
    sum is the shift, and each is known better than the sum. `shift_error`, `width_error` and `bends_error` are the
    Monte-Carlo standard errors. Where a bend is strong its numbers are off by a factor, but not small.
    """

    shift: FloatArray
    shift_error: FloatArray
    width: FloatArray
    width_error: FloatArray
    bends: FloatArray
    bends_error: FloatArray

    @property
    def bent(self) -> bool:
        """Whether the Gaussian consensus is unreliable: a significant change above its limit."""
        return (
            _exceeds(self.shift, self.shift_error, SHIFT_MOST, CERTAINTY)
            or _exceeds(self.width, self.width_error, WIDTH_MOST, CERTAINTY)
            or _exceeds(self.bends, self.bends_error, SHIFT_MOST, CERTAINTY_EACH)
        )

    @property
    def worst_shift(self) -> float:
        """Largest significant shift of a coordinate or of a single bend, in posterior sd; 0 if there is none."""
        return max(
            _largest(self.shift, self.shift_error, CERTAINTY), _largest(self.bends, self.bends_error, CERTAINTY_EACH)
        )

    @property
    def worst_width(self) -> float:
        """Largest significant relative change of an sd; 0 if there is none."""
        return _largest(self.width, self.width_error, CERTAINTY)


def _exceeds(value: FloatArray, error: FloatArray, most: float, certainty: float) -> bool:
    return _largest(value, error, certainty) > most


def _largest(value: FloatArray, error: FloatArray, certainty: float) -> float:
    """Return the largest magnitude among the values that differ from zero by `certainty` errors, or 0."""
    size = np.abs(value)
    return float(np.max(np.where(size > certainty * error, size, 0.0), initial=0.0))


def measured(gaussian: tuple[FloatArray, FloatArray], draws: FloatArray, effective: float) -> NonGaussianity:
    """Return how far the Gaussian consensus, of mean and covariance, is from `draws` (n_chain, n_draw, n_joint) of the
    product itself, with effective sample size `effective`."""
    mean, covariance = gaussian
    sd, ones = draws.std(axis=(0, 1)), np.ones(mean.size)
    shift, width = (draws.mean(axis=(0, 1)) - mean) / sd, sd / np.sqrt(np.diag(covariance)) - 1.0
    none = np.zeros((mean.size, mean.size))
    return NonGaussianity(shift, ones / np.sqrt(effective), width, ones / np.sqrt(2.0 * effective), none, none)


def non_gaussianity(draws: FloatArray, anchors: Anchors | None = None) -> NonGaussianity:
    """Return the deviation of the product of sub-posteriors from Gaussian, to first order in the non-Gaussianity of
    their draws (n_shard, n_chain, n_draw, n_joint).

    The `anchors` are normal densities: they only affect the position of the product.

    Raises
    ------
    LinAlgError : if a sub-posterior has zero width.
    """
    means, covariances = moments(draws)
    mean, covariance = gaussian_product(means, covariances, anchors)
    sd = np.sqrt(np.diag(covariance))
    parts = []
    for shard, own_mean, whiten in zip(draws, means, aligned_whitening(covariances), strict=True):
        seen = whiten @ covariance
        d, g = whiten @ (mean - own_mean), seen / sd
        m = np.outer(d, d) + seen @ whiten.T - np.eye(d.size)
        z = (shard - own_mean) @ whiten.T
        terms = _shift_terms(z, g, m), _width_terms(z, d, g, m)
        values = [(term.mean(axis=(0, 1)), standard_error(term) ** 2) for term in terms]
        parts.append([*values[0], *values[1], *_bends(z, g, m)])
    shift, shift_variance, width, width_variance, bends, bends_variance = (
        np.sum(part, axis=0) for part in zip(*parts, strict=True)
    )
    return NonGaussianity(
        shift, np.sqrt(shift_variance), width, np.sqrt(width_variance), bends, np.sqrt(bends_variance)
    )


def aligned_whitening(covariances: FloatArray) -> FloatArray:
    """Return W (n_shard, n_joint, n_joint), each with ``W @ covariance @ W.T`` the identity, for similar covariances.

    The rows lie along principal directions that are common to all shards, in ascending order of their length, so that
    coordinate k has about the same meaning in all shards.
    """
    common = covariances.mean(axis=0)
    whiten = root(common).T @ inverse(common)
    return np.array([_symmetric_inverse_root(whiten @ own @ whiten.T) @ whiten for own in covariances])


def _symmetric_inverse_root(matrix: FloatArray) -> FloatArray:
    """Return the symmetric W with ``W @ matrix @ W`` the identity: the whitening that turns directions least."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors / np.sqrt(np.maximum(values, np.finfo(float).eps * values.max()))) @ vectors.T


# The terms of a draw are Hermite polynomials instead of bare products: the mean is the same cumulant, the scatter under
# a Gaussian is the smallest, and the errors of mean and covariance, with which z was whitened, are in it.


def _shift_terms(z: FloatArray, g: FloatArray, m: FloatArray) -> FloatArray:
    """Return what every draw adds to a shard's share of the shift, (n_chain, n_draw, n_joint)."""
    mz = z @ m
    return 0.5 * ((z @ g) * (np.sum(z * mz, axis=-1, keepdims=True) - np.trace(m)) - 2 * mz @ g)


def _width_terms(z: FloatArray, d: FloatArray, g: FloatArray, m: FloatArray) -> FloatArray:
    """Return what every draw adds to a shard's share of the relative change of sd, (n_chain, n_draw, n_joint)."""
    p, mz = z @ g, z @ m
    q, length, trace = np.sum(z * mz, axis=-1, keepdims=True), np.sum(g**2, axis=0), np.trace(m)
    along = (z @ d)[..., None]
    third = p**2 * along - length * along - 2 * p * (d @ g)
    inner = np.sum(g * (m @ g), axis=0)
    fourth = p**2 * (q - trace) - length * q - 4 * p * (mz @ g) + length * trace + 2 * inner
    # Half: the relative change of an sd is half that of its variance.
    return 0.5 * (third + 0.5 * fourth)


def _bends(z: FloatArray, g: FloatArray, m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a shard's share of the bends, (n_joint, n_joint), and its variance over batches of the chains."""
    n_batch = min(_BATCHES, z.shape[1])
    length = z.shape[1] // n_batch
    z = z[:, : n_batch * length].reshape(-1, length, z.shape[-1])
    p, mz = z @ g, z @ m
    along = np.swapaxes(p, 1, 2) @ (z * mz) / length
    linear = p.mean(axis=1)[:, :, None] * np.diag(m)
    crossed = g.T * mz.mean(axis=1)[:, None, :] + (m @ g).T * z.mean(axis=1)[:, None, :]
    batches = 0.5 * (along - linear - crossed)
    return batches.mean(axis=0), batches.var(axis=0, ddof=1) / len(batches)
