"""HDF5 files as a `Source`: lazy, and never outside the file's own folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_spec.data.contents import Selection, Source
from heterodyne_spec.data.damage import reading, reason
from heterodyne_spec.errors import BusyError, DataError
from heterodyne_spec.storage import import_h5py


@contextmanager
def open_hdf5(path: Path) -> Iterator[Source]:
    """Open an HDF5 file for reading."""
    h5py = import_h5py()
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        if "unable to lock" in str(error):
            raise BusyError("is open for writing in another program; close it there or wait") from error
        raise DataError(f"is truncated or damaged ({reason(str(error))}); copy it again from its origin") from error
    with file:
        yield Hdf5Source(path, file, h5py.h5f.get_name)


class Hdf5Source:
    """An open HDF5 file."""

    def __init__(self, path: Path, file: Any, file_of: Callable[[Any], bytes]):
        self.path = path
        self._file = file
        self._file_of = file_of

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names in a group, () when there is no such group."""
        node = self._find(group)
        with reading(group):
            return tuple(name for name in node if isinstance(name, str)) if is_group(node) else ()

    def has(self, key: str) -> bool:
        """Tell whether a dataset stands at `key`."""
        return is_dataset(self._find(key))

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of a dataset; () for a scalar."""
        dataset = self._dataset(key)
        with reading(key):
            return tuple(dataset.shape or ())

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the dtype of a dataset."""
        dataset = self._dataset(key)
        with reading(key):
            dtype: np.dtype[Any] = dataset.dtype
        return dtype

    def read(self, key: str, selection: Selection = ...) -> NDArray[Any]:
        """Read the selected part of a dataset."""
        dataset = self._dataset(key)
        with reading(key):
            return np.asarray(dataset[selection])

    def attribute_names(self, key: str) -> tuple[str, ...]:
        """Return the names of the attributes of a dataset or group, () when nothing stands at `key`."""
        node = self._find(key)
        with reading(key):
            return () if node is None else tuple(name for name in node.attrs if isinstance(name, str))

    def attribute(self, key: str, name: str) -> str | NDArray[Any] | None:
        """Return an attribute as a text or as an array; None when there is none, or an empty one."""
        node = self._find(key)
        with reading(f"{key}@{name}"):
            return None if node is None or name not in node.attrs else plain(node.attrs[name])

    def _dataset(self, key: str) -> Any:
        node = self._find(key)
        if not is_dataset(node):
            raise DataError(f"{key}: is missing or not a dataset; check that the file was written completely")
        with reading(key):
            self._check_storage(key, node)
        return node

    def _find(self, key: str) -> Any:
        """Walk to `key` link by link, so that no link is followed unseen; None when nothing stands there."""
        node = self._file
        with reading(key):
            for name in filter(None, key.split("/")):
                link: Any = node.get(name, getlink=True) if is_group(node) else None
                if hasattr(link, "filename"):
                    self._check_folder(key, link.filename, "external link")
                node = None if link is None else node.get(name)
                if node is None:
                    return None
                # A link in a linked file was followed by HDF5 itself: look where it ended.
                if self._file_of(node.id) != self._file_of(self._file.id):
                    self._check_folder(key, str(Path(node.file.filename).resolve()), "external link")
        return node

    def _check_storage(self, key: str, dataset: Any) -> None:
        """Refuse arrays whose values stand in files elsewhere (raw external storage, virtual datasets)."""
        for name, *_ in dataset.external or ():
            self._check_folder(key, name, "external storage")
        for part in dataset.virtual_sources() if dataset.is_virtual else ():
            if part.file_name != ".":
                self._check_folder(key, part.file_name, "virtual dataset")

    def _check_folder(self, key: str, filename: str, what: str) -> None:
        folder = self.path.resolve().parent
        if not (folder / filename).resolve().is_relative_to(folder):
            raise DataError(
                f"{key}: {what} to {filename}, outside the file's own folder, is not followed; copy the "
                "data into one file"
            )


def is_group(node: Any) -> bool:
    """Tell a group from what else can stand in a file."""
    return hasattr(node, "keys")


def is_dataset(node: Any) -> bool:
    """Tell a dataset from a group and from a named type."""
    return hasattr(node, "is_virtual")


def plain(value: Any) -> str | NDArray[Any] | None:
    """Return the value of an attribute: a text, however it is stored, an array of the rest, None for HDF5's "empty"."""
    if hasattr(value, "shape") and value.shape is None:
        return None
    values = np.asarray(value)
    if values.dtype.kind not in "SUO" or values.size != 1:
        return values
    text = values.item()
    return text.decode("utf-8", errors="replace") if isinstance(text, bytes) else str(text)
