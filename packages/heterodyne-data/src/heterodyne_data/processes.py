"""Common code of the processes started by a command."""

from __future__ import annotations

import os
import threading
import time

_PAUSE = 1.0
"""Seconds between checks of the parent."""


def end_with(parent: int) -> None:
    """Let this process exit if its parent process `parent` ends, so that no process remains after a run is killed."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE)
    os._exit(1)
