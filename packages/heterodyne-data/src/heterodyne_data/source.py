"""An open file of arrays, whatever its format: what layouts read from."""

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
        """What was looked for and stands behind a link that leads nowhere: keys, with words on each."""

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names in a group, () when there is no such group."""

    def direct(self) -> tuple[str, ...]:
        """Return the names of the arrays that stand at the top themselves: no link is followed for it."""

    def has(self, key: str) -> bool:
        """Tell whether an array stands at `key`."""

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of the array at `key` without reading it."""

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the dtype of the array at `key` without reading it."""

    def read(self, key: str, selection: Selection = ...) -> NDArray[Any]:
        """Read the selected part of the array at `key`."""

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the few short texts of the array at `key`; () when it is missing, or holds something else."""

    def attribute_names(self, key: str) -> tuple[str, ...]:
        """Return the names of the attributes of the array or group at `key`, () when nothing stands there."""

    def attribute(self, key: str, name: str) -> str | NDArray[Any] | None:
        """Return an attribute as a text or as an array; None when there is none."""
