"""Where the commands keep what the next run can use."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return where compiled functions are kept: ``heterodyne`` in the user's cache folder ($XDG_CACHE_HOME).

    A user without a home, as in some containers, gets a folder that nothing can be kept in.
    """
    if root := os.environ.get("XDG_CACHE_HOME"):
        return Path(root) / "heterodyne"
    try:
        return Path.home() / ".cache" / "heterodyne"
    except RuntimeError:
        return Path(os.devnull) / "heterodyne"
