"""Packages that only some calls need, and a clear message where one is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from heterodyne_spec import MissingPackageError


def optional_package(name: str, purpose: str) -> Any:
    """Return an optional package of the extra ``notebook``, imported.

    Parameters
    ----------
    name : name under which it is imported.
    purpose : call that needs it, for the message.

    Raises
    ------
    MissingPackageError : if it is not installed.
    """
    if find_spec(name) is None:
        raise MissingPackageError(
            f"{purpose} requires {name}; install it with: pip install 'heterodyne-data[notebook]'"
        )
    return import_module(name)
