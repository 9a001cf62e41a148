"""Tails of chi-square and of Student's t, by SciPy: those of JAX are compiled for half a second at the first call."""

import warnings

with warnings.catch_warnings():
    # SciPy adds a warning filter when imported; the filters of the process are restored.
    from scipy.special import chdtrc, stdtr

__all__ = ["chdtrc", "stdtr"]
