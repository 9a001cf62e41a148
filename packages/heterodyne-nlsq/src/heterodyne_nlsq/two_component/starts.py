"""Starting values from curves: laws of age fitted to age slices."""

from __future__ import annotations

import numpy as np

from heterodyne_nlsq.age_resolved import FEWEST_FRAMES, age_curves
from heterodyne_nlsq.models import Candidate, inside
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.two_component.age_resolved import REACH, slices, solved
from heterodyne_nlsq.two_component.laws import by_errors, by_shares, parameters, to_plain
from heterodyne_nlsq.two_component.plain import make_cells
from heterodyne_nlsq.two_component.search import fit_cells
from heterodyne_nlsq.two_component.viterbi import histories

_REACHES = (2.0, REACH, 0.35)
"""Longest lags used, relative to the age: short lags for functions that change fast, long lags for slow decays."""

_BRANCHES = 2
"""Number of histories from the age slices of each set of lags."""


def from_data(setup: Setup) -> list[Candidate]:
    """Return the candidates that best describe the curves of all ages, the best first."""
    data, free = setup.data, setup.free
    if data.n_t < FEWEST_FRAMES:
        return []
    widest = age_curves(data, max(_REACHES))
    cells = make_cells(widest, float(data.t[-1]))
    trials = []
    for reach in _REACHES:
        curves, solutions = slices(data) if reach == REACH else solved(widest.within(reach))
        for history in histories(solutions, _BRANCHES):
            for one in (history, history.exchanged()):
                trials += [to_plain(one, weights(one), curves, cells) for weights in (by_errors, by_shares)]
    found = []
    descriptions, cost = fit_cells(np.array(trials), cells)
    # Constant data have no misfit.
    cost = np.maximum(cost, np.finfo(float).tiny)
    # Parameters that the plain laws do not contain start at their configured values.
    start = dict(zip(free.names, free.start.tolist(), strict=True))
    for rank, (theta, misfit) in enumerate(zip(descriptions, cost / cost[0], strict=True)):
        values = {**start, **parameters(theta, cells, data.q)}
        vector = np.array([values[name] for name in free.free_names])
        found.append(Candidate(f"estimated from the data (candidate {rank + 1})", inside(vector, free), float(misfit)))
    return found
