"""What processes that a command starts have in common."""

from __future__ import annotations

import os
import threading
import time

_PAUSE = 1.0
"""Seconds between two looks for the parent."""


def end_with(parent: int) -> None:
    """Let this process exit if its parent process `parent` ends, so that no process remains after a run is killed."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE)
    os._exit(1)
