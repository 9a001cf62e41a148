"""Faults from inside a command: a signal at a stage of its work, a clock that jumps. Python imports this first.

FAULT_STAGE names a function as ``end of the file's path:qualified name``; FAULT_CALL (from 1) which of its calls;
FAULT_DELAY seconds after it; FAULT_SIGNAL what is sent, to the process group where FAULT_GROUP is set.
FAULT_CLOCK is two numbers of seconds with a colon between: after how much work of a process
the time of day jumps, and how far.
FAULT_UP names a file that is made when the first line of the command's own code runs.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

_TOOL = 4
"""One of the numbers of `sys.monitoring` that nobody has taken."""


def _send(number: int, delay: float, group: bool) -> None:
    time.sleep(delay)
    if group:
        os.killpg(0, number)
    else:
        os.kill(os.getpid(), number)


class _At:
    """Does something when a function is called for the `call`-th time."""

    def __init__(self, stage: str, call: int, do: Callable[[], None]):
        self._file, self._name = stage.split(":")
        self._call, self._do, self._calls = call, do, 0

    def is_at(self, code: CodeType) -> bool:
        return code.co_qualname == self._name and code.co_filename.endswith(self._file)

    def count(self) -> None:
        self._calls += 1
        if self._calls == self._call:
            self._do()


def _strike(delay: float, number: int, group: bool) -> None:
    """Send a signal `delay` s from now."""
    if delay:
        threading.Thread(target=_send, args=(number, delay, group), daemon=True).start()
    else:
        _send(number, 0.0, group)


def _have(events: list[_At]) -> None:
    def entered(code: CodeType, offset: int) -> Any:
        at = [event for event in events if event.is_at(code)]
        for event in at:
            event.count()
        return None if at else sys.monitoring.DISABLE

    sys.monitoring.use_tool_id(_TOOL, "faults")
    sys.monitoring.register_callback(_TOOL, sys.monitoring.events.PY_START, entered)
    sys.monitoring.set_events(_TOOL, sys.monitoring.events.PY_START)


def _jump(delay: float, seconds: float) -> None:
    """Have the time of day jump after `delay` s of work; clocks that only go forward are as they were."""
    true, true_ns, worked = time.time, time.time_ns, time.process_time

    def shift() -> float:
        return seconds if worked() >= delay else 0.0

    time.time = lambda: true() + shift()
    time.time_ns = lambda: true_ns() + int(1e9 * shift())


# Not for the processes that the command starts.
_events = []
if up := os.environ.pop("FAULT_UP", None):
    _events.append(_At("/entry.py:main", 1, Path(up).touch))
if stage := os.environ.pop("FAULT_STAGE", None):
    _delay = float(os.environ.pop("FAULT_DELAY", "0"))
    _number = int(os.environ.pop("FAULT_SIGNAL", str(signal.SIGINT.value)))
    _group = bool(os.environ.pop("FAULT_GROUP", ""))
    _call = int(os.environ.pop("FAULT_CALL", "1"))
    _events.append(_At(stage, _call, lambda: _strike(_delay, _number, _group)))
if _events:
    _have(_events)
if jump := os.environ.get("FAULT_CLOCK"):
    _jump(*(float(part) for part in jump.split(":")))
