"""The map of pixels of a file, with where they are: the geometry that its bins were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from heterodyne_spec.data.contents import Source
from heterodyne_spec.data.layouts.base import integers, numbers, one, quantity
from heterodyne_spec.data.layouts.units import ENERGY, LENGTH
from heterodyne_spec.data.pixels import LARGEST_BIN, Azimuths, PixelMap
from heterodyne_spec.errors import DataError

FIELDS = ("centre_x", "centre_y", "size_x", "size_y", "distance", "energy")
"""What the places of pixels take: column and row of the beam, sizes and distance in m, the energy in keV."""

NARROWEST, WIDEST = 1e-7, 2e-3
"""Angle of one pixel, rad, between which size and distance are of one unit."""
LOWEST_ENERGY, HIGHEST_ENERGY = 1.0, 200.0


def pixel_map(source: Source, labels: str, fields: Mapping[str, Sequence[str]], azimuths: Azimuths) -> PixelMap | str:
    """Return the map of pixels of a file, or in words why it has none that can be used.

    Parameters
    ----------
    labels : key of the map of bins.
    fields : of each of `FIELDS` the keys, of which the first that is there counts.
    azimuths : how programs that write this layout count azimuths.
    """
    if not source.has(labels):
        return f"{labels} is missing"
    places = {name: next((key for key in fields[name] if source.has(key)), None) for name in FIELDS}
    if missing := [fields[name][0] for name, key in places.items() if key is None]:
        return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    try:
        values = {name: _value(source, name, str(key)) for name, key in places.items()}
        shape = source.shape(labels)
        if len(shape) != 2:
            return f"{labels}: found shape {shape}, expected rows and columns of a detector"
        found = integers(source, labels).reshape(shape)
    except DataError as error:
        return str(error)
    if not 0 < found.max(initial=0) <= LARGEST_BIN:
        return f"{labels}: found bins up to {found.max(initial=0)}, expected 1 to {LARGEST_BIN}"
    if unlikely := _unlikely(values):
        return unlikely
    centre, size = (values["centre_x"], values["centre_y"]), (values["size_x"], values["size_y"])
    return PixelMap(found, centre, size, values["distance"], values["energy"], azimuths)


def _value(source: Source, name: str, key: str) -> float:
    if name.startswith("centre"):
        return one(key, numbers(source, key))
    return one(key, quantity(source, key, ENERGY if name == "energy" else LENGTH)[0])


def _unlikely(values: Mapping[str, float]) -> str | None:
    """Return why a geometry is none, None where it can be one."""
    if not np.isfinite(list(values.values())).all():
        return "beam centre, pixel size, distance or energy is no finite number"
    angles = [abs(values[name] / values["distance"]) if values["distance"] else np.inf for name in ("size_x", "size_y")]
    if not all(NARROWEST < angle < WIDEST for angle in angles):
        return f"a pixel of {values['size_x']:g} m at {values['distance']:g} m is none of a scattering experiment"
    if not LOWEST_ENERGY <= values["energy"] <= HIGHEST_ENERGY:
        return f"found an energy of {values['energy']:g} keV, expected {LOWEST_ENERGY:g} to {HIGHEST_ENERGY:g}"
    return None
