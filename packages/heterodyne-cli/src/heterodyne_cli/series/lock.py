"""A lock on the results folder: only one series at a time writes to it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import SoftFileLock, Timeout

from heterodyne_spec import OutputError

NAME = ".lock"
_ENDED = ".ended"
"""An empty file that is as old as the end of the last series."""
_PATIENCE = 2.5
"""Timeout in s for acquiring the lock; long enough to detect a stale lock."""


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a results folder, which is created if missing, against other series.

    The lock is a file with process number and machine name, because system locks do not work on many network drives.
    A lock of a process on this machine that no longer exists is taken over.

    Raises
    ------
    OutputError : if another series is running there, or the folder is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = SoftFileLock(folder / NAME)
        lock.acquire(timeout=_PATIENCE, poll_interval=0.05)
    except Timeout:
        holder = f"process {lock.pid}" if lock.pid is not None else "a process"
        raise OutputError(
            f"{folder}: in use by another watch or batch ({holder}); choose another --output, or remove "
            f"{folder / NAME} if that run has ended on another machine"
        ) from None
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another --output", error.errno
        ) from None
    ended = folder / _ENDED
    try:
        with contextlib.suppress(OSError):
            ended.unlink(missing_ok=True)
        yield
    finally:
        # If the drive is not available, the lock file remains and is later recognised as stale.
        with contextlib.suppress(OSError):
            ended.touch()
        with contextlib.suppress(OSError):
            lock.release()


def ended_at(folder: Path) -> float | None:
    """Return when the last series of a folder ended, in s since the epoch; None if it was killed, or still runs."""
    try:
        return (folder / _ENDED).stat().st_mtime
    except OSError:
        return None


def is_locked(folder: Path) -> bool:
    """Return whether a series runs in a folder, according to its lock; nothing is changed there."""
    try:
        words = (folder / NAME).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return False
    if len(words) < 2 or not words[0].isdigit() or words[1] != socket.gethostname():
        # The processes of another machine cannot be checked.
        return True
    return _runs(int(words[0]))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # A process of another user.
        return True
    return True
