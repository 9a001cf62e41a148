"""A fit looked at as a whole: its noise, and what the data say of every parameter, also of those that were held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.descent import variance_unit
from heterodyne_nlsq.evidence.comparison import Full, rises
from heterodyne_nlsq.evidence.held import held_tests
from heterodyne_nlsq.evidence.questions import answers
from heterodyne_nlsq.free import released
from heterodyne_nlsq.maps import model_maps
from heterodyne_nlsq.paths import Path, with_free
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Solution
from heterodyne_nlsq.uncertainty.calibration import Calibration, calibrate
from heterodyne_spec import NestedTest, Signal

type FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Examination:
    """The optimum of a fit with every parameter but the gauge set free, and its calibration.

    `score` (n_fit, n_fit) is the covariance of the score in the fitted vector of the request, `variance` that of a
    pair.
    """

    full: Full
    score: FloatArray
    variance: float

    @property
    def calibration(self) -> Calibration:
        """The noise of the maps."""
        return self.full.calibration

    def signal(self) -> dict[str, Signal]:
        """Return which features the maps show, by question; nothing for data without noise."""
        return answers(self.full, rises(self.full)) if self.variance > 0 else {}

    def held(self) -> Iterator[NestedTest]:
        """Yield the tests of what the request held."""
        full = self.full
        if self.variance <= 0 or not full.pinned.size:
            return
        normal = full.path.normal(full.vector, full.path.problem)
        yield from held_tests(
            full.setup.spec,
            full.setup.free.free_names,
            full.values,
            full.pinned,
            np.asarray(normal.gradient),
            np.asarray(normal.matrix),
            full.calibration.score,
        )


def examine(setup: Setup, path: Path, optimum: Solution) -> Examination:
    """Return what the data say at the optimum of a fit."""
    n_free = len(setup.free.free)
    gauges = tuple(p.name for p in setup.spec.parameters if not p.vary)
    free = released(setup.free, gauges)
    everything, wider = replace(setup, free=free), with_free(path, free)
    values = setup.free.full(optimum.vector[:n_free])
    vector = np.concatenate([values[list(free.free)], optimum.vector[n_free:]])
    contrast, offset = setup.scaling.per_angle(optimum.vector[n_free:])
    squares = np.asarray(wider.squares(vector, wider.problem))
    matrices = np.asarray(wider.matrices(vector, wider.problem))
    variance = float(squares.sum()) / max(float(path.weights.sum()) - optimum.vector.size, 1.0)
    model = model_maps(setup.data, values, contrast, offset)
    each = squares / np.maximum(path.weights, 1.0)
    calibration = calibrate(everything, values, contrast, offset, model, matrices, each)
    asked = [k for k, position in enumerate(free.free) if position in setup.free.free]
    kept = np.array([*asked, *range(len(free.free), vector.size)], int)
    pinned = np.setdiff1d(np.arange(len(free.free)), asked)
    unit = variance_unit(everything, wider, Solution(vector, optimum.cost, True, "", 0))
    full = Full(everything, wider, vector, pinned, float(squares.sum()) / 2, model, calibration, variance, unit)
    return Examination(full, calibration.score[np.ix_(kept, kept)], variance)
