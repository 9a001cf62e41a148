"""The selection already applied to a measurement, stored in its provenance, so that it is not applied twice.

A measurement read under a configuration is often fitted under the same one. Its frames then count from the start of
the file, while those of the measurement count from the start of the window, so cutting it again would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from heterodyne_data.json_values import to_json_values
from heterodyne_data.selection import PhiChoice

KEY = "selection"
"""Name of the entry of `TwoTimeData.provenance`."""


class Selection(TypedDict):
    """Requested angles in degrees, window, masked frames and origin of q and phi, as plain data."""

    phi: str | list[float | list[float]]
    frames: list[int] | None
    mask_frames: list[int]
    bins: str | None


EVERYTHING = Selection(phi="all", frames=None, mask_frames=[], bins=None)


def as_selection(
    phi: PhiChoice, frames: Sequence[int] | None, mask_frames: Iterable[int], bins: str | None
) -> Selection:
    """Return a selection from the arguments of `load_data`."""
    angles = [phi] if isinstance(phi, int | float) else phi
    return Selection(
        phi="all" if angles is None else angles if isinstance(angles, str) else to_json_values([*angles]),
        frames=None if frames is None else to_json_values([*frames]),
        mask_frames=to_json_values(sorted(set(mask_frames))),
        bins=bins,
    )


def selection_of(provenance: Mapping[str, object]) -> Selection:
    """Return the selection stored in a provenance."""
    known = provenance.get(KEY)
    return Selection(**{**EVERYTHING, **known}) if isinstance(known, Mapping) else EVERYTHING
