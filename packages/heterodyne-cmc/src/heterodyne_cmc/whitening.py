"""Coordinates in which a sub-posterior is nearly isotropic: ``vector = centre + spread @ z``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from heterodyne_cmc.calibration import Estimate, make_adjustment
from heterodyne_cmc.chart import Chart, from_parameters, to_parameters
from heterodyne_cmc.density import NOISE_PRIOR_SCALE, Anchor, LikelihoodAdjustment, no_adjustment, no_anchor
from heterodyne_cmc.linalg import conditioned, inverse, root
from heterodyne_cmc.parameters import ParameterSpace
from heterodyne_cmc.priors import distance, own_scale
from heterodyne_data import NLSQResult
from heterodyne_data.setup import Scaling

type FloatArray = npt.NDArray[np.float64]

_EDGE = 1e-3
"""Smallest distance of a start from a bound, where the coordinate is infinite, in units of the interval."""
PRIOR_REACH = 4.0
"""Largest distance of a plausible point estimate from the centre of a prior, in its sd."""
SPREAD_MOST = 3.0
"""Variance of a sub-posterior over that of the posterior, above which it is anchored. Narrower, flows see less of the
tails; wider, the Gaussian product is too far off to be corrected (both measured, with 16 shards, at 2 and at 4)."""


_ANYWHERE = 1.8
"""Spread in unconstrained coordinates of a value that may be anywhere between its bounds: sd of the logistic
distribution."""


@dataclass(frozen=True)
class Whitening:
    """The affine map, the adjustment of the likelihood, and the anchor of every shard."""

    centre: FloatArray
    spread: FloatArray
    adjustment: LikelihoodAdjustment
    anchor: Anchor


class Place(NamedTuple):
    """A point in unconstrained coordinates (n_free,), its parameters (n_free,), the derivatives (n_free, n_free) of the
    coordinates by the parameters there, and the covariance (n_free, n_free) of the prior, taken as linear."""

    u: FloatArray
    p: FloatArray
    slope: FloatArray
    prior: FloatArray


def place_of(space: ParameterSpace, p: FloatArray) -> Place:
    """Return the place of parameters; values on a bound are moved slightly inside."""
    # A point estimate made with wider bounds can lie outside of these.
    width = np.ptp(space.bounds, axis=1)
    inside = np.clip(p, space.bounds[:, 0] + _EDGE * width, space.bounds[:, 1] - _EDGE * width)
    # A logarithm reaches far below.
    inside = np.where(space.log, np.clip(p, *(space.bounds * [1 + _EDGE, 1 - _EDGE]).T), inside)
    return place_at(space, np.asarray(from_parameters(jnp.asarray(inside), space.chart())))


def place_at(space: ParameterSpace, u: FloatArray) -> Place:
    """Return the place of unconstrained coordinates."""
    chart = space.chart()
    p = np.asarray(to_parameters(jnp.asarray(u), chart)[0])
    slope = np.linalg.pinv(np.asarray(_derivatives(jnp.asarray(u), chart)), rcond=1e-13)
    along = slope * own_scale(space.priors, space.bounds, p)
    return Place(u, p, slope, _with_units(along @ along.T))


def _with_units(covariance: FloatArray) -> FloatArray:
    """Return a covariance with zero variances, of coordinates that change no parameter, replaced by 1."""
    flat = ~(np.diag(covariance) > 0)
    covariance[flat] = covariance[:, flat] = 0.0
    covariance[flat, flat] = 1.0
    return covariance


@jax.jit
def _derivatives(u: Float[Array, " n_free"], chart: Chart) -> Float[Array, "n_free n_free"]:
    return jax.jacfwd(lambda at: to_parameters(at, chart)[0])(u)


class _Least(NamedTuple):
    """The estimate with equal weights: its place, and contrast and offset (n_phi,)."""

    at: Place
    contrast: FloatArray
    offset: FloatArray


def _least(space: ParameterSpace, nlsq: NLSQResult, at: Place) -> _Least:
    """Return the estimate with equal weights of a point estimate at a place."""
    weighting = nlsq.weighting
    if weighting is None or weighting.kind == "equal":
        return _Least(at, nlsq.contrast, nlsq.offset)
    known = weighting.values
    values = [known.get(name, value) for name, value in zip(space.free_names, space.start, strict=True)]
    place = place_of(space, space.at_fixed_origins(np.array(values), known))
    return _Least(place, np.asarray(weighting.contrast), np.asarray(weighting.offset))


def _estimate(space: ParameterSpace, scaling: Scaling, nlsq: NLSQResult, at: Place, least: _Least) -> Estimate:
    """Return the point estimate with its covariances in unconstrained coordinates, followed by scaling coefficients.

    Parameters fixed in the fit have the variance of the prior, as undetermined directions already have.
    """
    n_free, joint = at.u.size, (nlsq.scaling.joint_covariance, nlsq.scaling.joint_covariance_iid)
    of, to_coefficients = [nlsq.covariance, nlsq.covariance_iid], np.zeros((0, 0), np.float64)
    if scaling.basis.shape[1] > 0 and joint[0] is not None and joint[1] is not None:
        of = [joint[0], joint[1]]
        to_coefficients = np.asarray(np.kron(np.eye(2), np.linalg.pinv(scaling.basis)), np.float64)
    n_lin, n_varying = len(to_coefficients), len(nlsq.varying)
    known = [k for k, name in enumerate(space.free_names) if name in nlsq.varying]
    rows = [nlsq.varying.index(space.free_names[k]) for k in known]
    later = [nlsq.varying.index(name) for name in space.later_names if name in nlsq.varying]
    of_held = np.where(np.isin(np.arange(n_free), known), 0.0, own_scale(space.priors, space.bounds, at.p))

    def turned(whole: FloatArray, place: Place) -> FloatArray:
        turn = np.zeros((n_free + n_lin, n_varying + to_coefficients.shape[1]))
        turn[:n_free, rows], turn[n_free:, n_varying:] = place.slope[:, known], to_coefficients
        held = np.zeros((len(turn), len(turn)))
        held[:n_free, :n_free] = (place.slope * of_held) @ (place.slope * of_held).T
        return np.asarray(turn @ conditioned(whole, later) @ turn.T + held)

    def coefficients(contrast: FloatArray, offset: FloatArray) -> FloatArray:
        return np.asarray(to_coefficients @ np.concatenate([contrast, offset]) if n_lin else np.zeros(0))

    return Estimate(
        at.u,
        least.at.u - at.u,
        least.contrast,
        least.offset,
        coefficients(nlsq.contrast, nlsq.offset),
        coefficients(least.contrast, least.offset),
        turned(of[1], least.at),
        turned(of[0], at),
    )


def make_whitening(
    space: ParameterSpace, scaling: Scaling, nlsq: NLSQResult | None, noise: float, weight: float
) -> Whitening:
    """Return the coordinates of the posterior of all pairs, and the adjustment of its likelihood.

    Parameters
    ----------
    space : the free parameters with their start values and priors.
    scaling : contrast and offset.
    nlsq : the point estimate, or None: then the scale is that of the priors.
    noise : estimate of σ.
    weight : sum of the weights of all pairs.
    """
    at = place_of(space, space.start)
    n_free, prior = at.u.size, at.prior
    adjustment, precision = no_adjustment(n_free, scaling.mean.size), np.zeros((n_free + 1, n_free + 1))
    precision[:n_free, :n_free] = inverse(prior)
    if nlsq is not None:
        estimate = _estimate(space, scaling, nlsq, at, _least(space, nlsq, at))
        if nlsq.covariance_kind == "calibrated":
            found = make_adjustment(estimate, _bounded(prior))
            # Outside the priors the estimate is not used as pivot: the posterior lies elsewhere, and only the power
            # applies.
            elsewhere = beyond_priors(space, at.p)
            if elsewhere:
                found = found._replace(pivot=found.pivot + found.shift)
            kept = ("pull", "shift") if elsewhere else ()
            straight = ("centre", "origin", "stretch", "follow") if elsewhere or not estimate.centre.size else ()
            adjustment = found._replace(**{key: getattr(adjustment, key) for key in (*kept, *straight)})
        # Combined with the prior, because near a bound the linear map of the covariance is far too wide.
        precision[:n_free, :n_free] += inverse(estimate.calibrated[:n_free, :n_free])
    # The Fisher information of ln σ is twice the number of pairs.
    precision[n_free, n_free] = 2.0 * weight + NOISE_PRIOR_SCALE**-2.0
    return Whitening(np.append(at.u, np.log(noise)), root(inverse(precision)), adjustment, no_anchor(n_free))


def beyond_priors(space: ParameterSpace, p: FloatArray) -> bool:
    """Return whether parameters lie outside the reach of their priors."""
    return bool(np.any(np.abs(distance(space.priors, p)) > PRIOR_REACH))


def _bounded(prior: FloatArray) -> FloatArray:
    """Return the covariance of a prior, taken as linear, limited to that of values anywhere between their bounds.

    At a bound, coordinates change without limit with the parameters: prior and covariance of the estimate are both far
    wider than the interval, and the estimate would pass for determined along a direction in which its covariance says
    nothing of the likelihood (seed 520044 of the coverage: x off by 29 standard deviations).
    """
    return inverse(inverse(prior) + np.eye(len(prior)) / _ANYWHERE**2)


def of_shards(whole: Whitening, n_shards: int, *, anchored: bool) -> Whitening:
    """Return the coordinates of each of `n_shards` shards from those of the posterior of all pairs.

    A shard has 1/K of the information and 1/K of the prior. If it is `anchored`, the anchor limits its variance to
    `SPREAD_MOST` times that of the posterior.
    """
    precision, n_free = inverse(whole.spread @ whole.spread.T), len(whole.centre) - 1
    held = max(1.0 / SPREAD_MOST - 1.0 / n_shards, 0.0) if anchored else 0.0
    anchor = Anchor(whole.centre[:n_free], held * precision[:n_free, :n_free])
    precision = precision / n_shards
    precision[:n_free, :n_free] += anchor.precision
    return replace(whole, spread=root(inverse(precision)), anchor=anchor)
