"""One series at a time in a folder of results."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import SoftFileLock, Timeout

from heterodyne_spec import OutputError

NAME = ".lock"
_PATIENCE = 2.5
"""Seconds after which a lock is another's: long enough to see that one was left behind."""


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep other series out of a folder of results, which is made where there is none.

    The lock is a file with the number of the process and the name of its machine: locks of the system do not work on
    many network drives. One whose process is gone from this machine is taken over.

    Raises
    ------
    OutputError : when another series is at work there, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = SoftFileLock(folder / NAME)
        lock.acquire(timeout=_PATIENCE, poll_interval=0.05)
    except Timeout:
        holder = f"process {lock.pid}" if lock.pid is not None else "a process"
        raise OutputError(
            f"{folder}: another watch or batch writes there ({holder}); choose another --output, or, if that has ended "
            f"on another machine, remove {folder / NAME}"
        ) from None
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another --output", error.errno
        ) from None
    try:
        yield
    finally:
        # The drive may be away: then the lock is found to be left behind.
        with contextlib.suppress(OSError):
            lock.release()
