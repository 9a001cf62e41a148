"""Scanning of a watched folder; polling is used because network drives do not send change notifications."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from heterodyne_cli.series.examining import Signature

PATTERNS = ("*.h5", "*.hdf", "*.hdf5", "*.nxs", "*.npz")


def look(folder: Path, patterns: Sequence[str], leave_out: Path) -> dict[Path, Signature] | None:
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
