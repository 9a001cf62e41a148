"""Entry points of installed distributions, remembered: Python reads the files of all of them at every question."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as look_up
from pathlib import Path


def entry_points(*, group: str, name: str | None = None) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, only those called `name` if given.

    They are looked up again when the search path, or the content of a folder on it, has changed.
    """
    found = _entry_points(group, tuple((folder, _changed(folder)) for folder in sys.path))
    return tuple(point for point in found if name in (None, point.name))


@functools.lru_cache(maxsize=64)
def _entry_points(group: str, searched: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    return tuple(look_up(group=group))


def _changed(folder: str) -> int:
    """Return when something was last added to a folder, in ns; 0 if it does not exist."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0
