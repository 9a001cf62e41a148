"""The vectors of free parameters at which a fit may begin."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heterodyne_data.setup.free import FreeParameters
from heterodyne_nlsq.look.ages import FEWEST_FRAMES, age_curves
from heterodyne_nlsq.look.chain import exchanged, histories
from heterodyne_nlsq.look.equilibrium import solve_ages
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.start.laws import parameters, to_plain
from heterodyne_nlsq.start.plain import fit_cells, make_cells
from heterodyne_spec.model import Prior

type FloatArray = npt.NDArray[np.float64]

_REACHES = (2.0, 0.7, 0.35)
"""Longest lags looked at, in parts of the age: over short ones little changes, over long ones slow decays show."""

_BRANCHES = 2
"""Histories that are followed from every look."""

MULTISTARTS = 32
"""Points of a multi-start."""


class Candidate(NamedTuple):
    """A vector of free parameters (n_free,) and where it comes from, in words.

    `misfit` is the cost of its description of the curves over that of the best one; 1 where nothing is known.
    """

    origin: str
    vector: FloatArray
    misfit: float = 1.0


def candidates(setup: Setup) -> list[Candidate]:
    """Return the candidates that ``nlsq.start`` of the configuration asks for, at least one."""
    free, config = setup.free, setup.config
    given = Candidate("the values of the configuration", free.start[list(free.free)])
    if config.nlsq.start == "values" or not free.free:
        return [given]
    if config.nlsq.start == "multistart":
        priors = [config.model.prior(setup.spec.parameters[k]) for k in free.free]
        return [given, *_hypercube(priors, free, config.nlsq.seed)]
    named = config.model.parameters
    has_values = any(name in named and named[name].value is not None for name in free.free_names)
    found = _from_data(setup)
    return [given, *found] if has_values or not found else found


def _from_data(setup: Setup) -> list[Candidate]:
    """Return candidates that describe the curves of all ages best, the best first."""
    data, free = setup.data, setup.free
    if data.n_t < FEWEST_FRAMES:
        return []
    cells = make_cells(age_curves(data), float(data.t[-1]))
    looks = []
    for reach in _REACHES:
        curves = age_curves(data, reach)
        for history in histories(solve_ages(curves), _BRANCHES):
            looks += [to_plain(theta, curves, cells) for theta in (history, exchanged(history))]
    found = []
    descriptions, cost = fit_cells(np.array(looks), cells)
    # A constant is described without any misfit.
    cost = np.maximum(cost, np.finfo(float).tiny)
    for rank, (theta, misfit) in enumerate(zip(descriptions, cost / cost[0], strict=True)):
        values = parameters(theta, cells, data.q)
        vector = np.array([values[name] for name in free.free_names])
        found.append(Candidate(f"estimated from the data (candidate {rank + 1})", inside(vector, free), float(misfit)))
    return found


def inside(vector: FloatArray, free: FreeParameters) -> FloatArray:
    """Return the vector moved inside the bounds, a little off them."""
    lower, upper = (bound[list(free.free)] for bound in (free.lower, free.upper))
    margin = 1e-6 * (upper - lower)
    return np.clip(vector, lower + margin, upper - margin)


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
        # A prior far outside of the bounds gives their nearest end.
        drawn = np.clip([normal.inv_cdf(float(p)) for p in level], *ends)
        columns.append(np.exp(drawn) if prior.family == "lognormal" else drawn)
    points = np.stack(columns, axis=1)
    return [Candidate(f"point {k + 1} of the multi-start", inside(point, free)) for k, point in enumerate(points)]
