"""The noise of the maps, and the resulting covariance of the least-squares score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterodyne_data.setup import ROUNDING
from heterodyne_nlsq.parallel import each
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.uncertainty.inflation import inflation_of, residuals, typical
from heterodyne_nlsq.uncertainty.noise_parts import PLAINLY, NoiseParts, described_details, noise_parts, own_details
from heterodyne_nlsq.uncertainty.pixels import (
    DETAILED,
    PORTIONS,
    PixelScores,
    Request,
    blocks_of,
    fluctuations,
    pixel_details,
    pixel_scores,
    some_portions,
)
from heterodyne_nlsq.uncertainty.scales import Blocks, Details, Expected, measured_details
from heterodyne_nlsq.uncertainty.structure import LEAST_LIMIT, Residual, beyond_noise

type FloatArray = npt.NDArray[np.float64]


_KEPT = 512
"""Number of pixels for the tests of nested models; they give a variance to 6 %."""

_ROUGHLY = 64
"""Number of pixels that show whether there is speckle: its details in them are known to a tenth."""


@dataclass(frozen=True)
class Calibration:
    """The noise of every azimuth, and simulated pixels with this noise.

    `own_share` (n_phi,) is the fraction of noise uncorrelated between pairs (photons, detector), `own` (n_phi,) its
    variance, `excess` (n_phi,) the factor by which measured and expected noise differ most, `limit` (n_phi,) its
    statistical limit, and `above` (n_phi,) the factor by which it is above what is expected. `inflation` is the ratio
    of correlated to uncorrelated noise. `fluctuations` are relative, (n_t, n_pixel) per azimuth, few where there is no
    speckle.
    """

    parts: tuple[NoiseParts, ...]
    own: FloatArray
    own_share: FloatArray
    excess: FloatArray
    limit: FloatArray
    above: FloatArray
    inflation: float
    fluctuations: tuple[npt.NDArray[np.float32], ...]

    @property
    def structured(self) -> npt.NDArray[np.bool_]:
        """At which azimuths (n_phi,) the residuals have structure beyond the noise."""
        return self.excess > self.limit

    def some_pixels(self, a: int) -> npt.NDArray[np.float32]:
        """Return the relative fluctuations (n_t, n_some) of some pixels of azimuth number `a`."""
        return self.fluctuations[a][:, :_KEPT]


def calibrate(
    setup: Setup,
    values: FloatArray,
    contrast: FloatArray,
    offset: FloatArray,
    model: npt.NDArray[np.floating],
    variance: FloatArray,
) -> Calibration:
    """Return the noise of the maps for a fit.

    Parameters
    ----------
    values, contrast, offset : the fitted model's parameters (n_par,), and (n_phi,) each.
    model : fitted maps (n_phi, n_t, n_t).
    variance : of a residual of every azimuth (n_phi,); used if there are too few frames for blocks.
    """
    data, request, seed = setup.data, request_of(setup, values, contrast), setup.config.nlsq.seed
    azimuths = range(data.n_phi)
    delta = fluctuations(request, seed, range(PORTIONS, PORTIONS + 1), azimuths, _ROUGHLY)

    def look(a: int) -> tuple[Details, list[Blocks], Expected, NoiseParts]:
        blocks = blocks_of(request, a, model[a], float(offset[a]))
        found = measured_details(*residuals(data.c2[a], model[a], request.weight[a] > 0), request.n_near)
        expected, *_ = pixel_details(request, a, delta[a], blocks)
        if variance[a] < ROUNDING:
            return found, blocks, expected, NoiseParts(0.0, 0.0, 0.0, ROUNDING)
        return found, blocks, expected, noise_parts(found, expected, float(variance[a]), PLAINLY)

    found, blocks, expected, parts = map(list, zip(*each(look, azimuths), strict=True))

    def shared_by() -> list[int]:
        return [a for a in azimuths if parts[a].speckle > 0]

    of_ages: dict[int, list[Expected]] = {}
    closely = dict(zip(shared_by(), fluctuations(request, seed, range(DETAILED), shared_by()), strict=True))

    def look_closely(a: int) -> None:
        expected[a], *of_ages[a] = pixel_details(request, a, closely[a], blocks[a])
        parts[a] = noise_parts(found[a], expected[a], float(variance[a]))

    each(look_closely, closely)
    # The rest is for the covariance of the score, which needs none without speckle.
    rest = fluctuations(request, seed, range(DETAILED, PORTIONS), shared_by())
    for a, one in zip(shared_by(), rest, strict=True):
        delta[a] = np.concatenate([closely[a], one], axis=1)

    noisy = [a for a in azimuths if variance[a] >= ROUNDING]
    own, own_share = np.full(data.n_phi, ROUNDING), np.ones(data.n_phi)
    excess, limit, above = np.ones(data.n_phi), np.full(data.n_phi, LEAST_LIMIT), np.ones(data.n_phi)
    for a in noisy:
        own[a], own_share[a] = _own(found[a], expected[a], parts[a])
    frames = [np.flatnonzero(used) for used in request.weight > 0]
    excess[noisy], limit[noisy], above[noisy] = beyond_noise(
        [Residual(found[a], expected[a], of_ages.get(a, []), parts[a], frames[a]) for a in noisy], data.n_phi
    )
    shared = np.array([inflation_of(found[a], float(variance[a])) if a in noisy else 1.0 for a in azimuths])
    return Calibration(tuple(parts), own, own_share, excess, limit, above, typical(shared), tuple(delta))


def score_covariance(
    setup: Setup,
    calibration: Calibration,
    values: FloatArray,
    contrast: FloatArray,
    matrices: FloatArray,
    portions: int = PORTIONS,
) -> FloatArray:
    """Return the covariance (n_fit, n_fit) of the least-squares score in the fitted vector.

    Parameters
    ----------
    calibration : of this fit, at this point or at one that describes the data equally well.
    values, contrast : the point, (n_par,) and (n_phi,).
    matrices : Gauss-Newton matrix of every azimuth there in the fitted vector (n_phi, n_fit, n_fit).
    portions : number of portions of pixels that are simulated.

    Notes
    -----
    Godambe's covariance: Varin, Reid & Firth (2011), Statistica Sinica 21, 5.
    """
    request = request_of(setup, values, contrast)

    def of_azimuth(a: int) -> FloatArray:
        part, independent = calibration.parts[a], calibration.own[a] * matrices[a]
        if part.speckle <= 0:
            return independent
        pixel = pixel_scores(request, a, some_portions(calibration.fluctuations[a], portions))
        return independent + _shared(setup, a, part, pixel)

    score = np.sum(each(of_azimuth, range(setup.data.n_phi)), axis=0)
    return np.asarray((score + score.T) / 2)


def request_of(setup: Setup, values: FloatArray, contrast: FloatArray) -> Request:
    """Return what the simulation of pixels needs of a fit with all parameters (n_par,) and contrast (n_phi,)."""
    data, near = setup.data, max(setup.config.data.exclude_diagonals, 1)
    weight = data.weight * data.valid
    return Request(setup.physics, values, setup.free.expand, data.t, data.q, data.phi, contrast, weight, near)


def _own(found: Details, expected: Expected, parts: NoiseParts) -> tuple[float, float]:
    """Return the variance of noise uncorrelated between pairs, averaged over pairs, and its fraction of all details."""
    described, own = described_details(parts, expected), own_details(parts, expected)
    total = float(np.sum(found.number[:, None] * described))
    share = float(np.sum(found.number[:, None] * own)) / total if total > 0 else 1.0
    return float(own[0].mean()) if own.size else parts.white, share


def _shared(setup: Setup, a: int, part: NoiseParts, pixel: PixelScores) -> FloatArray:
    """Return the covariance of the score in the fitted vector due to the correlated noise of azimuth number `a`."""
    basis = setup.scaling.basis
    n_free, n_coef = setup.free.expand.shape[1], basis.shape[1]
    turn = np.zeros((n_free + 2, n_free + 2 * n_coef))
    turn[:-2, :n_free] = np.eye(n_free)
    turn[-2, n_free : n_free + n_coef] = turn[-1, n_free + n_coef :] = basis[a]
    return np.asarray(turn.T @ (part.speckle * pixel.speckle + part.mixed * pixel.mixed) @ turn)
