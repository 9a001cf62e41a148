"""Contributions of speckle and photons to the noise of a map, from its details by scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.uncertainty.scales import Details, Expected

type FloatArray = npt.NDArray[np.float64]

_ROUNDS, _SETTLED = 20, 1e-7
"""Most iterations for the coefficients, and the relative change of the details at which they end."""

_SPECKLE, _WHITE = 2.0, 9.0
"""Twice the log-likelihood ratio required to accept speckle beside white noise, and white noise beside speckle. Maps
are means over pixels: some speckle is expected, and where photons are few, leaving out a part that is only just not
significant makes standard deviations a fifth too small; the threshold is that of Akaike (1974). Detector noise accepted
where there is none makes the number of pixels too small: three standard deviations."""

PLAINLY = 0.75
"""Fraction of these below which noise is white even by a rough expectation."""

_DARKEST = 1e4
"""Largest inverse of the number of photons per pixel and frame that is tried."""

_PARALLEL = 1e-12
"""Relative determinant of two columns below which it is rounding error and the columns count as equal."""

_TRIED, _ZOOMS = 15, 3
"""Number of values per step of the search, and number of refinements around the best."""


class NoiseParts(NamedTuple):
    """Coefficients of the noise of one map: `speckle`, one over the effective number of pixels; `mixed`, speckle times
    photon noise, one over pixels and photons; `photons`, that of both frames, one over pixels and photons squared;
    `white`, variance of other noise uncorrelated between pairs.
    """

    speckle: float
    mixed: float
    photons: float
    white: float


def described_details(parts: NoiseParts, expected: Expected) -> FloatArray:
    """Return the mean squares of the details (n_scale, 3) due to all contributions."""
    return parts.speckle * expected.speckle + parts.mixed * expected.mixed + own_details(parts, expected)


def own_details(parts: NoiseParts, expected: Expected) -> FloatArray:
    """Return the mean squares of the details (n_scale, 3) of noise uncorrelated between pairs."""
    return parts.photons * expected.photons + parts.white


def _misfit(found: Details, described: FloatArray) -> FloatArray:
    """Return minus twice the logarithm of the likelihood of mean squares (Whittle 1953), up to a constant.

    `described` (..., n_scale, 3).
    """
    ratio = found.square / np.maximum(described, 1e-300)
    return np.asarray(np.sum(found.number[:, None] * (ratio - np.log(np.maximum(ratio, 1e-300))), axis=(-2, -1)))


def _not_negative(columns: FloatArray, target: FloatArray) -> FloatArray:
    """Return the least-squares coefficients, none negative, of one or two columns (..., n, 1 or 2)."""
    product, square = np.einsum("...nc,...n->...c", columns, target), np.einsum("...nc,...nd->...cd", columns, columns)
    own = np.maximum(np.diagonal(square, axis1=-2, axis2=-1), 1e-300)
    alone = np.maximum(product / own, 0.0)
    if alone.shape[-1] == 1:
        return alone
    across = square[..., 0, 1]
    determinant = own[..., 0] * own[..., 1] - across**2
    apart = determinant > _PARALLEL * own[..., 0] * own[..., 1]
    swapped = own[..., ::-1] * product - across[..., None] * product[..., ::-1]
    together = swapped / np.where(apart, determinant, 1.0)[..., None]
    # If one is negative, the minimum is on an edge: the coefficient that explains less is zero.
    on_edge = np.where(np.arange(2) == np.argmax(alone**2 * own, axis=-1)[..., None], alone, 0.0)
    return np.where((apart & np.all(together >= 0, axis=-1))[..., None], together, on_edge)


def _coefficients(found: Details, design: FloatArray) -> FloatArray:
    """Return the most likely coefficients, none negative, of columns (..., n_scale, 3, n_column).

    By Fisher scoring: iterated, with weights from the expectation.
    """
    observed, root = found.square.ravel(), np.sqrt(np.repeat(found.number, 3))
    design = design.reshape(*design.shape[:-3], -1, design.shape[-1])
    expected = np.maximum(observed, 1e-3 * observed.max())
    coefficients = np.zeros(design.shape[-1])
    for _ in range(_ROUNDS):
        weighted = design * (root / expected)[..., None]
        scale = np.maximum(weighted.max(axis=-2), 1e-300)
        coefficients = _not_negative(weighted / scale[..., None, :], observed * root / expected) / scale
        before, expected = expected, np.maximum((design @ coefficients[..., None])[..., 0], 1e-9 * observed.max())
        if np.all(np.abs(expected - before) <= _SETTLED * expected):
            break
    return coefficients


def noise_parts(found: Details, expected: Expected, variance: float, certainty: float = 1.0) -> NoiseParts:
    """Return the contributions to the noise that explain its details; white noise of the given `variance` if there are
    no details.

    Three noise models, each with one more coefficient, accepted only if significant: white noise; speckle and photon
    noise; both together. What is required for that is multiplied by `certainty`.
    """
    used = found.number > 0
    if not used.any() or not np.any(found.square[used] > 0):
        return NoiseParts(0.0, 0.0, 0.0, variance)
    found = Details(found.square[used], found.number[used])
    expected = Expected(*(column[used] for column in expected))
    one = np.ones_like(found.square)
    lowest, best = np.inf, NoiseParts(0.0, 0.0, 0.0, 0.0)
    white = NoiseParts(0.0, 0.0, 0.0, float(_coefficients(found, one[..., None])[0]))
    for (misfit, parts), required in (
        ((float(_misfit(found, described_details(white, expected))), white), 0.0),
        (_counted(found, expected, []), _SPECKLE),
        (_counted(found, expected, [one]), _WHITE),
    ):
        if misfit < lowest - certainty * required:
            lowest, best = misfit, parts
    return best


def _counted(found: Details, expected: Expected, beside: list[FloatArray]) -> tuple[float, NoiseParts]:
    """Return misfit and parts of the best number of photons, with the noise `beside` that."""

    tried = np.append(0.0, np.geomspace(1e-4, _DARKEST, 2 * _TRIED))
    for _ in range(_ZOOMS):
        dark = tried[:, None, None]
        column = expected.speckle + dark * expected.mixed + dark**2 * expected.photons
        design = np.stack([column, *(np.broadcast_to(other, column.shape) for other in beside)], axis=-1)
        coefficients = _coefficients(found, design)
        misfit = _misfit(found, np.einsum("tskc,tc->tsk", design, coefficients))
        k = int(np.argmin(misfit))
        (speckle, *rest), best = (float(c) for c in coefficients[k]), float(tried[k])
        parts = NoiseParts(speckle, speckle * best, speckle * best**2, sum(rest))
        tried = np.linspace(tried[max(k - 1, 0)], tried[min(k + 1, len(tried) - 1)], _TRIED)
    return float(misfit[k]), parts
