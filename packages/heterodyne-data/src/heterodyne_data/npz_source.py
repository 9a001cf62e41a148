"""NumPy .npz files as a `Source`: no pickle, and one map of a stack is read without the rest."""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from heterodyne_data.damage import reading
from heterodyne_data.source import Selection, Source
from heterodyne_data.storage import MOST_TIMES, SMALL
from heterodyne_spec import DataError, shortened

BLOCK = 1024**2
MOST_TEXTS = 64
"""Maximum number of strings read from one array."""


@contextmanager
def open_npz(path: Path) -> Iterator[Source]:
    """Open an .npz file for reading."""
    try:
        archive = zipfile.ZipFile(path)
        check_members(archive)
    except DataError:
        raise
    except Exception as error:  # damaged files cause almost any exception: see `reading`
        raise DataError(f"is truncated or damaged ({error}); copy it again from its origin") from error
    with archive:
        yield NpzSource(path, archive)


def check_members(archive: zipfile.ZipFile) -> None:
    """Refuse archives that NumPy does not write, which are ambiguous or could exhaust memory."""
    names = archive.namelist()
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"contains {shortened(twice[0])} twice; save it again with numpy.savez")
    for member in archive.infolist():
        # Others are unpacked as a whole: a few bytes of bzip2 may become gigabytes.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(
                f"{shortened(member.filename)}: is compressed by method {member.compress_type}, expected that of "
                "numpy.savez_compressed; save it again with that"
            )
        if member.file_size > max(SMALL, MOST_TIMES * member.compress_size):
            raise DataError(
                f"{shortened(member.filename)}: declares {member.file_size / 1e9:.3g} GB, but the file has "
                f"{member.compress_size} bytes of it; it is damaged, copy it again from its origin"
            )


class NpzSource:
    """An open .npz file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile):
        self.path = path
        self._archive = archive
        # An ordered lookup, because there may be thousands.
        self._names = {name.removesuffix(".npy"): None for name in archive.namelist() if name.endswith(".npy")}

    @property
    def lost(self) -> Mapping[str, str]:
        """Return {}: archives have no links."""
        return {}

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names of the arrays; there are no groups but the root."""
        return tuple(self._names) if group == "/" else ()

    def direct(self) -> tuple[str, ...]:
        """Return the names of the arrays."""
        return self.names()

    def has(self, key: str) -> bool:
        """Return whether there is an array `key`."""
        return key in self._names

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of an array, from its header."""
        with reading(key), self._open(key) as file:
            return read_header(key, file)[0]

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the dtype of an array, from its header."""
        with reading(key), self._open(key) as file:
            return read_header(key, file)[2]

    def read(self, key: str, selection: Selection = ...) -> NDArray[Any]:
        """Read the selected part of an array."""
        with reading(key), self._open(key) as file:
            shape, fortran, dtype = read_header(key, file)
            if dtype.hasobject:
                raise DataError(f"{key}: contains Python objects, expected numbers; save it as an array of floats")
            declared, there = math.prod(shape) * dtype.itemsize, self._archive.getinfo(f"{key}.npy").file_size
            if declared > there:
                raise EOFError(f"{there} of {declared} bytes")
            if isinstance(selection, tuple) and isinstance(selection[0], int) and not fortran:
                return read_item(file, shape[1:], dtype, selection[0])[selection[1:]]
            stored = read_item(file, shape[::-1] if fortran else shape, dtype, 0)
            return (stored.T if fortran else stored)[selection]

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the strings of an array of a few short ones; () if it is missing or has another type."""
        if not self.has(key) or self.dtype(key).kind not in "SU" or not 0 < math.prod(self.shape(key)) <= MOST_TEXTS:
            return ()
        values = self.read(key).ravel().tolist()
        return tuple(value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value for value in values)

    def attribute_names(self, key: str) -> tuple[str, ...]:
        """Return (): arrays of .npz files have no attributes."""
        return ()

    def attribute(self, key: str, name: str) -> None:
        """Return None, see `attribute_names`."""

    def _open(self, key: str) -> IO[bytes]:
        if not self.has(key):
            raise DataError(f"{key}: is missing; the file has {', '.join(self.names()) or 'nothing'}")
        return self._archive.open(f"{key}.npy")


def read_header(key: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an .npy stream: shape, Fortran order, dtype."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise DataError(f"{key}: found .npy format {version}, expected 1.0 or 2.0; save it with numpy.savez")
    return readers[version](file)


def read_item(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], index: int) -> NDArray[Any]:
    """Read item `index` of the items of one shape that follow the header."""
    size = math.prod(shape) * dtype.itemsize
    file.seek(index * size, 1)
    raw = bytearray(size)
    # Block by block: one large read of a zip member joins its pieces in a second copy.
    for start in range(0, size, BLOCK):
        block = file.read(min(BLOCK, size - start))
        if len(block) < min(BLOCK, size - start):
            raise EOFError(f"{start + len(block)} of {size} bytes")
        raw[start : start + len(block)] = block
    return np.ndarray(shape, dtype, buffer=raw)
