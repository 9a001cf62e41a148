"""Workers side by side, replaced when they die, hang or take too much memory."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from guard import resident_memory, work_of
from worker import Outcome, work

MOST_SECONDS = 10.0
"""Of one input: at work, or waiting for something but the processor, which others may have for longer."""
MOST_MEMORY = 2_000_000_000
_LOOK = 0.03


class _Worker:
    def __init__(self, seed: int, folder: Path):
        self._seed, self._folder = seed, folder
        self.k: int | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, other = context.Pipe()
        self.process: BaseProcess = context.Process(target=work, args=(self._seed, self._folder, other), daemon=True)
        self.process.start()
        other.close()
        self.ready, self.said = False, ("", "")

    def give(self, k: int) -> None:
        self.k, self._looked, self._waited, self.said = k, time.monotonic(), 0.0, ("made", "not yet")
        self._begin, _ = work_of(self.process.pid or 0)
        self.line.send(k)

    def trouble(self) -> str:
        """Return what is wrong with the input at work, empty when nothing is."""
        pid, now = self.process.pid or 0, time.monotonic()
        if (memory := resident_memory(pid)) > MOST_MEMORY:
            return f"memory: {memory / 1e9:.1f} GB and more"
        (end, waits), since, self._looked = work_of(pid), now - self._looked, now
        worked, self._waited = end - self._begin, self._waited + since if waits else 0.0
        if max(worked, self._waited) > MOST_SECONDS:
            return f"hang: {worked:.0f} s at work, the last {self._waited:.0f} s waiting"
        return ""

    def replace(self) -> None:
        self.stop()
        self.k = None
        self._start()

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.line.close()


def outcomes(seed: int, ks: Iterator[int], workers: int, seconds: float | None = None) -> Iterator[Outcome]:
    """Yield what becomes of inputs, for `seconds` at most."""
    end = None if seconds is None else time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        team = [_Worker(seed, Path(folder) / str(n)) for n in range(workers)]
        try:
            while team:
                ready: list[Connection] = wait([one.line for one in team], timeout=_LOOK)  # type: ignore[assignment]
                for one in list(team):
                    yield from _look_at(one, one.line in ready)
                    if one.ready and one.k is None:
                        k = None if end is not None and time.monotonic() > end else next(ks, None)
                        if k is None:
                            one.stop()
                            team.remove(one)
                        else:
                            one.give(k)
        finally:
            for one in team:
                one.stop()


def _look_at(one: _Worker, spoke: bool) -> Iterator[Outcome]:
    """Take what a worker has to say, and replace it where it went astray."""
    trouble = ""
    if spoke:
        try:
            said = one.line.recv()
        except (EOFError, OSError):
            one.process.join()
            if one.k is None:
                raise RuntimeError("a worker ended before its first input") from None
            trouble = f"crash: the process ended with {one.process.exitcode}"
        else:
            one.ready = True
            if isinstance(said, Outcome):
                one.k = None
                yield said
            elif isinstance(said, tuple):
                one.said = said
    elif one.k is not None:
        trouble = one.trouble()
    if trouble and one.k is not None:
        word = trouble.partition(":")[0]
        yield Outcome(one.k, *one.said, False, 0.0, 0, trouble, word)
        one.replace()
