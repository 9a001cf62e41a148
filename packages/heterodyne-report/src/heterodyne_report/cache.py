"""Folder of the compilation cache."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for compiled functions: ``heterodyne`` in the user's cache folder ($XDG_CACHE_HOME).

    Without a home folder, as in some containers, the returned folder cannot be written to.
    """
    if root := os.environ.get("XDG_CACHE_HOME"):
        return Path(root) / "heterodyne"
    try:
        return Path.home() / ".cache" / "heterodyne"
    except RuntimeError:
        return Path(os.devnull) / "heterodyne"
