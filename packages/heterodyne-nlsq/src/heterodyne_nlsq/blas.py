"""Number of BLAS threads in a fit.

The matrices of a fit are small; if they are large, there are several azimuths, which have their own threads. Additional
OpenBLAS threads busy-wait for such work: on two cores, six warm fits of 4 x 400 frames took 3.5 and 3.7 s each with one
thread, 4.0 and 4.4 s with two.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits

_LARGE = 2048
"""Number of frames from which BLAS keeps its threads, for long products of maps. Estimated, not measured."""


def few_threads(n_t: int) -> AbstractContextManager[object]:
    """Return a context with one BLAS thread for fits of fewer than 2048 frames; it affects the whole process."""
    return threadpool_limits(1 if n_t < _LARGE else None, user_api="blas")
