"""Writing where a disk may be full, or a drive away, for a while."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from heterodyne_spec.files import OutputError

PAUSE = 5.0
"""Seconds between two attempts."""

PASSING = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    **dict.fromkeys((errno.EIO, errno.ESTALE, errno.ENOENT, errno.ENOTCONN, errno.EHOSTDOWN), "the drive is away"),
}
"""Reasons that people remove, or that go away, while a program waits."""


@dataclass(frozen=True)
class Waiting:
    """Something is waited for, said once; or it is waited for no longer."""

    text: str


def patiently[T](write: Callable[[], T], pause: float = PAUSE) -> Generator[Waiting, None, T]:
    """Return what `write` returns, after as many attempts as it takes; yield what is waited for.

    Raises
    ------
    OutputError : when waiting does not help.
    """
    waited = False
    while True:
        try:
            found = write()
        except OutputError as error:
            reason = PASSING.get(error.errno or 0)
            if reason is None:
                raise
            if not waited:
                yield Waiting(f"{reason}: {error}; make room or bring it back: trying again every {pause:g} s")
            waited = True
            time.sleep(pause)
        else:
            if waited:
                yield Waiting("written after all: going on")
            return found
