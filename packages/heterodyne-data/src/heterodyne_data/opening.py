"""Opening of files: detection of the format from the first bytes, and one-line error messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heterodyne_data.hdf5_source import open_hdf5
from heterodyne_data.npz_source import open_npz
from heterodyne_data.source import Source
from heterodyne_spec import DataError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
ZIP_SIGNATURE = b"PK\x03\x04"
NPY_SIGNATURE = b"\x93NUMPY"
# HDF5 allows a user block before its signature, of 512 bytes or a larger power of two.
SIGNATURE_OFFSETS = (0, 512, 1024, 2048, 4096)


@contextmanager
def open_source(path: str | Path) -> Iterator[Source]:
    """Open an HDF5 or .npz file for reading.

    Every DataError raised in the body gets the file's name in front, so
    that other code only names the path inside the file.

    Raises
    ------
    DataError
        The file is missing, a folder, unreadable, damaged or of another kind.
    """
    path = Path(path)
    try:
        opener = open_npz if kind_of(path) == "npz" else open_hdf5
        with opener(path) as source:
            yield source
    except DataError as error:
        raise type(error)(f"{path}: {error}") from error


def kind_of(path: Path) -> str:
    """Return "hdf5" or "npz", decided by the signature and not by the name."""
    try:
        # Opening a pipe would block forever.
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "not a regular file"
            raise DataError(f"is {what}, expected an HDF5 or .npz file; give the path of the file")
        with path.open("rb") as file:
            head = file.read(SIGNATURE_OFFSETS[-1] + len(HDF5_SIGNATURE))
    except FileNotFoundError:
        raise DataError("no such file; check the path") from None
    except PermissionError:
        raise DataError("permission denied; ask its owner for read access") from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror}); check the disk or copy the file again") from None
    if head.startswith(ZIP_SIGNATURE):
        return "npz"
    if any(head[offset:].startswith(HDF5_SIGNATURE) for offset in SIGNATURE_OFFSETS):
        return "hdf5"
    if head.startswith(NPY_SIGNATURE):
        raise DataError(
            "is a bare array, without q, phi and dt; save all in one file: numpy.savez('maps.npz', c2=maps, "
            "q=0.0054, phi=[0, 90], dt=0.1) with q in 1/Å, phi in degrees and dt in s"
        )
    raise DataError(f"is not an HDF5 or .npz file (it {describe_head(head)}); give a file of correlation maps")


def describe_head(head: bytes) -> str:
    """Return how a file begins, as text."""
    return f"begins with {head[:8]!r}" if head else "is empty"
