"""How many threads the BLAS may use in a fit.

The matrices of a fit are small, and where they are large there are several azimuths, which have threads of their own.
OpenBLAS's further threads wait for such work by spinning: on two cores that took 22 % of the processor time of a fit,
and 13 % of its duration.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits

_LARGE = 2048
"""Frames from which products of maps are worth more than one thread."""


def few_threads(n_t: int) -> AbstractContextManager[object]:
    """Return a context with one BLAS thread, for fits of maps of fewer than 2048 frames; it holds for the process."""
    return threadpool_limits(1 if n_t < _LARGE else None, user_api="blas")
