"""Tests of whether the laws need their constants: D_offset and v_offset against 0.

In the straight coordinates of a law A t^b + C the restriction C = 0 is ln(a / f) = 0, with the first term a and the
value f at the mean age. It is linear there, so that its value over its standard deviation, squared, is the chi-square
by which the fit is worse without the constant.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from heterodyne_data import NestedTest
from heterodyne_data.setup import reference_age
from heterodyne_nlsq.evidence.chance import chdtrc
from heterodyne_nlsq.evidence.held import NEEDED
from heterodyne_nlsq.setup import Setup
from heterodyne_spec import find_laws

type FloatArray = npt.NDArray[np.float64]

_AS_WELL = 0.05
"""p-value above which a law without its constant fits equally well."""


def _share(law: FloatArray, age: float) -> tuple[float, FloatArray]:
    """Return ln(a / f) of a law with A, b, C, (3,), and its derivatives by them; not finite where there is none."""
    a, b, c = law
    with np.errstate(all="ignore"):
        power = age**b
        first = a * power
        rest = c / (first + c)
        by_offset = -1 / (first + c)
        return float(np.log(first) - np.log(first + c)), np.array([rest / a, rest * np.log(age), by_offset])


def constant_tests(setup: Setup, values: FloatArray, root: FloatArray) -> Iterator[NestedTest]:
    """Yield one test for the constant of every power law in which it was free.

    Parameters
    ----------
    values : of all parameters (n_par,).
    root : root of the covariance of the free parameters, (n_free, k).
    """
    free, names = setup.free, list(setup.free.names)
    age = reference_age(setup.data.t)
    for law in find_laws(setup.spec):
        if law.origin is not None or law.offset not in free.free_names:
            continue
        a, b, c = law.positions(names)
        value, by_law = _share(values[[a, b, c]], age)
        slope = by_law @ free.expand[[a, b, c]]
        sd = float(np.linalg.norm(slope @ root))
        if not (np.isfinite(value) and np.isfinite(sd) and sd > 0):
            continue
        statistic = (value / sd) ** 2
        p_value = float(chdtrc(1, statistic))
        needed = p_value < NEEDED
        fits = "fits as well" if p_value > _AS_WELL else "fits hardly worse"
        words = f"{law.offset} = 0: the data need the constant" if needed else f"{law.offset} = 0 {fits}"
        yield NestedTest((law.offset,), False, statistic, 1, p_value, needed, words)
