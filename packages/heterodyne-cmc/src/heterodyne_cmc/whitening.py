"""Coordinates in which a sub-posterior is nearly round: ``vector = centre + spread @ z``."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.calibration import make_tilt
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, Tilt, untilted
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import prior_moments
from heterodyne_cmc.transforms import constrain, unconstrain
from heterodyne_spec import NLSQResult

type FloatArray = npt.NDArray[np.float64]

_EDGE = 1e-3
"""How near to a bound a start may be, in units of the interval: on the bound the coordinate is infinite."""


@dataclass(frozen=True)
class Whitening:
    """The affine map, how far from the centre the chains start, in units of z, and the tilt of the likelihood."""

    centre: FloatArray
    spread: FloatArray
    start: float
    tilt: Tilt


def _start(space: ParameterSpace) -> tuple[FloatArray, FloatArray]:
    """Return the start's unconstrained coordinates and dp/du there, (n_free,) each."""
    intervals = space.intervals()
    # A point estimate made with wider bounds can lie outside of these.
    inside = np.clip(space.start, space.bounds[:, 0], space.bounds[:, 1])
    reach = float(np.log(1 / _EDGE - 1))
    centre = jnp.clip(unconstrain(jnp.asarray(inside), intervals), -reach, reach)
    slope = jax.vmap(jax.grad(constrain))(centre, intervals)
    return np.asarray(centre), np.asarray(slope)


def _covariance(
    space: ParameterSpace, nlsq: NLSQResult, of: FloatArray, slope: FloatArray, prior: FloatArray
) -> FloatArray:
    """Return one of the covariances `of` the NLSQ optimum in unconstrained coordinates, (n_free, n_free).

    A parameter that NLSQ held has the prior's variance, as a direction that the data leave open has it already.
    """
    names = space.free_names
    covariance = np.diag(prior**2)
    known = [k for k, name in enumerate(names) if name in nlsq.varying]
    rows = [nlsq.varying.index(names[k]) for k in known]
    if known:
        covariance[np.ix_(known, known)] = of[np.ix_(rows, rows)] / np.outer(slope[known], slope[known])
    return covariance


def make_whitening(
    space: ParameterSpace, nlsq: NLSQResult | None, noise: float, weight: float, n_shards: int
) -> Whitening:
    """Return the coordinates of every shard, and the tilt of its likelihood.

    Parameters
    ----------
    space : the free parameters with their start values and priors.
    nlsq : the point estimate, or None: then the scale is that of the priors.
    noise : estimate of σ.
    weight : sum of the weights of all pairs.
    n_shards : K; each shard knows 1/K of what the whole does, and carries 1/K of the prior.
    """
    centre, slope = _start(space)
    _, prior = prior_moments(space.prior_arrays(), space.intervals())
    n_free = centre.size
    tilt, precision = untilted(n_free), np.zeros((n_free + 1, n_free + 1))
    if nlsq is None:
        precision[:n_free, :n_free] = np.diag(prior**-2.0)
    else:
        calibrated, independent = (
            _covariance(space, nlsq, of, slope, prior) for of in (nlsq.covariance, nlsq.covariance_iid)
        )
        if nlsq.covariance_kind == "calibrated":
            tilt = make_tilt(centre, nlsq.contrast, nlsq.offset, independent, calibrated, prior)
        # Added to the prior: near a bound the linear map of the covariance is far too wide.
        precision[:n_free, :n_free] = (inverse(calibrated) + np.diag(prior**-2.0)) / n_shards
    # The Fisher information of ln σ is twice the number of pairs.
    precision[n_free, n_free] = (2.0 * weight + NOISE_PRIOR_SCALE**-2.0) / n_shards
    spread = root(inverse(precision))
    return Whitening(np.append(centre, np.log(noise)), spread, 0.1 if nlsq is None else 1.0, tilt)
