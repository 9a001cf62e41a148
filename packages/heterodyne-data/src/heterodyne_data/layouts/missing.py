"""Maps that a file should have by its own list, but does not: its program was stopped, or omitted them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.contents import Bins
from heterodyne_spec import count_noun

MOST_NAMED = 6
"""Maximum number of bins listed with q and phi."""


def missing_maps(where: str, listed: NDArray[np.int64], present: Sequence[int], bins: Bins | None) -> tuple[str, ...]:
    """Return a note on bins in the list at `where` that have no map."""
    labels = np.setdiff1d(listed, present)
    if not labels.size:
        return ()
    told = [_named(int(label), *((np.nan, np.nan) if bins is None else bins.of(int(label)))) for label in labels]
    more = f", ... ({len(told) - MOST_NAMED} more)" if len(told) > MOST_NAMED else ""
    return (
        f"{where}: {count_noun(labels.size, 'map')} of {np.unique(listed).size} missing, the file may be incomplete: "
        f"{', '.join(told[:MOST_NAMED])}{more}",
    )


def _named(label: int, q: float, phi: float) -> str:
    """Return the number of a bin, with q and phi where they are known."""
    point = [] if np.isnan(q) else [f"q = {q:.4g} 1/Å"]
    point += [] if np.isnan(phi) else [f"phi = {phi:.4g}°"]
    return f"bin {label}" + (f" ({', '.join(point)})" if point else "")
