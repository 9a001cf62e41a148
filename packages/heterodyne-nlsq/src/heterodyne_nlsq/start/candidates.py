"""Candidates for the starting values of a fit."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from heterodyne_data.setup import FreeParameters
from heterodyne_nlsq.models import Candidate, inside, knowledge_of
from heterodyne_nlsq.setup import Setup
from heterodyne_spec import Prior

type FloatArray = npt.NDArray[np.float64]

MULTISTARTS = 32
"""Points of a multi-start."""


def candidates(setup: Setup) -> list[Candidate]:
    """Return the candidates according to ``nlsq.start`` of the configuration, at least one."""
    free, config = setup.free, setup.config
    given = Candidate("the values of the configuration", free.start[list(free.free)])
    if config.nlsq.start == "values" or not free.free:
        return [given]
    found = None if config.nlsq.start == "multistart" else knowledge_of(setup.spec.id).starts(setup)
    if found is None:
        priors = [config.model.prior(setup.spec.parameters[k]) for k in free.free]
        return [given, *_hypercube(priors, free, config.nlsq.seed)]
    named = config.model.parameters
    has_values = any(name in named and named[name].value is not None for name in free.free_names)
    return [given, *found] if has_values or not found else found


def _hypercube(priors: list[Prior], free: FreeParameters, seed: int) -> list[Candidate]:
    """Return a Latin hypercube over the priors, truncated to the bounds (McKay, Beckman & Conover 1979)."""
    rng = np.random.default_rng(seed)
    columns = []
    for prior, position in zip(priors, free.free, strict=True):
        lower, upper = float(free.lower[position]), float(free.upper[position])
        normal = NormalDist(prior.location, prior.scale)
        lower = max(lower, float(np.finfo(float).tiny)) if prior.family == "lognormal" else lower
        turn = np.log if prior.family == "lognormal" else np.asarray
        ends = float(turn(lower)), float(turn(upper))
        low, high = map(normal.cdf, ends)
        quantile = (rng.permutation(MULTISTARTS) + rng.random(MULTISTARTS)) / MULTISTARTS
        level = np.clip(low + (high - low) * quantile, 1e-12, 1 - 1e-12)
        # A prior far outside the bounds gives the nearest bound.
        drawn = np.clip([normal.inv_cdf(float(p)) for p in level], *ends)
        columns.append(np.exp(drawn) if prior.family == "lognormal" else drawn)
    points = np.stack(columns, axis=1)
    return [Candidate(f"point {k + 1} of the multi-start", inside(point, free)) for k, point in enumerate(points)]
