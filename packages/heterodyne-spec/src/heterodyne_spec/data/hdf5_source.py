"""HDF5 files as a `Source`: lazy, and never outside the file's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_spec.data.contents import Selection, Source
from heterodyne_spec.errors import DataError

# What h5py raises for damaged metadata and chunks depends on where the damage is.
H5PY_ERRORS = (OSError, RuntimeError, KeyError, ValueError)


def import_h5py() -> ModuleType:
    """Import h5py, which is an optional extra of this distribution."""
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError:
        raise DataError("HDF5 files need h5py; run: pip install 'heterodyne-spec[hdf5]'") from None
    return h5py  # type: ignore[no-any-return]


@contextmanager
def open_hdf5(path: Path) -> Iterator[Source]:
    """Open an HDF5 file for reading."""
    h5py = import_h5py()
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        if "unable to lock" in str(error):
            raise DataError("is open for writing in another program; close it there or wait") from error
        raise DataError(f"is truncated or damaged ({reason(error)}); copy it again from its origin") from error
    with file:
        yield Hdf5Source(path, file)


class Hdf5Source:
    """An open HDF5 file."""

    def __init__(self, path: Path, file: Any):
        self.path = path
        self._file = file

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names in a group, () when there is no such group."""
        node = self._find(group)
        return tuple(node) if hasattr(node, "keys") else ()

    def has(self, key: str) -> bool:
        """Tell whether a dataset stands at `key`."""
        return hasattr(self._find(key), "dtype")

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of a dataset; () for a scalar."""
        return tuple(self._dataset(key).shape or ())

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the dtype of a dataset."""
        dtype: np.dtype[Any] = self._dataset(key).dtype
        return dtype

    def read(self, key: str, selection: Selection = ...) -> NDArray[Any]:
        """Read the selected part of a dataset."""
        dataset = self._dataset(key)
        try:
            return np.asarray(dataset[selection])
        except H5PY_ERRORS as error:
            if "not registered" in str(error) or "required filter" in str(error):
                raise DataError(
                    f"{key}: is compressed with a filter that is not installed; pip install hdf5plugin, "
                    "import it, and try again"
                ) from error
            raise DataError(
                f"{key}: cannot be read, the file is damaged there ({reason(error)}); copy it again from its origin"
            ) from error

    def _dataset(self, key: str) -> Any:
        node = self._find(key)
        if not hasattr(node, "dtype"):
            raise DataError(f"{key}: is missing or not a dataset; check that the file was written completely")
        self._check_storage(key, node)
        return node

    def _find(self, key: str) -> Any:
        """Walk to `key` link by link, so that no link is followed unseen; None when nothing stands there."""
        node = self._file
        for name in key.strip("/").split("/") if key.strip("/") else ():
            try:
                link = node.get(name, getlink=True) if hasattr(node, "keys") else None
                if link is None:
                    return None
                if hasattr(link, "filename"):
                    self._check_folder(key, link.filename, "external link")
                node = node.get(name)
            except H5PY_ERRORS as error:
                raise DataError(
                    f"{key}: cannot be opened, the file is damaged there ({reason(error)}); copy it "
                    "again from its origin"
                ) from error
            if node is None:
                return None
            # A link in a linked file was followed by HDF5 itself: look where it ended.
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


def reason(error: BaseException) -> str:
    """Return the telling part of an HDF5 error text: what stands in its last parentheses."""
    text = " ".join(str(error).strip("'\"").split())
    inner = text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text
    return inner[:160]
