"""Common code of the processes started by a command, and the cores they may use."""

from __future__ import annotations

import os
import threading
import time

_PAUSE = 1.0
"""Seconds between checks of the parent."""


def available_cores() -> int:
    """Return the number of cores that this process may use; a scheduler may have given it fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end_with(parent: int) -> None:
    """Let this process exit if its parent process `parent` ends, so that no process remains after a run is killed."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE)
    os._exit(1)
