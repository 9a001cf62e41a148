"""What processes that a command starts have in common."""

from __future__ import annotations

import os
import threading
import time

_PAUSE = 1.0
"""Seconds between two looks for the parent."""


def end_with(parent: int) -> None:
    """Have this process end once `parent`, which has started it, is gone: a killed run leaves nobody at work."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE)
    os._exit(1)
