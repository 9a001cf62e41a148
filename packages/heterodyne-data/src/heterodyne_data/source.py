"""An open file of arrays of any format, from which layouts read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import EllipsisType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

type Selection = tuple[slice | int, ...] | EllipsisType


class Source(Protocol):
    """An open file, HDF5 or .npz; keys are paths inside it."""

    path: Path

    @property
    def lost(self) -> Mapping[str, str]:
        """Keys behind broken links, with a message for each."""

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names in a group, () when there is no such group."""

    def direct(self) -> tuple[str, ...]:
        """Return the names of the arrays at the top that are not links."""

    def has(self, key: str) -> bool:
        """Return whether there is an array at `key`."""

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of the array at `key` without reading it."""

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the dtype of the array at `key` without reading it."""

    def read(self, key: str, selection: Selection = ...) -> NDArray[Any]:
        """Read the selected part of the array at `key`."""

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the strings of an array of a few short ones; () if it is missing or has another type."""

    def attribute_names(self, key: str) -> tuple[str, ...]:
        """Return the names of the attributes of the array or group at `key`, () if there is nothing."""

    def attribute(self, key: str, name: str) -> str | NDArray[Any] | None:
        """Return an attribute as a string or an array; None if there is none."""
