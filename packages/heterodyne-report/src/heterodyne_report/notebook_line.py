"""A line of progress in a notebook: one output of the cell that is replaced, because carriage returns pile up there."""

from __future__ import annotations

import sys
import time
import uuid
from typing import Any

_LEAST = 0.2
"""Seconds between updates: every one is a message to the browser."""


class NotebookLine:
    """One output of a notebook cell that is replaced by the next text; empty after `close`."""

    def __init__(self, publisher: Any):
        self._publisher, self._id = publisher, uuid.uuid4().hex
        self._shown, self._last = "", 0.0
        self._begun = False

    def show(self, text: str) -> None:
        """Replace the output by `text`, if the last update is long enough ago."""
        now = time.monotonic()
        if text != self._shown and (not self._shown or now - self._last >= _LEAST):
            self._last = now
            self._publish(text)

    def close(self) -> None:
        """Empty the output, if anything was shown."""
        if self._shown:
            self._publish("")

    def _publish(self, text: str) -> None:
        data, transient = {"text/plain": text}, {"display_id": self._id}
        self._publisher.publish(data, transient=transient, update=self._begun)
        self._shown, self._begun = text, True


def notebook_line() -> NotebookLine | None:
    """Return a line in the notebook that runs this code, None elsewhere, IPython in a terminal included.

    IPython is not imported, because it is already loaded in a notebook.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return NotebookLine(shell.display_pub) if hasattr(shell, "kernel") else None
