"""The functions of age of a fit, with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heterodyne_data import Bands, NLSQResult
from heterodyne_report import TimeCourse, fixed_functions, time_courses
from heterodyne_spec import load_model


def courses(result: NLSQResult) -> Sequence[TimeCourse]:
    """Return the functions of age of a fit; without bands where the result is of a version that had none."""
    spec, t = load_model(), result.data.t
    if result.bands is not None:
        return time_courses(result.bands, fixed_functions(row.name for row in result.table if row.status == "fixed"))
    values = {f.name: spec.evaluate(f.name, result.parameters, t) for f in spec.functions}
    return time_courses(Bands(t, values, {name: np.zeros(len(t)) for name in values}), values)
