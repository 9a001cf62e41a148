"""A process that does one task after another and tells what comes out, and the wait for several of them.

A task is a generator: what it yields is sent on at once. Compiled functions stay in their process; one that dies takes
its task with it, and no other.
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
"""Seconds that a process has to remove what it has half written."""


@dataclass(frozen=True)
class Died:
    """A task has broken off, or its process has; `text` says why."""

    text: str


class Done:
    """A task has come to its end."""


class LaneError(HeterodyneError):
    """A process for fits cannot be made ready."""


class Lane(Protocol):
    """What does one task after another."""

    @property
    def idle(self) -> bool:
        """Whether a task can be given."""

    def give(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        """Begin a task."""

    def read(self) -> Any:
        """Return what the task tells next; Done at its end, Died where there is no more to come."""

    def terminate(self) -> None:
        """Ask to end, whatever is going on."""

    def end(self, grace: float) -> None:
        """End after at most `grace` s."""


class Tellings(Protocol):
    """The wait for what lanes tell, of at most some seconds."""

    def __call__(self, lanes: Sequence[Any], seconds: float, /) -> list[tuple[Any, Any]]:
        """Return what was told, and by which lane."""


class Process:
    """A lane in a process of its own, which a new one replaces when it dies; `first` is done before any task."""

    def __init__(self, first: Callable[..., Iterator[Any]] | None = None, *arguments: Any):
        self._first, self._arguments = first, arguments
        self.idle = True
        self.connection, self._process = _started()
        self._prepare()

    def _prepare(self) -> None:
        if self._first is not None:
            self.give(self._first, *self._arguments)

    def give(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        """Begin a task."""
        assert self.idle, "the lane has a task"
        self.idle = False
        with contextlib.suppress(OSError):  # one that died while it was idle shows when it is read
            self.connection.send((task, arguments))

    def read(self) -> Any:
        """Return what the task tells next; Done at its end, Died where the process has ended."""
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
        """Ask to end, whatever is going on; what is half written is removed where the process gets to it in time."""
        self._process.terminate()

    def end(self, grace: float) -> None:
        """End after at most `grace` s."""
        self._process.join(grace)
        self._process.kill()
        self.connection.close()


def end_all(lanes: Sequence[Lane]) -> None:
    """End all lanes, whatever they do."""
    for lane in lanes:
        lane.terminate()
    until = time.monotonic() + _GRACE
    for lane in lanes:
        lane.end(max(until - time.monotonic(), 0.0))


def tellings(lanes: Sequence[Process], seconds: float) -> list[tuple[Process, Any]]:
    """Return what lanes have told, after at most `seconds` of waiting for it."""
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
    """Have a process that is started meanwhile take no part in Ctrl-C, and run nothing of the user's script."""
    # Blocked, not ignored: here Ctrl-C waits until the process is started. The child keeps the mask.
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
    """Do tasks until there is nobody left to give them; what asks all processes to end is left to the parent."""
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
    """Send on what a task tells, and return how it ended."""
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
