"""Results of xpcs-correlator under its own names: ttcf (n, N, N), with t1 and t2, and dt, q and phi beside it.

The program returns arrays and writes no file; its users save them as they are called. `t1` counts camera frames.
"""

from __future__ import annotations

import numpy as np

from heterodyne_spec.data.contents import Contents, Source, attempted_clock
from heterodyne_spec.data.layouts.base import azimuths, stack, stack_shape, wavevectors
from heterodyne_spec.data.layouts.flags import flagged
from heterodyne_spec.data.layouts.frame_axes import AGE, T1, T2, axes_clock, check_axes
from heterodyne_spec.data.layouts.units import check_units_known
from heterodyne_spec.errors import DataError

NAME = "xpcs-correlator"
DATA_KEY = "ttcf"
MARKS = ("ttcf_format", T1, AGE)
"""One of these stands beside the maps."""


def matches(source: Source) -> bool:
    """Tell whether the maps and one of their axes stand at the top."""
    return source.has(DATA_KEY) and any(source.has(name) for name in MARKS)


def contents(source: Source) -> Contents:
    """List the maps, one per region of interest."""
    check_axes(source, "", DATA_KEY)
    check_units_known(source, ("q", "phi", T1, T2, "dt"))
    n_maps, n_t = stack_shape(source, DATA_KEY, axis=0)
    q, notes = wavevectors(source, "q", required=True)
    phi, phi_notes = azimuths(source, "phi") if source.has("phi") else (np.full(n_maps, np.nan), ("phi is missing",))
    if phi.size != n_maps or q.size not in (1, n_maps):
        raise DataError(
            f"{DATA_KEY}, q, phi: found {n_maps} maps, {q.size} q and {phi.size} angles, expected one each per map; "
            "correct the file"
        )
    clock = attempted_clock(lambda: axes_clock(source, "", n_t, "dt"))
    maps, weights, said = flagged(source, stack(DATA_KEY, 0, np.broadcast_to(q, n_maps), phi), n_t)
    return Contents(maps, clock, "one_array_q_first", (*notes, *phi_notes, *said, *clock.notes), weights=weights)
