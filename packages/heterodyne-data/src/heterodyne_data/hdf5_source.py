"""HDF5 files as a `Source`: lazy, and restricted to the folder of the file.

HDF5 follows links automatically, including those in linked files, to any target (reading a pipe would block forever),
and searches the working directory for missing files. A virtual dataset that contains itself crashes the process.
Therefore links are followed here one by one, and every source of a virtual dataset is checked before it is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heterodyne_data.damage import reading, reason
from heterodyne_data.source import Selection, Source
from heterodyne_data.storage import check_backed, check_filters, check_lengths, opened_hdf5
from heterodyne_spec import BusyError, DataError

MOST_LINKS = 32
"""Largest number of chained links or nested virtual datasets; more are treated as circular."""
MOST_REMEMBERED = 4096
"""Largest number of fields of a file whose place is remembered."""
SUPERBLOCK_FLAGS, SWMR = 11, 4
"""Position of the flags in the superblock, and the flag of SWMR."""
MATLAB_CLASS, MATLAB_EMPTY = "MATLAB_class", "MATLAB_empty"
"""Attributes of MATLAB 7.3, which stores strings as numbers, and an empty array as its sizes."""
SCALE_NAME, MERE_DIMENSION = "NAME", "This is a netCDF dimension but not a netCDF variable"
"""Attribute of a dimension of netCDF, and its beginning if the dimension has no coordinate."""
MOST_TEXTS = 64
"""Largest number of values of variable length in an attribute, because all may refer to the same long value."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[Source]:
    """Open an HDF5 file for reading."""
    with opened(path) as file, ExitStack() as linked:
        yield Hdf5Source(path, file, linked)


def opened(path: Path) -> Any:
    """Return an h5py file opened for reading."""
    try:
        return opened_hdf5(path)
    except (OSError, RuntimeError) as error:
        raise why_not_open(path, str(error)) from error


def why_not_open(path: Path, text: str) -> DataError:
    """Return the reason why HDF5 cannot open a file, from its error text."""
    if "unable to lock" in text:
        return BusyError("is open for writing in another program; close it there or wait")
    if "already open for" not in text:
        return DataError(f"is truncated or damaged ({reason(text)}); copy it again from its origin")
    complete = "check that the file is complete and clear the mark with h5clear -s"
    if written_in_swmr(path):
        return BusyError(
            "is marked as being written (SWMR); wait until the program that writes it closes it, or, if that was "
            f"killed, {complete}"
        )
    return DataError(
        f"was not closed by the program that wrote it and may be incomplete; write it again, or {complete}"
    )


def written_in_swmr(path: Path) -> bool:
    """Return whether a file is marked as being written in SWMR mode, from the flags of its superblock."""
    with path.open("rb") as file:
        return bool(file.read(SUPERBLOCK_FLAGS + 1)[SUPERBLOCK_FLAGS] & SWMR)


