"""The upper tail of a chi-square, imported without a trace in the caller's process."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable


def tail(statistic: float, freedom: float) -> float:
    """Return the probability that a chi-square with `freedom` degrees exceeds `statistic`."""
    return float(_chdtrc()(freedom, statistic))


@functools.cache
def _chdtrc() -> Callable[[float, float], float]:
    # SciPy adds a filter to the warnings of the process when it is imported.
    with warnings.catch_warnings():
        from scipy.special import chdtrc
    return chdtrc
