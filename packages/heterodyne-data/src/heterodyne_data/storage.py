"""HDF5 and NumPy files: written so that a full disk is an error and no more, read so that a hostile one is.

h5py is imported by what opens a file: commands that open none do without it.
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
    """Return an h5py file that is open for reading.

    Raises
    ------
    OSError : when it cannot be opened.
    DataError : when HDF5 would not come to an end with the file.
    """
    import h5py

    check_heaps(path)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        # A file system that knows no locks has none to respect (NFS without its daemon, some of clusters).
        if "unable to lock" not in str(error) or error.errno in HELD:
            raise
        return h5py.File(path, "r", locking=False)


HELD = (errno.EAGAIN, errno.EACCES)
"""What the system says of a lock that another program holds; anything else is said by file systems without locks."""


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
    """Give an h5py file in memory for a library to fill, and write it to `path` at the end of the body.

    For libraries that do not close their file when they fail: HDF5 would meet the full disk once more at any later
    time, and end the process.

    Raises
    ------
    OSError : when it cannot be written.
    """
    import h5py

    with h5py.File(path.name, "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        path.write_bytes(file.id.get_file_image())


def write_npz(path: Path, **arrays: npt.ArrayLike) -> None:
    """Write arrays to an archive of NumPy, not compressed; `numpy.load` reads it.

    `numpy.savez` of NumPy 2.0 leaves an archive that could not be written open, which then speaks up at any later time.

    Raises
    ------
    OSError : when it cannot be written.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


SMALL, MOST_TIMES = 64 * 1024**2, 200
"""Bytes that are read without looking; and times that a file may claim to hold of what it stores. Noise compresses to
a third, an empty half to nothing; a thousand times are possible, and fill any memory."""


def check_backed(key: str, dataset: Any, selection: tuple[slice | int, ...] | EllipsisType = ...) -> None:
    """Check that what is read of an h5py dataset is in proportion to what the file stores of it.

    A damaged size, or a file made for it, else takes all memory, and the system ends the process.

    Raises
    ------
    DataError : when it is not.
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
    """Check that texts and lists of any length do not claim more than the file can hold.

    HDF5 takes memory for what an element claims before it looks for the values.

    Raises
    ------
    DataError : when one does.
    """
    start = dataset.id.get_offset() if dataset.dtype.hasobject else None
    if start is None:
        return
    with Path(dataset.file.filename).open("rb") as file:
        whole = file.seek(0, 2)
        count = min(dataset.size, max(whole - start, 0) // _ELEMENT)
        file.seek(start)
        # Of each element its length stands first, then where its values are.
        stored = np.frombuffer(file.read(count * _ELEMENT), dtype="<u4")
    if (longest := int(stored[:: _ELEMENT // 4].max(initial=0))) > whole:
        raise DataError(
            f"{key}: declares a text of {longest} bytes, the file has {whole}; it is damaged, copy it again from "
            "its origin"
        )


_ELEMENT = 16
"""Bytes of an element of any length: its length (4), the address of a heap (8) and the number in it (4)."""


def check_filters(key: str, dataset: Any) -> None:
    """Check that what an h5py dataset is compressed with can be undone; hdf5plugin is loaded where it is needed.

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
    """Check that an h5py file of ours, which never has a link, holds all its values itself.

    Raises
    ------
    DataError : naming the place that leads elsewhere, or that is too large for what the file stores.
    """
    import h5py

    # Gathered first: what is raised while HDF5 walks reaches us as its own error.
    links: list[tuple[str, Any]] = []
    file.visititems_links(lambda name, link: links.append((name, link)))
    for name, link in links:
        if not isinstance(link, h5py.HardLink):
            raise DataError(f"{name}: is a link, expected the values themselves; copy the file again from its origin")
    nodes: list[tuple[str, Any]] = []
    file.visititems(lambda name, node: nodes.append((name, node)))
    for name, dataset in ((name, node) for name, node in nodes if isinstance(node, h5py.Dataset)):
        if dataset.is_virtual or dataset.external:
            raise DataError(f"{name}: has its values elsewhere, expected them here; copy the file again")
        check_backed(name, dataset)
