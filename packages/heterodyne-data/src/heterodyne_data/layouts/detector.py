"""The map of pixels of a file, with the geometry from which its bins were computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from heterodyne_data.layouts.base import integers, numbers, one, quantity
from heterodyne_data.layouts.units import ENERGY, LENGTH, convert, normalised, stated_unit
from heterodyne_data.pixels import LARGEST_BIN, Azimuths, PixelMap
from heterodyne_data.source import Source
from heterodyne_spec import DataError

FIELDS = ("centre_x", "centre_y", "size_x", "size_y", "distance", "energy")
"""The geometry of the pixels: column and row of the beam, sizes and distance in m, energy in keV."""

NARROWEST, WIDEST = 1e-7, 2e-3
"""Range of the angle of one pixel, in rad, in which size and distance are in the same unit."""
PIXELS = ("pixel", "pixels", "px")
LOWEST_ENERGY, HIGHEST_ENERGY = 1.0, 200.0


def geometry(source: Source, fields: Mapping[str, Sequence[str]]) -> dict[str, float] | str:
    """Return `FIELDS` of a file, or why they are not available.

    Parameters
    ----------
    fields : keys of each of `FIELDS`, of which the first present one is used.
    """
    places = {name: next((key for key in fields[name] if source.has(key)), None) for name in FIELDS}
    if missing := [fields[name][0] for name, key in places.items() if key is None]:
        return missing_fields(missing)
    keys = {name: str(key) for name, key in places.items()}
    try:
        values = {name: one(keys[name], quantity(source, keys[name], LENGTH)[0]) for name in FIELDS[2:5]}
        values["energy"] = one(keys["energy"], quantity(source, keys["energy"], ENERGY)[0])
        sizes = {"centre_x": values["size_x"], "centre_y": values["size_y"]}
        return values | {name: _pixels(source, keys[name], size) for name, size in sizes.items()}
    except DataError as error:
        return str(error)


def missing_fields(names: Sequence[str]) -> str:
    """Return that fields are missing, as text."""
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing"


def _pixels(source: Source, key: str, size: float) -> float:
    """Read a column or row, which may be a length in NeXus; `size` is that of a pixel in m."""
    unit = stated_unit(source, key)
    if unit is None or normalised(unit) in PIXELS:
        return one(key, numbers(source, key))
    return one(key, convert(key, numbers(source, key), unit, LENGTH)[0]) / size if size else float("nan")


def photon_energy(source: Source, keys: Sequence[str]) -> float | None:
    """Return the photon energy in keV; None if the file has no plausible one."""
    key = next((key for key in keys if source.has(key)), None)
    try:
        return None if key is None else likely_energy(one(key, quantity(source, key, ENERGY)[0]))
    except DataError:
        return None


def likely_energy(energy: float) -> float | None:
    """Return an energy in keV if it is in the range of X-rays."""
    return energy if LOWEST_ENERGY <= energy <= HIGHEST_ENERGY else None


def pixel_map(
    source: Source, labels: str, values: Mapping[str, float] | str, azimuths: Azimuths | None
) -> PixelMap | str:
    """Return the map of pixels of a file, or why there is no usable one.

    Parameters
    ----------
    labels : key of the map of bins.
    values : `FIELDS`, or why the file does not have them.
    azimuths : origin and sense of azimuths in programs that write this layout; None if they differ.
    """
    if not source.has(labels):
        return f"{labels} is missing"
    if isinstance(values, str):
        return values
    try:
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


def _unlikely(values: Mapping[str, float]) -> str | None:
    """Return why a geometry is implausible; None if it is plausible."""
    if not np.isfinite(list(values.values())).all():
        return "beam centre, pixel size, distance or energy is not finite"
    angles = [abs(values[name] / values["distance"]) if values["distance"] else np.inf for name in ("size_x", "size_y")]
    if not all(NARROWEST < angle < WIDEST for angle in angles):
        return (
            f"a pixel of {values['size_x']:g} m at {values['distance']:g} m is implausible for a scattering experiment"
        )
    if likely_energy(values["energy"]) is None:
        return f"found an energy of {values['energy']:g} keV, expected {LOWEST_ENERGY:g} to {HIGHEST_ENERGY:g}"
    return None
