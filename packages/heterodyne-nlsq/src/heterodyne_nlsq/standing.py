"""Standing of parameters: determined by the data, fixed, tied, or chosen among values that fit equally well.

A parameter is determined if its standard deviation is at most half of the prior knowledge (the scale of the prior, or
the distance from its middle if larger), and if the linear interval remains valid at three standard deviations, which it
does not along a curved valley. The displacement is made in straight coordinates. A, b and C of a law A t^b + C are
determined together or not at all: if A and C are undetermined, b is the slope divided by A.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.coordinates import (
    around,
    from_parameters,
    make_coordinates,
    slope_of_parameters,
    to_parameters,
    without_bounds,
)
from heterodyne_nlsq.priors import make_priors
from heterodyne_nlsq.setup import Setup

type FloatArray = npt.NDArray[np.float64]

_KNOWN = 0.5
"""Standard deviation, in units of what was known before, up to which a parameter is determined."""

_BENT = (0.6, 1.6)
"""Change at `_SDS_TESTED` standard deviations over that of the linear interval, within which it holds."""

_SDS_TESTED = 3.0
"""Distance in standard deviations at which the linear interval is tested."""

_TRADES = 0.7
"""Correlation from which two parameters compensate each other."""

_MOST = 3
"""Maximum number of correlated parameters named for a chosen one."""


class Standing(NamedTuple):
    """Of one free parameter: whether it is `determined`, and the names of those `against` which it trades."""

    determined: bool
    against: tuple[str, ...]


def standings(setup: Setup, vector: FloatArray, root: FloatArray, lost: Sequence[str] = ()) -> dict[str, Standing]:
    """Return the standing of every free parameter.

    Parameters
    ----------
    vector : fitted vector (n_fit,).
    root : root of its calibrated covariance, (n_fit, k).
    lost : names of parameters that are not determined, independent of their intervals.
    """
    names, n_free = setup.free.free_names, len(setup.free.free)
    covariance = root[:n_free] @ root[:n_free].T
    sd = np.sqrt(np.diag(covariance))
    known = _known(setup, vector, sd)
    straight = _straight(setup, vector[:n_free], covariance, sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.abs(covariance / np.outer(sd, sd))
    good = known & straight & ~np.isin(names, lost)
    for law in make_coordinates(setup.spec, setup.free, setup.data.t).laws:
        good[law] = good[law].all()
    found = {}
    for k, name in enumerate(names):
        order = [j for j in np.argsort(-np.nan_to_num(correlation[k])) if j != k and correlation[k, j] > _TRADES]
        found[name] = Standing(bool(good[k]), tuple(names[j] for j in order[:_MOST]))
    return found


def _known(setup: Setup, vector: FloatArray, sd: FloatArray) -> npt.NDArray[np.bool_]:
    """Return for which parameters the data add to the prior knowledge."""
    n_free, p = len(setup.free.free), make_priors(setup)
    log, location, scale = (part[:n_free] for part in (p.log, p.location, p.scale))
    value = vector[:n_free]
    safe = np.where(log, np.maximum(value, 1e-300), 1.0)
    own = np.where(log, np.log(safe), value)
    spread = np.where(log, sd / safe, sd)
    return np.asarray(spread <= _KNOWN * np.maximum(scale, np.where(log, 0.0, np.abs(own - location))))


def _straight(setup: Setup, free: FloatArray, covariance: FloatArray, sd: FloatArray) -> npt.NDArray[np.bool_]:
    """Return for which parameters the linear interval holds `_SDS_TESTED` standard deviations away."""
    coordinates = without_bounds(around(make_coordinates(setup.spec, setup.free, setup.data.t), free))
    z = from_parameters(free, coordinates)
    here = to_parameters(z, coordinates)
    back = np.linalg.pinv(slope_of_parameters(z, coordinates), rcond=1e-13)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Change of the other parameters when one changes by its standard deviation.
        steps = back @ covariance / sd
    steps = np.nan_to_num(steps)
    ends = [np.diag(to_parameters(z + sign * _SDS_TESTED * steps.T, coordinates)) - here for sign in (1.0, -1.0)]
    ratio = np.abs(np.stack(ends)) / np.where(sd > 0, _SDS_TESTED * sd, np.inf)
    return np.asarray(np.all((ratio >= _BENT[0]) & (ratio <= _BENT[1]), axis=0))
