"""A measurement at a few of its frames, evenly over all ages: what is plain there needs no look at the others."""

from __future__ import annotations

from dataclasses import replace

from heterodyne_data import TwoTimeData
from heterodyne_nlsq.setup import Setup
from heterodyne_spec import DataError

_MANY, _SOME = 500_000, 12_000
"""Pairs from which a look at some is worth it, and how many these are."""


def some_frames(n_phi: int, n_t: int) -> slice | None:
    """Return every k-th of the frames; None where pairs are few enough.

    As many of all that are many, so that functions are compiled for no other number.
    """
    if n_phi * n_t**2 / 2 < _MANY:
        return None
    number = int((2 * _SOME / n_phi) ** 0.5)
    step = n_t // number
    return slice(0, step * number, step)


def thinned(setup: Setup) -> Setup | None:
    """Return the same request of some of its frames; None where it has few, or where too few of these count."""
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
