"""The maps of an open file with their bins and times, the same for whoever asks: a fit, a description, a check."""

from __future__ import annotations

import math
from dataclasses import replace

from heterodyne_spec.data.contents import Contents, Source
from heterodyne_spec.data.layouts import also_there, find_layout
from heterodyne_spec.data.placing import placed
from heterodyne_spec.data.reach import check_reach
from heterodyne_spec.errors import DataError

MOST_DEGREES = 3600.0
"""Ten times round: beyond, a number is no azimuth."""


def list_maps(source: Source, bins: str | None) -> tuple[str, Contents]:
    """Return the name of a file's layout and what it holds; reads no map.

    Parameters
    ----------
    source : open file.
    bins : where q and phi come from, see `placed`.

    Raises
    ------
    DataError
        The file has no layout known here, or its bins are not as they must be.
    """
    layout = find_layout(source)
    contents = layout.contents(source)
    # A field that may be missing, and stands behind a link that leads nowhere, is not missing.
    if source.lost:
        raise DataError(next(iter(source.lost.values())))
    contents = placed(replace(contents, notes=(*also_there(source, layout), *contents.notes)), bins)
    check_reach([ref.q for ref in contents.maps], contents.energy)
    if wound := [ref for ref in contents.maps if MOST_DEGREES < abs(ref.phi) < math.inf]:
        raise DataError(
            f"phi: found {wound[0].phi:g} degrees of {wound[0].where}, expected -360 to 360; correct the file"
        )
    return layout.NAME, contents
