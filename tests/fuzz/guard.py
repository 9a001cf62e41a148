"""What an input must not do to the machine: memory, files and programs, watched from inside the worker."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pickle.find_class", "os.fork")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_IN_OPEN, _IN_NONBLOCK = 0x20, 0o4000


class Guard:
    """Notes forbidden acts of Python code while it is on."""

    def __init__(self, may_write: Path):
        self._may_write = str(may_write)
        self.acts: list[str] = []
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in _FORBIDDEN:
            self.acts.append(f"{event} {given!r}"[:200])
        elif event == "open" and isinstance(given[0], str | bytes) and given[2] & _WRITING:
            path = str(Path(os.fsdecode(given[0])).absolute())
            if not path.startswith((self._may_write, "/dev/null")):
                self.acts.append(f"opened for writing: {path}")


class OpenedFiles:
    """Notes every file that is opened in some folders, by whatever code (inotify of Linux)."""

    def __init__(self, *folders: Path):
        library = ctypes.CDLL(None, use_errno=True)
        self._handle = library.inotify_init1(_IN_NONBLOCK)
        for folder in folders:
            if library.inotify_add_watch(self._handle, os.fsencode(folder), _IN_OPEN) < 0:
                raise OSError(ctypes.get_errno(), f"{folder} cannot be watched")

    def names(self) -> set[str]:
        """Return the names of files opened since the last call; that of the folder itself is empty."""
        found: set[str] = set()
        while True:
            try:
                raw = os.read(self._handle, 65536)
            except BlockingIOError:
                return found - {""}
            while raw:
                size = int.from_bytes(raw[12:16], sys.byteorder)
                found.add(raw[16 : 16 + size].rstrip(b"\0").decode(errors="replace"))
                raw = raw[16 + size :]


def peak_memory() -> int:
    """Return the largest resident memory of this process in bytes since `reset_peak_memory`."""
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def reset_peak_memory() -> None:
    """Begin to measure anew."""
    Path("/proc/self/clear_refs").write_text("5")


def resident_memory(pid: int) -> int:
    """Return the resident memory of a process in bytes, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def work_of(pid: int) -> tuple[float, bool]:
    """Return the processor time of a process in s, and whether it waits for something but the processor."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, False
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), fields[0] in "SD"
