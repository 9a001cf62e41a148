"""The layouts that are known, one module each.

A layout is a module with three functions (see `Layout`). To add one: write the
module, put it into `LAYOUTS`. The first that matches is taken.
"""

from __future__ import annotations

from heterodyne_spec.data.contents import Source
from heterodyne_spec.data.layouts import analysis_cache, aps_legacy, aps_u, npz
from heterodyne_spec.data.layouts.base import Layout, WritableLayout
from heterodyne_spec.errors import DataError

WRITABLE: tuple[WritableLayout, ...] = (aps_u, aps_legacy, npz)
LAYOUTS: tuple[Layout, ...] = (aps_u, aps_legacy, analysis_cache, npz)  # the cache before npz, whose c2 one of them has


def find_layout(source: Source) -> Layout:
    """Return the layout whose data keys the file has."""
    for layout in LAYOUTS:
        if layout.matches(source):
            return layout
    known = ", ".join(f"{layout.NAME} ({layout.DATA_KEY})" for layout in LAYOUTS)
    seen = ", ".join(source.names()) or "nothing"
    raise DataError(
        f"has no layout known here: found {seen} at the top, known are {known}; convert the file to one of these"
    ) from None
