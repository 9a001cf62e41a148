"""Writing with retries, if a disk is full or a drive is temporarily not available."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from heterodyne_spec import OutputError

PAUSE = 5.0
"""Seconds between two attempts."""

TEMPORARY_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ENOENT, errno.ENOTCONN, errno.EHOSTDOWN), "the drive is not available"
    ),
}
"""Errors that may be temporary."""


@dataclass(frozen=True)
class Notice:
    """A message on the beginning or end of waiting."""

    text: str


def retry_write[T](write: Callable[[], T]) -> Generator[Notice, None, T]:
    """Return the result of `write`, retried after temporary errors; yield messages on waiting.

    Raises
    ------
    OutputError : if the error is not temporary.
    """
    waited = False
    while True:
        try:
            found = write()
        except OutputError as error:
            reason = TEMPORARY_ERRORS.get(error.errno or 0)
            if reason is None:
                raise
            if not waited:
                yield Notice(f"{reason}: {error}; free space or reconnect the drive: retrying every {PAUSE:g} s")
            waited = True
            time.sleep(PAUSE)
        else:
            if waited:
                yield Notice("written; continuing")
            return found
