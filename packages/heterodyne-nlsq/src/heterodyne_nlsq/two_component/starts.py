"""Starts from curves: laws of age through what every age shows by itself."""

from __future__ import annotations

import numpy as np

from heterodyne_nlsq.look.ages import FEWEST_FRAMES, age_curves
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.start.candidate import Candidate, inside
from heterodyne_nlsq.two_component.chain import exchanged, histories
from heterodyne_nlsq.two_component.equilibrium import solve_ages
from heterodyne_nlsq.two_component.laws import parameters, to_plain
from heterodyne_nlsq.two_component.plain import fit_cells, make_cells

_REACHES = (2.0, 0.7, 0.35)
"""Longest lags looked at, in parts of the age: over short ones little changes, over long ones slow decays show."""

_BRANCHES = 2
"""Histories that are followed from every look."""


def from_data(setup: Setup) -> list[Candidate]:
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
    # What the plain laws do not have starts where the configuration says.
    start = dict(zip(free.names, free.start.tolist(), strict=True))
    for rank, (theta, misfit) in enumerate(zip(descriptions, cost / cost[0], strict=True)):
        values = {**start, **parameters(theta, cells, data.q)}
        vector = np.array([values[name] for name in free.free_names])
        found.append(Candidate(f"estimated from the data (candidate {rank + 1})", inside(vector, free), float(misfit)))
    return found
