"""Which files have come to rest: size and time of change are the same at two looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from heterodyne_cli.series.examining import Signature


@dataclass
class _Seen:
    signature: Signature
    since: float
    """When it was first seen as it is."""
    began: float
    """When it was first seen since it was last dealt with."""
    growing: bool = False
    waiting: bool = True
    told: bool = False


class Arrivals:
    """The files of a folder from look to look; times in s on any clock that only goes forward."""

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}

    def look(self, found: Mapping[Path, Signature], now: float) -> list[Path]:
        """Take what is there now; return the files that have come to rest and wait to be dealt with."""
        self._seen = {path: seen for path, seen in self._seen.items() if path in found}
        rested = []
        for path, signature in found.items():
            seen = self._seen.get(path)
            if seen is None:
                self._seen[path] = _Seen(signature, now, now)
            elif seen.signature != signature:
                began = seen.began if seen.waiting else now
                self._seen[path] = _Seen(signature, now, began, growing=seen.waiting, told=seen.told and seen.waiting)
            elif seen.waiting:
                rested.append(path)
        return rested

    def soon(self, now: float) -> bool:
        """Tell whether a file was first seen at this look: a second one tells whether it is at rest."""
        return any(seen.waiting and seen.since == now and not seen.growing for seen in self._seen.values())

    def settle(self, path: Path) -> None:
        """Have a file wait no longer, until it changes."""
        self._seen[path].waiting = False

    def again(self, path: Path) -> None:
        """Have a file wait again; one that is gone is new when it is back."""
        if (seen := self._seen.get(path)) is not None:
            seen.waiting = True

    def forget(self, path: Path) -> None:
        """Take a file as one that was never seen."""
        self._seen.pop(path, None)

    def waiting(self) -> list[Path]:
        """Return the files that wait, at rest or not."""
        return [path for path, seen in self._seen.items() if seen.waiting]

    def at_rest_for(self, path: Path, now: float) -> float:
        """Return how long a file has been as it is, in s; 0 for one that is gone."""
        seen = self._seen.get(path)
        return 0.0 if seen is None else now - seen.since

    def late(self, path: Path, now: float, patience: float) -> bool:
        """Tell once that a file waits longer than `patience` s."""
        seen = self._seen.get(path)
        if seen is None or seen.told or not seen.waiting or now - seen.began <= patience:
            return False
        seen.told = True
        return True
