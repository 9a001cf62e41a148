"""The known layouts, one module each, and those added by installed packages.

A layout is a module with two functions (see `Layout`). To add one: write the module, put it into `LAYOUTS`; or have
it in a package of its own, see `plugins`. The first that matches is taken, this project's own before others.
"""

from __future__ import annotations

import math

from heterodyne_data.layouts import (
    analysis_cache,
    aps_legacy,
    aps_u,
    chx,
    id02,
    npz,
    nxxpcs,
    scikit_beam,
    xpcs_correlator,
)
from heterodyne_data.layouts.base import Layout, WritableLayout
from heterodyne_data.layouts.other_files import what_it_is
from heterodyne_data.layouts.plugins import plug_ins
from heterodyne_data.source import Source
from heterodyne_spec import DataError

FEWEST_VALUES = 9
"""Entries of the smallest possible map; smaller fields contain none."""
WRITABLE: tuple[WritableLayout, ...] = (aps_u, aps_legacy, npz)
# The cache before npz, whose c2 one of them has; APS-U files carry an empty /entry/twotime/two_time_corr_func as well,
# and CHX files a g2 of other meaning.
LAYOUTS: tuple[Layout, ...] = (
    aps_u,
    aps_legacy,
    analysis_cache,
    npz,
    chx,
    nxxpcs,
    xpcs_correlator,
    scikit_beam,
    id02,
)


def layout_title(name: str) -> str:
    """Return the usual name of a layout; `name` itself if it is unknown."""
    return next((layout.TITLE for layout in LAYOUTS if name == layout.NAME), name)


def also_there(source: Source, layout: Layout) -> tuple[str, ...]:
    """Return a note on maps of other layouts in a file that is read as `layout`; empty fields do not count."""
    found = []
    for other in LAYOUTS:
        here = source.has(other.DATA_KEY)
        same = (layout, other) == (analysis_cache, npz) and not source.has(analysis_cache.DATA_KEY)
        if other is layout or same or (here and math.prod(source.shape(other.DATA_KEY)) < FEWEST_VALUES):
            continue
        if other.matches(source):
            found.append(f"{other.NAME} ({other.DATA_KEY})")
    return (f"read as {layout.NAME}; maps of {', '.join(found)} are not read",) if found else ()


def find_layout(source: Source) -> Layout:
    """Return the layout whose data keys the file has; plug-ins are loaded for files that no own layout fits."""
    for layout in LAYOUTS:
        if layout.matches(source):
            return layout
    foreign: list[Layout] = []
    problems: list[str] = []
    for found in plug_ins():
        try:
            if isinstance(found, DataError):
                raise found
            foreign.append(found)
            if found.matches(source):
                return found
        except DataError as error:
            problems.append(str(error))
    if (told := what_it_is(source)) is not None:
        raise DataError("; ".join([told, *problems]))
    known = ", ".join(f"{layout.NAME} ({layout.DATA_KEY})" for layout in (*LAYOUTS, *foreign))
    seen = ", ".join(source.names()) or "nothing"
    unknown = f"has an unknown layout: found {seen} at the top, known are {known}; convert the file to one of these"
    raise DataError("; ".join([unknown, *problems])) from None
