"""A status line on the terminal that is overwritten with each update."""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import suppress
from typing import TextIO


class StatusLine:
    """One line that is overwritten on a terminal; in a log, a line every `pause` seconds (by default none)."""

    def __init__(self, stream: TextIO, pause: float = math.inf):
        self._stream, self._pause, self._last = stream, pause, time.monotonic()

    def show(self, text: str) -> None:
        """Replace the line by `text`."""
        if self._stream.isatty():
            # A wrapped line could not be overwritten.
            self._write(f"\r\033[K{text[: self._width() - 1]}")
        elif (now := time.monotonic()) - self._last >= self._pause:
            self._last = now
            self._write(f"{text}\n")

    def close(self) -> None:
        """Clear the line."""
        if self._stream.isatty():
            self._write("\r\033[K")

    def _width(self) -> int:
        """Return the number of columns of the terminal, unlimited if unknown."""
        with suppress(OSError, ValueError):
            return os.get_terminal_size(self._stream.fileno()).columns or sys.maxsize
        return sys.maxsize

    def _write(self, text: str) -> None:
        # A closed terminal must not stop the work.
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
