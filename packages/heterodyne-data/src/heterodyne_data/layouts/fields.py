"""Attributes of a file, or of its maps, as fields: equivalent to datasets of the same names at the top."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.layouts.beside import arrays, is_known, normal
from heterodyne_data.source import Selection, Source
from heterodyne_spec import DataError

_UNITS = ("unit", "units")


def with_attributes(source: Source, maps: str) -> Source:
    """Return a file of arrays at the top whose attributes count as arrays; `maps` names those of the maps.

    Raises
    ------
    DataError
        An attribute contradicts a dataset, or another attribute.
    """
    found: dict[str, NDArray[Any]] = {}
    for where in ("/", maps, *(name for name in arrays(source) if name != maps and is_known(name))):
        for name in source.attribute_names(where):
            # Units of a dataset stay with it; others count only if they name the field they belong to.
            own = where != "/" and normal(name) in _UNITS
            if own or not is_known(name) or (where not in ("/", maps) and not normal(name).endswith(_UNITS)):
                continue
            value = source.attribute(where, name)
            if value is None:
                continue
            stored = np.asarray(value)
            if name in found and not _same(found[name], stored):
                raise DataError(f"{name}: found different attributes of this name, expected one; correct the file")
            if source.has(name) and not _same(source.read(name) if stored.dtype.kind in "fiub" else None, stored):
                if stored.dtype.kind in "SU" and [str(stored.item())] == [*source.texts(name)]:
                    continue
                raise DataError(
                    f"{name}: found a dataset and, different, an attribute of {where}, expected the same; correct the "
                    "file"
                )
            found[name] = stored
    return WithAttributes(source, {name: value for name, value in found.items() if not source.has(name)})


def _same(one: NDArray[Any] | None, other: NDArray[Any]) -> bool:
    if one is None or one.dtype.kind not in "fiub" or other.dtype.kind not in "fiub":
        return one is not None and bool(np.array_equal(one, other))
    return one.size == other.size and bool(np.allclose(one.ravel(), other.ravel(), rtol=1e-6, atol=0, equal_nan=True))


class WithAttributes:
    """A file whose attributes `found` are fields beside its datasets."""

    def __init__(self, source: Source, found: Mapping[str, NDArray[Any]]):
        self._source, self._found = source, found
        # Requested by every reader of a field that may have another name.
        self._names, self._direct = (*source.names(), *found), (*source.direct(), *found)
        self.path: Path = source.path

    @property
    def lost(self) -> Mapping[str, str]:
        """Fields behind broken links, with a message for each."""
        return self._source.lost

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names in a group."""
        return self._names if group == "/" else self._source.names(group)

    def direct(self) -> tuple[str, ...]:
        """Return the names of the arrays at the top that are not links."""
        return self._direct

    def has(self, key: str) -> bool:
        """Return whether there is an array at `key`."""
        return key in self._found or self._source.has(key)

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of an array."""
        return self._found[key].shape if key in self._found else self._source.shape(key)

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the dtype of an array."""
        return self._found[key].dtype if key in self._found else self._source.dtype(key)

    def read(self, key: str, selection: Selection = ...) -> NDArray[Any]:
        """Read the selected part of an array."""
        return np.asarray(self._found[key][selection]) if key in self._found else self._source.read(key, selection)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the strings of an array of a few short ones."""
        if key not in self._found:
            return self._source.texts(key)
        values = self._found[key]
        return tuple(str(value) for value in values.ravel().tolist()) if values.dtype.kind in "SU" else ()

    def attribute_names(self, key: str) -> tuple[str, ...]:
        """Return the names of the attributes of an array or group."""
        return () if key in self._found else self._source.attribute_names(key)

    def attribute(self, key: str, name: str) -> str | NDArray[Any] | None:
        """Return an attribute."""
        return None if key in self._found else self._source.attribute(key, name)
