"""Whatever a decoder raises on a damaged file, as one line that names the place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from heterodyne_spec import DataError


@contextmanager
def reading(key: str) -> Iterator[None]:
    """Turn any failure to read `key` into a DataError.

    Damage can show as nearly any exception: with random bytes changed, h5py and
    zipfile raise OSError, RuntimeError, KeyError, ValueError, TypeError,
    NotImplementedError and more. Only calls into them stand in the body.
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
    """Return the telling part of an error text: HDF5 puts it into parentheses."""
    return (text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text)[:160]
