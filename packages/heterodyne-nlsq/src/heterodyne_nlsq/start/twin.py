"""The twin of a description: the names of the two components exchanged.

c2 is the same when J_r and J_s trade places and x becomes 1 - x, so only the laws of age can tell which component is
the sample. Where x hardly changes they cannot, and both descriptions have to be looked at before one is named.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from heterodyne_nlsq.descent import approach, descend
from heterodyne_nlsq.minima import exchanged, functions
from heterodyne_nlsq.paths import Path
from heterodyne_nlsq.setup import Setup
from heterodyne_nlsq.solver import Progress
from heterodyne_nlsq.start.candidates import inside
from heterodyne_nlsq.start.laws import fraction_law
from heterodyne_nlsq.start.race import BEHIND, Final, Outcome, joined, scaled, squares
from heterodyne_report.stages import announce
from heterodyne_spec.laws import factor

type FloatArray = npt.NDArray[np.float64]

_WORTH = 0.05
"""Part of what the data show that a twin may lack at its start and still be followed."""

_N_AGES = 64
_TRADED = tuple((f"{name}_ref", f"{name}_sample") for name in ("D0", "alpha", "D_offset"))


def with_twin(setup: Setup, path: Path, outcome: Outcome, progress: Progress | None) -> Outcome:
    """Return descents with that of the best one's twin, where the twin describes the data about as well.

    At a constant x it does so exactly, and the descent ends where it begins.
    """
    (best, origin), *others = outcome.finals
    of_best = functions(best.vector, setup)
    converged = (other.solution for other in others if other.solution.success)
    if not setup.free.free or any(exchanged(of_best, functions(other.vector, setup)) for other in converged):
        return outcome
    point, left = scaled(setup, path, _twin(best.vector, setup))
    least = squares(path, best.vector)
    if left - least > _WORTH * (path.spread.sum() - least):
        return outcome
    announce(progress, "fit with the components exchanged")
    begun = approach(setup, path, point, setup.config.nlsq.max_iterations, progress)
    if begun.success and begun.cost > BEHIND * best.cost:
        # Nearly flat, and far above: most of a descent in the valleys of a wrong description leads nowhere.
        return outcome._replace(n_evaluations=outcome.n_evaluations + begun.n_evaluations)
    solution = descend(setup, path, begun.vector, progress)
    spent = begun.n_evaluations + solution.n_evaluations
    return joined(outcome, Outcome([Final(solution, f"{origin}, components exchanged")], spent))


def _twin(vector: FloatArray, setup: Setup) -> FloatArray:
    """Return the free parameters (n_free,) of the twin, as near to it as the laws and the request allow."""
    free, t = setup.free, setup.data.t
    values = dict(zip(free.names, free.full(vector[: len(free.free)]).tolist(), strict=True))
    age = np.linspace(t[0], t[-1], _N_AGES)
    found = traded(values, age, np.asarray(setup.spec.evaluate("x", values, age)))
    return inside(np.array([found[name] for name in free.free_names]), free)


def traded(values: Mapping[str, float], age: FloatArray, x: FloatArray) -> dict[str, float]:
    """Return parameters with those of J_r and J_s exchanged, and a law of x through 1 - x, (n_age,)."""
    found = dict(values)
    for one, other in _TRADED:
        found[one], found[other] = values[other], values[one]
    f0, f1, f3 = fraction_law(age, 1 - x, np.ones_like(age))
    return found | {"f0": f0 * factor(f1 * values["f2"]), "f1": f1, "f3": f3}
