"""Results of scikit-beam's two_time_corr in an HDF5 or .npz file: g2 (n_roi, N, N), with q, phi, and dt or t.

The library writes no files itself. Its result has the fields ``g2`` and ``lag_steps`` (frames); older versions call
the maps ``two_time``. A result of several levels, or of fewer buffers than frames, has values at some lags only and
zeros: such maps are refused.
"""

from __future__ import annotations

from heterodyne_data.contents import Contents
from heterodyne_data.layouts.base import stack_shape
from heterodyne_data.layouts.npz import stacked
from heterodyne_data.source import Source

NAME = "scikit-beam"
TITLE = "scikit-beam"
DATA_KEY = "g2 or two_time, (n_roi, N, N)"
MAPS = ("two_time", "g2")


def matches(source: Source) -> bool:
    """Return whether there is a stack of square maps at the top; g2 may be one-time functions."""
    return maps_key(source) is not None


def maps_key(source: Source) -> str | None:
    """Return the name of the stack of maps."""
    for key in MAPS:
        shape = source.shape(key) if source.has(key) else ()
        # Maps stacked along the last axis are refused with a message.
        if len(shape) == 3 and shape[1] in (shape[0], shape[2]):
            return key
    return None


def contents(source: Source) -> Contents:
    """List the maps, one per region of interest."""
    key = maps_key(source) or MAPS[0]
    stack_shape(source, key, axis=0)
    return stacked(source, key)
