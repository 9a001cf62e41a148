"""HDF5 files that are written so that a full disk is an error and no more."""

from __future__ import annotations

import io
from collections.abc import Buffer, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from heterodyne_spec.errors import DataError


def import_h5py() -> ModuleType:
    """Import h5py, which is an optional extra of this distribution."""
    try:
        import h5py
    except ImportError:
        raise DataError("HDF5 files need h5py; run: pip install 'heterodyne-spec[hdf5]'") from None
    return h5py  # type: ignore[no-any-return]


class _Spared(io.FileIO):
    """A file that keeps its first failure to itself: HDF5 ends the whole process when it cannot write while closing."""

    failure: OSError | None = None

    def write(self, data: Buffer, /) -> int:
        left = memoryview(data)
        size = left.nbytes
        while self.failure is None and left.nbytes:
            try:
                left = left[super().write(left) :]
            except OSError as error:
                self.failure = error
        return size


@contextmanager
def writing_hdf5(path: Path) -> Iterator[Any]:
    """Give an h5py file at `path` that is new and written in the body.

    Raises
    ------
    OSError : when it could not be written, such as for want of room; the process goes on.
    DataError : when h5py is not installed.
    """
    h5py = import_h5py()
    with _Spared(path, "w+") as spared:
        try:
            with h5py.File(spared, "w") as file:
                yield file
        finally:
            if spared.failure is not None:
                raise spared.failure


@contextmanager
def in_memory(path: Path) -> Iterator[io.BytesIO]:
    """Give memory for a library to write an HDF5 file into, and write it to `path` at the end of the body.

    For libraries that do not close their file when they fail: one that is then collected as garbage ends the process.

    Raises
    ------
    OSError : when it cannot be written.
    """
    stored = io.BytesIO()
    yield stored
    path.write_bytes(stored.getbuffer())
