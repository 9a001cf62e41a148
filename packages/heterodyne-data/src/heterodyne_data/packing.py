"""Fill values, scale and offset of the stored values of maps, from attributes of the CF conventions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.source import Source
from heterodyne_spec import DataError

FILLS = ("_FillValue", "missing_value")
SCALE, OFFSET = "scale_factor", "add_offset"


@dataclass(frozen=True)
class Packing:
    """Stored values that mark missing ones; scale and offset of the others."""

    fills: tuple[float, ...] = ()
    scale: float = 1.0
    offset: float = 0.0

    @property
    def scaled(self) -> bool:
        """Return whether the stored values are scaled."""
        return (self.scale, self.offset) != (1.0, 0.0)

    def unpacked(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the unpacked values, NaN where missing, in float64 if they are scaled."""
        if not (self.fills or self.scaled):
            return stored
        dtype = stored.dtype if stored.dtype.kind == "f" and not self.scaled else np.dtype(np.float64)
        # An integer fill value outside the range of the type cannot occur in the maps.
        with np.errstate(invalid="ignore", over="ignore"):
            missing = np.isin(stored, np.array(self.fills).astype(stored.dtype))
        return np.where(missing, dtype.type(np.nan), stored.astype(dtype) * dtype.type(self.scale) + self.offset)

    def told(self) -> str:
        """Return how stored values are converted, as text."""
        gone = f"{' and '.join(f'{value:g}' for value in self.fills)} marks missing values" if self.fills else ""
        scaled = f"values are those stored times {self.scale:g}, plus {self.offset:g}" if self.scaled else ""
        return ", ".join(words for words in (gone, scaled) if words)


def packing_of(source: Source, key: str) -> Packing:
    """Return the packing of a dataset from its attributes.

    Raises
    ------
    DataError
        One of them is not a number, or the scale is 0.
    """
    names = [name for name in source.attribute_names(key) if name in (*FILLS, SCALE, OFFSET)]
    if not names:
        return Packing()
    found = {name: values for name in names if (values := _numbers(source, key, name)).size}
    for name in (SCALE, OFFSET):
        if name in found and (found[name].size != 1 or not np.isfinite(found[name]).all()):
            raise DataError(f"{key}@{name}: found {found[name].tolist()}, expected one number; correct the attribute")
    scale, offset = (float(found[name][0]) if name in found else usual for name, usual in ((SCALE, 1.0), (OFFSET, 0.0)))
    if scale == 0:
        raise DataError(f"{key}@{SCALE}: found 0, expected a scale other than 0; correct the attribute")
    fills = [value for name in FILLS if name in found for value in found[name].tolist() if np.isfinite(value)]
    return Packing(tuple(dict.fromkeys(fills)), scale, offset)


def _numbers(source: Source, key: str, name: str) -> NDArray[np.float64]:
    value = source.attribute(key, name)
    try:
        return np.array([] if value is None else value, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise DataError(f"{key}@{name}: found {value!r:.40}, expected a number; correct the attribute") from None
