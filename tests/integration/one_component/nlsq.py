"""The fit of one component: a starting value from the curves, and a test for ageing."""

import numpy as np

from heterodyne_nlsq.age_resolved import FEWEST_FRAMES, age_curves
from heterodyne_nlsq.models import Candidate, Knowledge, Null, Question, inside


class OneComponent(Knowledge):
    """One transport coefficient."""

    def starts(self, setup):
        """Return the constant J from the lags at which the curves of all ages have decayed by half."""
        if setup.data.n_t < FEWEST_FRAMES:
            return []
        curves = age_curves(setup.data)
        value = np.where(curves.weight > 0, curves.value, np.nan)
        fallen = (value - np.nanmin(value)) / (np.nanmax(value) - np.nanmin(value)) < 0.5
        lags = [curves.lag[np.argmax(row)] for age in fallen for row in age if row.any()]
        rate = np.log(2) / (curves.dt * float(np.median(lags))) if lags else 1.0
        values = {**dict(zip(setup.free.names, setup.free.start, strict=True)), "D0": rate / setup.data.q**2}
        vector = np.array([values[name] for name in setup.free.free_names])
        return [Candidate("estimated from the data", inside(vector, setup.free))]

    def rises(self, nested, asked):
        """Return the rise of chi-square for a constant J."""
        if "ageing" not in asked:
            return {}
        level = float(nested.setup.spec.evaluate("J", nested.values, np.array([np.mean(nested.setup.data.t)]))[0])
        constant = {"alpha": 0.0, "D_offset": 0.0}
        return {"ageing": nested.rise(nested.best(constant, [{**nested.values, **constant, "D0": level}]))}


KNOWLEDGE = OneComponent(
    model="one-component",
    questions={
        "ageing": Question(
            "change with age",
            "the sample changes with age",
            "a constant describes the maps equally well",
            (),
            Null(2, 1, 0.3),
        )
    },
    nothing="no transport coefficient is stated",
)
