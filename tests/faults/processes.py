"""A command as a process of its own session: everything it starts is found by the number of that session."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_TICKS = os.sysconf("SC_CLK_TCK")
LIMIT = 1800.0
"""Seconds after which a command hangs."""
_GRACE = 6.0
"""Seconds in which all that a command has started must be gone after it."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and when: `code` is negative for a signal; `alive` are processes that it left behind.

    `work` is the processor time of all its processes in s.
    """

    code: int
    out: str
    err: str
    work: float
    ended: float
    alive: tuple[str, ...]
    hung: bool


class Running:
    """A command at work; what it prints goes to files beside its folder, unless `streams` says otherwise."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        beside: Path,
        *,
        before: Callable[[], None] | None = None,
        stdout: IO[bytes] | int | None = None,
    ):
        self._paths = beside.with_suffix(".out"), beside.with_suffix(".err")
        self.up = beside.with_suffix(".up")
        self.up.unlink(missing_ok=True)
        with self._paths[0].open("wb") as out, self._paths[1].open("wb") as err:
            self.process = subprocess.Popen(
                argv,
                env={**env, "FAULT_UP": str(self.up)},
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
                start_new_session=True,
                preexec_fn=lambda: _prepare(before),
            )
        self.pid = self.process.pid

    def wait_for(self, work: float) -> bool:
        """Wait until the command has worked for as long; tell whether it still runs.

        Processor time, in s, of all its processes since the first line of its own code: how long a run takes depends
        on what else the machine does, how much it takes hardly.
        """
        while not self.up.exists() and self.process.poll() is None:
            time.sleep(0.002)
        begin = self.work()
        while self.process.poll() is None and self.work() - begin < work:
            time.sleep(0.005)
        return self.process.poll() is None

    def work(self) -> float:
        """Return the processor time in s that all processes of the command have taken until now."""
        return sum(one.work for one in _session(self.pid))

    def said(self) -> str:
        """Return what the command has printed until now."""
        return self._paths[0].read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the command, or to all that it has started as well."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)

    def children(self) -> list[int]:
        """Return the processes of the session besides the command."""
        return [one.pid for one in _session(self.pid) if one.pid != self.pid and one.alive]

    def end(self) -> Ended:
        """Wait for the end, and for that of all that it has started."""
        begin, work, hung = time.monotonic(), 0.0, False
        while self.process.poll() is None:
            work = max(work, self.work())
            hung = time.monotonic() - begin > LIMIT
            if hung:
                self.signal(signal.SIGKILL, group=True)
            time.sleep(0.02)
        ended = time.monotonic()
        until = time.monotonic() + _GRACE
        while (left := self.children()) and time.monotonic() < until:
            time.sleep(0.05)
        alive = tuple(_said(pid) for pid in left)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.up.unlink(missing_ok=True)
        out, err = (path.read_text(encoding="utf-8", errors="replace") for path in self._paths)
        return Ended(self.process.returncode, out, err, work, ended, alive, hung)


_GROUP = Path("/proc/self/autogroup")
"""Linux weighs sessions against each other: those started here take the weight of this one."""


def _prepare(before: Callable[[], None] | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # This program may itself have been started in the background, or under nohup.
        signal.signal(number, signal.SIG_DFL)
    if _WEIGHT:
        with suppress(OSError):
            _GROUP.write_text(_WEIGHT)
    if before is not None:
        before()


def _weight() -> str:
    with suppress(OSError):
        return _GROUP.read_text().partition("nice ")[2].strip()
    return ""


_WEIGHT = _weight()


@dataclass(frozen=True)
class _Process:
    pid: int
    alive: bool
    work: float


def _session(number: int) -> list[_Process]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError, ValueError):
            # After the name, which may hold anything: state, parent, group, session; times with those of children.
            fields = entry.joinpath("stat").read_text().rpartition(") ")[2].split()
            if int(fields[3]) == number:
                work = sum(map(int, fields[11:15])) / _TICKS
                found.append(_Process(int(entry.name), fields[0] != "Z", work))
    return found


def _said(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120]
    return str(pid)
