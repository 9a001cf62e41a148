"""A subset of the frames of a measurement, evenly over all ages, which is sufficient for obvious features."""

from __future__ import annotations

from dataclasses import replace

from heterodyne_data import TwoTimeData
from heterodyne_nlsq.setup import Setup
from heterodyne_spec import DataError

_MANY, _SOME = 15_000_000, 12_000
"""Number of pairs from which a subset is used, and its size. Below, the sums over all pairs take no longer than all
residuals of the subset, and there is nothing else to compile."""


def some_frames(n_phi: int, n_t: int) -> slice | None:
    """Return every k-th of the frames; None where pairs are few enough.

    The number of frames is always the same, so that functions are compiled only once.
    """
    if n_phi * n_t**2 / 2 < _MANY:
        return None
    number = int((2 * _SOME / n_phi) ** 0.5)
    step = n_t // number
    return slice(0, step * number, step)


def thinned(setup: Setup) -> Setup | None:
    """Return the request for a subset of its frames; None if it has few, or too few of the subset are valid."""
    data, some = setup.data, some_frames(setup.data.n_phi, setup.data.n_t)
    if some is None:
        return None
    try:
        fewer = TwoTimeData(
            c2=data.c2[:, some, some],
            q=data.q,
            phi=data.phi,
            t=data.t[some],
            valid=data.valid[:, some],
            weight=data.weight[:, some],
        )
    except DataError:
        return None
    return replace(setup, data=fewer)
