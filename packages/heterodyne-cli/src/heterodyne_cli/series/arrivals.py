"""Detection of complete files: size and modification time are unchanged between two scans.

The folder is polled, because network drives do not send change notifications.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heterodyne_cli.series.examining import Signature

PATTERNS = ("*.h5", "*.hdf", "*.hdf5", "*.nxs", "*.npz")
"""Default file patterns."""


@dataclass
class _Seen:
    signature: Signature
    since: float
    """Time of the first scan with this signature."""
    began: float
    """Time of the first scan since it was last processed."""
    growing: bool = False
    waiting: bool = True
    reported: bool = False


class Arrivals:
    """The files of a folder over successive scans; times in s of a monotonic clock."""

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}

    def update(self, found: Mapping[Path, Signature], now: float) -> list[Path]:
        """Update with the files of a scan; return the unchanged files that wait to be processed."""
        self._seen = {path: seen for path, seen in self._seen.items() if path in found}
        complete = []
        for path, signature in found.items():
            seen = self._seen.get(path)
            if seen is None:
                self._seen[path] = _Seen(signature, now, now)
            elif seen.signature != signature:
                began = seen.began if seen.waiting else now
                self._seen[path] = _Seen(
                    signature, now, began, growing=seen.waiting, reported=seen.reported and seen.waiting
                )
            elif seen.waiting:
                complete.append(path)
        return complete

    def soon(self, now: float) -> bool:
        """Return whether a file is new in this scan, so that a second scan soon can confirm that it is complete."""
        return any(seen.waiting and seen.since == now and not seen.growing for seen in self._seen.values())

    def mark_processed(self, path: Path) -> None:
        """Mark a file as processed until it changes."""
        self._seen[path].waiting = False

    def mark_waiting(self, path: Path) -> None:
        """Mark a file as waiting again; a deleted file counts as new when it reappears."""
        if (seen := self._seen.get(path)) is not None:
            seen.waiting = True

    def forget(self, path: Path) -> None:
        """Forget a file, as if it had never been seen."""
        self._seen.pop(path, None)

    def waiting(self) -> list[Path]:
        """Return all waiting files, complete or not."""
        return [path for path, seen in self._seen.items() if seen.waiting]

    def unchanged_for(self, path: Path, now: float) -> float:
        """Return how long a file has been unchanged, in s; 0 for a deleted file."""
        seen = self._seen.get(path)
        return 0.0 if seen is None else now - seen.since

    def is_late(self, path: Path, now: float, patience: float) -> bool:
        """Return True once if a file has been waiting for more than `patience` s."""
        seen = self._seen.get(path)
        if seen is None or seen.reported or not seen.waiting or now - seen.began <= patience:
            return False
        seen.reported = True
        return True


def scan_folder(folder: Path, patterns: Sequence[str], leave_out: Path) -> dict[Path, Signature] | None:
    """Return the files of a folder by absolute path, except those under `leave_out`; None if it is not available."""
    found = {}
    try:
        next(folder.iterdir(), None)
        for path in _matching(folder, patterns):
            if path.name.startswith(".") or path.is_relative_to(leave_out):
                continue
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                found[path] = Signature(status.st_size, status.st_mtime_ns)
    except OSError:
        return None
    return found


def _matching(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    return (path for pattern in patterns for path in folder.glob(pattern))
