"""Check of the global heaps of an HDF5 file, which store values of variable length, before HDF5 reads them.

HDF5 (2.0, of h5py 3.16) iterates over the objects of a heap by their sizes. A size of zero, as in a block that
a drive has not stored yet, is an endless loop that no signal ends.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from pathlib import Path

from heterodyne_spec import DataError

_LOOKED_AT = 16 * 1024**2
"""Number of bytes checked at either end of a file: the maps are in between, and reading them would take long."""

_HEAD = b"GCOL\x01\0\0\0"
_SIZE = struct.Struct("<Q")
_OBJECT = struct.Struct("<HHIQ")


def check_heaps(path: Path) -> None:
    """Check that HDF5 can read the heaps at both ends of a file to their end.

    Raises
    ------
    DataError : if it cannot.
    OSError : if the file cannot be read.
    """
    state = path.stat()
    _check(path, state.st_size, state.st_mtime_ns, state.st_ino)


@functools.lru_cache
def _check(path: Path, size: int, *_state: int) -> None:
    """Check a file in a state, once for all the times that a command opens it."""
    with path.open("rb") as file:
        for start in sorted({0, max(size - _LOOKED_AT, 0)}):
            file.seek(start)
            raw = file.read(_LOOKED_AT)
            if any(_is_endless(raw, at) for at in _heaps(raw)):
                raise DataError("is damaged in its strings (they have impossible sizes); copy it again from its origin")


def _heaps(raw: bytes) -> Iterator[int]:
    at = raw.find(_HEAD)
    while at >= 0:
        yield at
        at = raw.find(_HEAD, at + 1)


def _is_endless(raw: bytes, at: int) -> bool:
    """Return whether an object of the heap at `at` causes an endless loop; object 0 is the free space."""
    if at + len(_HEAD) + _SIZE.size > len(raw):
        return False
    end, place = at + _SIZE.unpack_from(raw, at + len(_HEAD))[0], at + len(_HEAD) + _SIZE.size
    while place + _OBJECT.size <= min(end, len(raw)):
        number, _, _, length = _OBJECT.unpack_from(raw, place)
        # Beyond the end, HDF5's own sum overflows to an arbitrary position.
        if number == length == 0 or length > end - place:
            return True
        place += _OBJECT.size + -(-length // 8) * 8 if number else length
    return False
