"""The description of a file, in the vocabulary of NXxpcs, without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from heterodyne_spec.data import cleaning
from heterodyne_spec.data.contents import MapRef, Source
from heterodyne_spec.data.layouts import find_layout
from heterodyne_spec.data.opening import open_source
from heterodyne_spec.data.reading import baseline_of, frame_count, restore
from heterodyne_spec.data.selection import wrap
from heterodyne_spec.data.two_time import floating_dtype


def describe_data(path: str | Path) -> dict[str, Any]:
    """Describe a file of two-time maps; one map is read at most.

    Parameters
    ----------
    path : file that `load_data` reads.

    Returns
    -------
    dict
        Conforms to ``schemas/data.schema.json``.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    path = Path(path)
    with open_source(path) as source:
        layout = find_layout(source)
        contents = layout.contents(source)
        populated, baseline = look_at(source, contents.maps[0])
        return {
            "file": path.name,
            "layout": layout.NAME,
            "n_frames": frame_count(source, contents.maps[:1]),
            "dt": contents.clock.dt,
            "start_frame": round(contents.clock.start),
            "maps": [describe_map(ref) for ref in contents.maps],
            "storage_mode": contents.storage_mode,
            "baseline_reference": baseline,
            "time_origin_location": "upper_left",
            "populated_elements": populated,
            "notes": list(contents.notes),
        }


def describe_map(ref: MapRef) -> dict[str, Any]:
    """Describe one map; a q or phi that the file does not know is None."""
    return {
        "key": ref.where,
        "label": ref.label,
        "q": ref.q if np.isfinite(ref.q) else None,
        "phi": wrap(ref.phi) if np.isfinite(ref.phi) else None,
    }


def look_at(source: Source, ref: MapRef) -> tuple[str | None, int | None]:
    """Read one map; return which half is populated and the baseline, None when it is empty."""
    n_t = frame_count(source, [ref])
    values = source.read(ref.key, ref.selection(slice(0, n_t)))
    c2 = values.astype(floating_dtype(values.dtype, ref.where))
    populated = cleaning.populated_elements(c2)
    if populated is None:
        return None, None
    dead, _ = restore(c2, ref.where)
    return populated, baseline_of(cleaning.level(c2, ~dead))
