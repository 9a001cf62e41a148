"""HDF5 and NumPy files: a full disk or a damaged file raises an error and never ends the process.

h5py is imported when a file is opened, because other commands do not need it.
"""

from __future__ import annotations

import errno
import importlib
import io
import math
import zipfile
from collections.abc import Buffer, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import EllipsisType
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_data.heaps import check_heaps
from heterodyne_spec import DataError


def opened_hdf5(path: Path) -> Any:
    """Return an h5py file opened for reading.

    Raises
    ------
    OSError : if it cannot be opened.
    DataError : if reading would make HDF5 loop forever.
    """
    import h5py

    check_heaps(path)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        # A file system without locks (NFS without its daemon, some cluster file systems) cannot have locked files.
        if "unable to lock" not in str(error) or error.errno in HELD:
            raise
        return h5py.File(path, "r", locking=False)


HELD = (errno.EAGAIN, errno.EACCES)
"""Error numbers of a lock held by another program; file systems without locks give others."""


class _Spared(io.FileIO):
    """A file that defers its first write error, because HDF5 ends the process if it cannot write while closing."""

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
    """Create an h5py file at `path` to be written in the body.

    Raises
    ------
    OSError : if it could not be written, for example on a full disk.
    """
    import h5py

    with _Spared(path, "w+") as spared:
        try:
            with h5py.File(spared, "w") as file:
                yield file
        finally:
            if spared.failure is not None:
                raise spared.failure


@contextmanager
def in_memory(path: Path) -> Iterator[Any]:
    """Create an h5py file in memory to be filled by a library, and write it to `path` at the end of the body.

    For libraries that do not close their file if they fail: HDF5 would fail again on the full disk at any later
    time, and end the process.

    Raises
    ------
    OSError : if it cannot be written.
    """
    import h5py

    with h5py.File(path.name, "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        path.write_bytes(file.id.get_file_image())


def write_npz(path: Path, **arrays: npt.ArrayLike) -> None:
    """Write arrays to an uncompressed NumPy archive; `numpy.load` reads it.

    `numpy.savez` of NumPy 2.0 does not close an archive that could not be written, so that it fails again later.

    Raises
    ------
    OSError : if it cannot be written.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


SMALL, MOST_TIMES = 64 * 1024**2, 200
"""Number of bytes read without a check, and the largest ratio of declared to stored bytes. Noise compresses to
a third, an empty half to nothing; ratios of a thousand are possible, and can exhaust memory."""


def check_backed(key: str, dataset: Any, selection: tuple[slice | int, ...] | EllipsisType = ...) -> None:
    """Check that the part of an h5py dataset to be read is in proportion to its stored bytes.

    Otherwise a damaged or malicious size could exhaust memory, and the system would kill the process.

    Raises
    ------
    DataError : if it is not.
    """
    shape, itemsize = dataset.shape or (), dataset.dtype.itemsize
    asked = math.prod(_counts(shape, selection)) * itemsize
    most = max(asked, math.prod(dataset.chunks or ()) * itemsize)
    # Asked of large ones only: HDF5 counts the chunks.
    if most > SMALL and most > MOST_TIMES * (stored := dataset.id.get_storage_size()):
        raise DataError(
            f"{key}: declares {most / 1e9:.3g} GB, but the file stores {stored} bytes of it; it is damaged, copy it "
            "again from its origin"
        )


def _counts(shape: tuple[int, ...], selection: tuple[slice | int, ...] | EllipsisType) -> Iterator[int]:
    """Yield how many entries along each axis are selected."""
    chosen = () if isinstance(selection, EllipsisType) else selection
    for axis, size in enumerate(shape):
        one = chosen[axis] if axis < len(chosen) else slice(None)
        yield len(range(*one.indices(size))) if isinstance(one, slice) else 1


def check_lengths(key: str, dataset: Any) -> None:
    """Check that strings and lists of variable length do not declare more than the file can contain.

    HDF5 allocates the declared size of an element before it reads the values.

    Raises
    ------
    DataError : if one does.
    """
    start = dataset.id.get_offset() if dataset.dtype.hasobject else None
    if start is None:
        return
    with Path(dataset.file.filename).open("rb") as file:
        whole = file.seek(0, 2)
        count = min(dataset.size, max(whole - start, 0) // _ELEMENT)
        file.seek(start)
        # Each element consists of its length, then the position of its values.
        stored = np.frombuffer(file.read(count * _ELEMENT), dtype="<u4")
    if (longest := int(stored[:: _ELEMENT // 4].max(initial=0))) > whole:
        raise DataError(
            f"{key}: declares a string of {longest} bytes, but the file has {whole}; it is damaged, copy it again from "
            "its origin"
        )


_ELEMENT = 16
"""Bytes of an element of variable length: its length (4), the address of a heap (8) and the index in it (4)."""


def check_filters(key: str, dataset: Any) -> None:
    """Check that the compression filter of an h5py dataset is available; hdf5plugin is loaded if needed.

    Raises
    ------
    DataError : naming the filter and what to install.
    """
    import h5py

    made = dataset.id.get_create_plist()
    filters = [made.get_filter(i) for i in range(made.get_nfilters())]
    for number, _, _, name in filters:
        if not h5py.h5z.filter_avail(number):
            with suppress(ImportError):
                importlib.import_module("hdf5plugin")
        if not h5py.h5z.filter_avail(number):
            called = name.decode("utf-8", errors="replace").partition(";")[0].strip() or "no name"
            raise DataError(
                f"{key}: is compressed with filter {number} ({called}), which is not installed; pip install hdf5plugin"
            )


def check_self_contained(file: Any) -> None:
    """Check that one of our own h5py files, which have no links, contains all its values.

    Raises
    ------
    DataError : naming the link, or the dataset too large for the size of the file.
    """
    import h5py

    # Collected first, because HDF5 replaces errors raised during its visit.
    links: list[tuple[str, Any]] = []
    file.visititems_links(lambda name, link: links.append((name, link)))
    for name, link in links:
        if not isinstance(link, h5py.HardLink):
            raise DataError(f"{name}: is a link, expected the values themselves; copy the file again from its origin")
    nodes: list[tuple[str, Any]] = []
    file.visititems(lambda name, node: nodes.append((name, node)))
    for name, dataset in ((name, node) for name, node in nodes if isinstance(node, h5py.Dataset)):
        if dataset.is_virtual or dataset.external:
            raise DataError(f"{name}: has its values in another file, expected them in this one; copy the file again")
        check_backed(name, dataset)
