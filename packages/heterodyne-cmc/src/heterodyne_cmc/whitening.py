"""Coordinates in which a sub-posterior is nearly round: ``vector = centre + spread @ z``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.calibration import Estimate, make_tilt
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, Anchor, Tilt, no_anchor, untilted
from heterodyne_cmc.linalg import inverse, root
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import prior_moments
from heterodyne_cmc.scaling import Scaling
from heterodyne_cmc.transforms import constrain, unconstrain
from heterodyne_spec import NLSQResult

type FloatArray = npt.NDArray[np.float64]

_EDGE = 1e-3
"""How near to a bound a start may be, in units of the interval: on the bound the coordinate is infinite."""
PRIOR_REACH = 4.0
"""Distance from the middle of a prior, in its sd, within which a point estimate can be a value of the posterior."""
SPREAD_MOST = 3.0
"""Variance of a sub-posterior over that of the posterior, above which it is anchored. Narrower, flows see less of the
tails; wider, the Gaussian product is too far off to be corrected (both measured, with 16 shards, at 2 and at 4)."""


@dataclass(frozen=True)
class Whitening:
    """The affine map, how far from the centre the chains start, in units of z, the tilt of the likelihood, and the
    anchor of every shard."""

    centre: FloatArray
    spread: FloatArray
    start: float
    tilt: Tilt
    anchor: Anchor


def _start(space: ParameterSpace) -> tuple[FloatArray, FloatArray]:
    """Return the start's unconstrained coordinates and dp/du there, (n_free,) each."""
    intervals = space.intervals()
    # A point estimate made with wider bounds can lie outside of these.
    inside = np.clip(space.start, space.bounds[:, 0], space.bounds[:, 1])
    reach = float(np.log(1 / _EDGE - 1))
    centre = jnp.clip(unconstrain(jnp.asarray(inside), intervals), -reach, reach)
    slope = jax.vmap(jax.grad(constrain))(centre, intervals)
    return np.asarray(centre), np.asarray(slope)


def _estimate(
    space: ParameterSpace, scaling: Scaling, nlsq: NLSQResult, centre: FloatArray, slope: FloatArray, prior: FloatArray
) -> Estimate:
    """Return the NLSQ optimum with its covariances in unconstrained coordinates, coefficients of the scaling behind.

    A parameter that NLSQ held has the prior's variance, as a direction that the data leave open has it already.
    """
    n_free, joint = centre.size, (nlsq.scaling.joint_covariance, nlsq.scaling.joint_covariance_iid)
    of, to_coefficients = [nlsq.covariance, nlsq.covariance_iid], np.zeros((0, 0), np.float64)
    if scaling.basis.shape[1] > 0 and joint[0] is not None and joint[1] is not None:
        of = [joint[0], joint[1]]
        to_coefficients = np.asarray(np.kron(np.eye(2), np.linalg.pinv(scaling.basis)), np.float64)
    n_lin, n_varying = len(to_coefficients), len(nlsq.varying)
    known = [k for k, name in enumerate(space.free_names) if name in nlsq.varying]
    rows = [nlsq.varying.index(space.free_names[k]) for k in known]
    turn, held = np.zeros((n_free + n_lin, n_varying + to_coefficients.shape[1])), np.append(prior**2, np.zeros(n_lin))
    turn[known, rows], held[known] = 1.0 / slope[known], 0.0
    turn[n_free:, n_varying:] = to_coefficients
    calibrated, independent = (turn @ whole @ turn.T + np.diag(held) for whole in of)
    at = np.concatenate([nlsq.contrast, nlsq.offset])
    centre_of = to_coefficients @ at if n_lin else np.zeros(0)
    return Estimate(centre, nlsq.contrast, nlsq.offset, centre_of, independent, calibrated)


def make_whitening(
    space: ParameterSpace, scaling: Scaling, nlsq: NLSQResult | None, noise: float, weight: float
) -> Whitening:
    """Return the coordinates of the posterior of all pairs, and the tilt of its likelihood.

    Parameters
    ----------
    space : the free parameters with their start values and priors.
    scaling : contrast and offset.
    nlsq : the point estimate, or None: then the scale is that of the priors.
    noise : estimate of σ.
    weight : sum of the weights of all pairs.
    """
    centre, slope = _start(space)
    middle, prior = prior_moments(space.prior_arrays(), space.intervals())
    n_free = centre.size
    tilt, precision = untilted(n_free, scaling.mean.size), np.zeros((n_free + 1, n_free + 1))
    precision[:n_free, :n_free] = np.diag(prior**-2.0)
    if nlsq is not None:
        estimate = _estimate(space, scaling, nlsq, centre, slope, prior)
        if nlsq.covariance_kind == "calibrated":
            found = make_tilt(estimate, prior)
            # Beyond the priors the estimate is no pivot: the posterior lies elsewhere, and only the power goes there.
            elsewhere = bool(np.any(np.abs(centre - middle) > PRIOR_REACH * prior))
            kept = ("pull",) if elsewhere else ()
            straight = ("centre", "stretch", "follow") if elsewhere or not estimate.centre.size else ()
            tilt = found._replace(**{key: getattr(tilt, key) for key in (*kept, *straight)})
        # Added to the prior: near a bound the linear map of the covariance is far too wide.
        precision[:n_free, :n_free] += inverse(estimate.calibrated[:n_free, :n_free])
    # The Fisher information of ln σ is twice the number of pairs.
    precision[n_free, n_free] = 2.0 * weight + NOISE_PRIOR_SCALE**-2.0
    start = 0.1 if nlsq is None else 1.0
    return Whitening(np.append(centre, np.log(noise)), root(inverse(precision)), start, tilt, no_anchor(n_free))


def of_shards(whole: Whitening, n_shards: int, *, anchored: bool) -> Whitening:
    """Return the coordinates of each of `n_shards` shards from those of the posterior of all pairs.

    A shard knows 1/K of what the whole does, and carries 1/K of the prior. Where it is `anchored`, it gets as much
    more as makes it `SPREAD_MOST` times as wide as the posterior, in variance.
    """
    precision, n_free = inverse(whole.spread @ whole.spread.T), len(whole.centre) - 1
    held = max(1.0 / SPREAD_MOST - 1.0 / n_shards, 0.0) if anchored else 0.0
    anchor = Anchor(whole.centre[:n_free], held * precision[:n_free, :n_free])
    precision = precision / n_shards
    precision[:n_free, :n_free] += anchor.precision
    return replace(whole, spread=root(inverse(precision)), anchor=anchor)
