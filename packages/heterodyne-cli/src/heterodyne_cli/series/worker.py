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
from heterodyne_spec import HeterodyneError, error_text

_GRACE = 0.5
"""Time for a process to remove partial files, in s."""


@dataclass(frozen=True)
class Aborted:
    """A task failed or its process died; `text` is the reason."""

    text: str


class Finished:
    """A task is finished."""


class WorkerError(HeterodyneError):
    """A worker process cannot be prepared."""


class Worker(Protocol):
    """Runs one task after another."""

    @property
    def idle(self) -> bool:
        """Whether a task can be started."""

    def start(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        """Start a task."""

    def receive(self) -> Any:
        """Return the next message of the task; Finished at its end, Aborted if it failed."""

    def terminate(self) -> None:
        """Request termination, even during a task."""

    def stop(self, grace: float) -> None:
        """Stop, after waiting at most `grace` s."""


class MessageReceiver(Protocol):
    """Waits for messages of workers, for at most some seconds."""

    def __call__(self, workers: Sequence[Any], seconds: float, /) -> list[tuple[Any, Any]]:
        """Return pairs of worker and message."""


class WorkerProcess:
    """A worker in a separate process, which is replaced if it dies; the task `first` runs before all others."""

    def __init__(self, first: Callable[..., Iterator[Any]] | None = None, *arguments: Any):
        self._first, self._arguments = first, arguments
        self.idle = True
        self.connection, self._process = _start_process()
        self._prepare()

    def _prepare(self) -> None:
        if self._first is not None:
            self.start(self._first, *self._arguments)

    def start(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        """Start a task."""
        assert self.idle, "the worker has a task"
        self.idle = False
        with contextlib.suppress(OSError):  # a process that died while idle is detected when reading
            self.connection.send((task, arguments))

    def receive(self) -> Any:
        """Return the next message of the task; Finished at its end, Aborted if it failed or the process died."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            self.connection.close()
            self.connection, self._process = _start_process()
            self.idle = True
            self._prepare()
            return Aborted(f"the worker died ({_describe_exit(code)})")
        self.idle = isinstance(message, Finished | Aborted)
        return message

    def terminate(self) -> None:
        """Request termination, even during a task; partial files are removed if the process has enough time."""
        self._process.terminate()

    def stop(self, grace: float) -> None:
        """Stop, after waiting at most `grace` s."""
        self._process.join(grace)
        self._process.kill()
        self.connection.close()


def stop_all(workers: Sequence[Worker]) -> None:
    """Stop all workers, even during a task."""
    for worker in workers:
        worker.terminate()
    until = time.monotonic() + _GRACE
    for worker in workers:
        worker.stop(max(until - time.monotonic(), 0.0))


def receive_messages(workers: Sequence[WorkerProcess], seconds: float) -> list[tuple[WorkerProcess, Any]]:
    """Return pairs of worker and message, after waiting at most `seconds`."""
    busy = {worker.connection: worker for worker in workers if not worker.idle}
    if not busy:
        time.sleep(max(seconds, 0.0))
        return []
    ready = wait(list(busy), max(seconds, 0.0))
    return [(busy[one], busy[one].receive()) for one in ready if isinstance(one, Connection)]


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return f"{name}, possibly out of memory" if name == "SIGKILL" else name
    return f"exit code {code}"


def _start_process() -> tuple[Connection, BaseProcess]:
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
    signal.signal(signal.SIGTERM, _exit_on_signal)
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    end_with(parent)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task, arguments = connection.recv()
            connection.send(_run_task(task(*arguments), connection))


def _run_task(messages: Iterator[Any], connection: Connection) -> Finished | Aborted:
    """Send the messages of a task, and return how it ended."""
    while True:
        try:
            message = next(messages)
        except StopIteration:
            return Finished()
        except Exception as error:
            return Aborted(error_text(error))
        connection.send(message)


def _exit_on_signal(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)
