"""Maps of an open file with their bins and times, used for fits, descriptions and checks."""

from __future__ import annotations

from dataclasses import replace

from heterodyne_data.contents import Contents
from heterodyne_data.layouts import also_there, find_layout
from heterodyne_data.placing import placed
from heterodyne_data.reach import check_reach
from heterodyne_data.selection import check_turns
from heterodyne_data.source import Source
from heterodyne_spec import DataError


def list_maps(source: Source, bins: str | None) -> tuple[str, Contents]:
    """Return the layout name and the contents of a file; reads no map.

    Parameters
    ----------
    source : open file.
    bins : source of q and phi, see `placed`.

    Raises
    ------
    DataError
        The file has an unknown layout, or its bins are invalid.
    """
    layout = find_layout(source)
    contents = layout.contents(source)
    # An optional field behind a broken link is an error, not a missing field.
    if source.lost:
        raise DataError(next(iter(source.lost.values())))
    contents = placed(replace(contents, notes=(*also_there(source, layout), *contents.notes)), bins)
    check_reach([ref.q for ref in contents.maps], contents.energy)
    for ref in contents.maps:
        check_turns([ref.phi], f" of {ref.where}")
    return layout.NAME, contents