class Hdf5Source:
    """An open HDF5 file; linked files in its folder are opened and kept in `linked`."""

    def __init__(self, path: Path, file: Any, linked: ExitStack):
        self.path = path
        self._folder = path.resolve().parent
        self._files = {path.resolve(): file}
        self._linked = linked
        self._root = file
        self._lost: dict[str, str] = {}
        self._found: dict[str, Any] = {}

    @property
    def lost(self) -> Mapping[str, str]:
        """Keys behind broken links, with a message for each."""
        return self._lost

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names in a group, () when there is no such group."""
        node = self._find(group)
        with reading(group):
            return tuple(name for name in node if isinstance(name, str)) if is_group(node) else ()

    def direct(self) -> tuple[str, ...]:
        """Return the names of the readable datasets at the top that are not links."""
        return tuple(name for name in self.names() if self._stands_here(name))

    def _stands_here(self, name: str) -> bool:
        try:
            return not hasattr(self._root.get(name, getlink=True), "path") and holds_values(self._root[name])
        except Exception:  # damage to a field that may not be needed; see `reading`
            return False

    def has(self, key: str) -> bool:
        """Return whether there is a dataset at `key`; an empty array of MATLAB does not count."""
        node = self._find(key)
        with reading(key):
            return holds_values(node)

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
            self._check_sources(key, dataset, selection, 0)
            if dataset.shape is None:
                raise DataError(f"{key}: is empty, expected numbers; correct the file")
            if dataset.dtype.hasobject and math.prod(dataset.shape or ()) != 1:
                raise DataError(f"{key}: found {describe(dataset.dtype)}, expected numbers; correct the file")
            return np.asarray(dataset[selection])

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the strings of a dataset of a few short ones; () if it is missing or has another type."""
        if not self.has(key) or not 0 < math.prod(self.shape(key)) <= MOST_TEXTS:
            return ()
        dataset = self._dataset(key)
        with reading(key):
            self._check_sources(key, dataset, ..., 0)
            values = np.asarray(dataset[...]).ravel().tolist()
            if dataset.dtype.kind == "u" and plain(dataset.attrs.get(MATLAB_CLASS)) == "char":
                return ("".join(map(chr, values)),)
        return tuple(
            value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
            for value in values
            if isinstance(value, bytes | str)
        )

    def attribute_names(self, key: str) -> tuple[str, ...]:
        """Return the names of the attributes of a dataset or group, () if there is nothing at `key`."""
        node = self._find(key)
        with reading(key):
            return () if node is None else tuple(name for name in node.attrs if isinstance(name, str))

    def attribute(self, key: str, name: str) -> str | NDArray[Any] | None:
        """Return an attribute as a string or an array; None if there is none, or an empty one."""
        node = self._find(key)
        with reading(f"{key}@{name}"):
            if node is None or name not in node.attrs:
                return None
            stored = node.attrs.get_id(name)
            if stored.dtype.hasobject and math.prod(stored.shape) > MOST_TEXTS:
                count = math.prod(stored.shape)
                raise DataError(f"{key}@{name}: found {count} strings or lists, expected one; correct the attribute")
            return plain(node.attrs[name])

    def _dataset(self, key: str) -> Any:
        node = self._find(key)
        with reading(key):
            found = holds_values(node)
        if not found:
            raise DataError(
                self._lost.get(key) or f"{key}: is missing or not a dataset; check that the file was written completely"
            )
        return node

    def _find(self, key: str) -> Any:
        # Readers ask for the same fields again and again, and every link on the way is looked up in the file.
        if key not in self._found:
            with reading(key):
                node = self._walk(key, self._root, key)
            if len(self._found) >= MOST_REMEMBERED:
                self._found.clear()
            self._found[key] = node
        return self._found[key]

    def _walk(self, key: str, node: Any, path: str) -> Any:
        """Follow `path` from `node`, link by link; None if there is nothing. `key` is the name in messages."""
        ahead, hops, target, behind = steps(path), 0, None, 0
        while ahead:
            # The target of the link exists; fields that it lacks are missing, as in any group.
            target = target if len(ahead) > behind else None
            name = ahead.pop()
            link: Any = node.get(name, getlink=True) if is_group(node) else None
            if link is None:
                return self._nothing(key, target)
            if not hasattr(link, "path"):
                node = node[name]
                continue
            if (hops := hops + 1) > MOST_LINKS:
                raise DataError(f"{key}: reached through more than {MOST_LINKS} chained links; correct them")
            target, behind = link, min(behind, len(ahead)) if target is not None else len(ahead)
            if hasattr(link, "filename"):
                node = self._linked_file(key, link.filename, node, "external link")
            elif link.path.startswith("/"):
                node = node.file
            if node is None:
                return self._nothing(key, target)
            ahead += steps(link.path)
        return node

    def _nothing(self, key: str, link: Any) -> None:
        """Note the target of a broken link."""
        if hasattr(link, "filename"):
            where = f"{link.path} of {link.filename}, which does not exist; copy that file next to this one"
            self._lost[key] = f"{key}: is a link to {where}"
        elif link is not None:
            self._lost[key] = f"{key}: is a link to {link.path}, which does not exist; correct the file"

    def _linked_file(self, key: str, name: str, beside: Any, what: str) -> Any:
        """Return the file `name` in the folder of another one; None if there is none."""
        target = (Path(beside.file.filename).resolve().parent / name).resolve()
        if not target.is_relative_to(self._folder):
            raise DataError(
                f"{key}: {what} to {name}, outside the file's own folder, is not followed; copy the data into one file"
            )
        if target not in self._files:
            if not target.is_file():
                return None
            self._files[target] = self._linked.enter_context(opened(target))
        return self._files[target]

    def _check_sources(self, key: str, dataset: Any, selection: Selection, depth: int) -> None:
        """Refuse values in other folders, missing sources, and virtual datasets that contain themselves."""
        if depth > MOST_LINKS:
            raise DataError(f"{key}: is a virtual dataset that contains itself; correct the file")
        if dataset.external:
            name = dataset.external[0][0]
            raise DataError(f"{key}: external storage to {name} is not followed; copy the data into one file")
        if not dataset.is_virtual:
            check_filters(key, dataset)
            check_lengths(key, dataset)
            check_backed(key, dataset, selection)
        for part in dataset.virtual_sources() if dataset.is_virtual else ():
            here = part.file_name == "."
            file = dataset.file if here else self._linked_file(key, part.file_name, dataset, "virtual dataset")
            source = None if file is None else self._walk(key, file, part.dset_name)
            if not is_dataset(source):
                # HDF5 would return zeros instead.
                where = f"{part.dset_name} of {'this file' if here else part.file_name}"
                raise DataError(f"{key}: is a virtual dataset whose source {where} is missing; copy that, too")
            self._check_sources(key, source, ..., depth + 1)


def steps(path: str) -> list[str]:
    """Return the names in a path inside a file, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def describe(dtype: np.dtype[Any]) -> str:
    """Return the name of a type, also of values of variable length."""
    return "strings, lists or references" if dtype.kind == "O" else str(dtype)


def is_group(node: Any) -> bool:
    """Return whether a node is a group."""
    return hasattr(node, "keys")


def is_dataset(node: Any) -> bool:
    """Return whether a node is a dataset."""
    return hasattr(node, "is_virtual")


def holds_values(node: Any) -> bool:
    """Return whether a node is a dataset, and neither an empty array of MATLAB nor a mere dimension of netCDF.

    The values of the first are sizes, those of the second zeros.
    """
    if not is_dataset(node) or MATLAB_EMPTY in node.attrs:
        return False
    name = plain(node.attrs[SCALE_NAME]) if SCALE_NAME in node.attrs else None
    return not (isinstance(name, str) and name.startswith(MERE_DIMENSION))


def plain(value: Any) -> str | NDArray[Any] | None:
    """Return the value of an attribute: a string, an array of other types, None for HDF5's "empty"."""
    if hasattr(value, "shape") and value.shape is None:
        return None
    values = np.asarray(value)
    if values.dtype.kind not in "SUO" or values.size != 1:
        return values
    text = values.item()
    return text.decode("utf-8", errors="replace") if isinstance(text, bytes) else str(text)
