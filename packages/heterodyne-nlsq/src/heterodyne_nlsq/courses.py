"""The functions of age of a fit, with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heterodyne_data import Bands, NLSQResult
from heterodyne_nlsq.models import of_result
from heterodyne_report import TimeCourse, fixed_functions, time_courses


def courses_of_fit(result: NLSQResult) -> Sequence[TimeCourse]:
    """Return the functions of age of a fit; without bands for results of versions that had none."""
    spec, t = of_result(result).spec, result.data.t
    if result.bands is not None:
        held = fixed_functions((row.name for row in result.table if row.status == "fixed"), spec.id)
        return time_courses(result.bands, held, spec.id)
    values = {f.name: spec.evaluate(f.name, result.parameters, t) for f in spec.functions}
    return time_courses(Bands(t, values, {name: np.zeros(len(t)) for name in values}), values, spec.id)
