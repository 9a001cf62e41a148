"""Conversion of errors from reading damaged files into one-line messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from heterodyne_spec import DataError


@contextmanager
def reading(key: str) -> Iterator[None]:
    """Convert any failure to read `key` into a DataError.

    Damaged files can cause almost any exception: with random changes of bytes, h5py and zipfile raise OSError,
    RuntimeError, KeyError, ValueError, TypeError, NotImplementedError and others. The body must only call these.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        text = " ".join(str(error).strip("'\"").split())
        raise DataError(
            f"{key}: cannot be read, the file is damaged there ({reason(text)}); copy it again from its origin"
        ) from error


def reason(text: str) -> str:
    """Return the informative part of an error text, which HDF5 puts into parentheses."""
    return (text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text)[:160]
