"""Worker processes: each runs one task after another and sends messages; waiting for messages of several workers.

A task is a generator whose items are sent as messages immediately. Each process keeps its compiled functions; if a
process dies, only its current task is lost.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn, Protocol

from heterodyne_data import end_with
from heterodyne_spec import HeterodyneError
from heterodyne_spec.terminal import said_of

_GRACE = 0.5
"""Time for a process to remove partial files, in s."""


@dataclass(frozen=True)
class Died:
    """A task failed or its process died; `text` is the reason."""

    text: str


class Done:
    """A task is finished."""


class LaneError(HeterodyneError):
    """A worker process cannot be prepared."""


class Lane(Protocol):
    """Runs one task after another."""

    @property
    def idle(self) -> bool:
        """Whether a task can be started."""

    def give(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        """Start a task."""

    def read(self) -> Any:
        """Return the next message of the task; Done at its end, Died if it failed."""

    def terminate(self) -> None:
        """Request termination, even during a task."""

    def end(self, grace: float) -> None:
        """Stop, after waiting at most `grace` s."""


class Tellings(Protocol):
    """Waits for messages of workers, for at most some seconds."""

    def __call__(self, lanes: Sequence[Any], seconds: float, /) -> list[tuple[Any, Any]]:
        """Return pairs of worker and message."""


class Process:
    """A worker in a separate process, which is replaced if it dies; the task `first` runs before all others."""

    def __init__(self, first: Callable[..., Iterator[Any]] | None = None, *arguments: Any):
        self._first, self._arguments = first, arguments
        self.idle = True
        self.connection, self._process = _started()
        self._prepare()

    def _prepare(self) -> None:
        if self._first is not None:
            self.give(self._first, *self._arguments)

    def give(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        """Start a task."""
        assert self.idle, "the worker has a task"
        self.idle = False
        with contextlib.suppress(OSError):  # a process that died while idle is detected when reading
            self.connection.send((task, arguments))

    def read(self) -> Any:
        """Return the next message of the task; Done at its end, Died if it failed or the process died."""
        try:
            told = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            self.connection.close()
            self.connection, self._process = _started()
            self.idle = True
            self._prepare()
            return Died(f"the worker died ({_how(code)})")
        self.idle = isinstance(told, Done | Died)
        return told

    def terminate(self) -> None:
        """Request termination, even during a task; partial files are removed if the process has enough time."""
        self._process.terminate()

    def end(self, grace: float) -> None:
        """Stop, after waiting at most `grace` s."""
        self._process.join(grace)
        self._process.kill()
        self.connection.close()


def end_all(lanes: Sequence[Lane]) -> None:
    """Stop all workers, even during a task."""
    for lane in lanes:
        lane.terminate()
    until = time.monotonic() + _GRACE
    for lane in lanes:
        lane.end(max(until - time.monotonic(), 0.0))


def tellings(lanes: Sequence[Process], seconds: float) -> list[tuple[Process, Any]]:
    """Return pairs of worker and message, after waiting at most `seconds`."""
    busy = {lane.connection: lane for lane in lanes if not lane.idle}
    if not busy:
        time.sleep(max(seconds, 0.0))
        return []
    ready = wait(list(busy), max(seconds, 0.0))
    return [(busy[one], busy[one].read()) for one in ready if isinstance(one, Connection)]


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return f"{name}, possibly out of memory" if name == "SIGKILL" else name
    return f"exit code {code}"


def _started() -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, os.getpid()), daemon=True)
    with _without_interrupts():
        process.start()
    there.close()
    return here, process


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started in this context ignore Ctrl-C and do not import the user's script."""
    # SIGINT is blocked, not ignored: in this process it is delivered afterwards. The child inherits the mask.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _serve(connection: Connection, parent: int) -> None:
    """Run tasks until the parent ends; signals sent to the whole process group are left to the parent."""
    signal.signal(signal.SIGTERM, _leave)
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    end_with(parent)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task, arguments = connection.recv()
            connection.send(_done(task(*arguments), connection))


def _done(tellings: Iterator[Any], connection: Connection) -> Done | Died:
    """Send the messages of a task, and return how it ended."""
    while True:
        try:
            told = next(tellings)
        except StopIteration:
            return Done()
        except Exception as error:
            return Died(said_of(error))
        connection.send(told)


def _leave(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)
