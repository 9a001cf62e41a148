"""One run in the viewer: the maps of one q and the results from them.

Maps are read one azimuth at a time and kept up to a bound for the whole process, so that the server's memory does not
grow with the number of files that are looked at.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heterodyne_cli.view.windows import Pyramid
from heterodyne_data import RESULT_JSON_NAME, FittedData, NLSQResult, TwoTimeData, load_data, read_fitted_maps

type FloatArray = npt.NDArray[np.floating]

KEPT_BYTES = 1_000_000_000
"""Maps that are kept in memory, in bytes; two azimuths are kept in any case."""


class Cache:
    """Pyramids of maps by key, the least recently used dropped beyond `KEPT_BYTES`."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most, self._kept, self._lock = most, OrderedDict[object, tuple[Pyramid, ...]](), threading.Lock()

    def get(self, key: object, make: Callable[[], tuple[Pyramid, ...]]) -> tuple[Pyramid, ...]:
        """Return the cached pyramids of a key, or make them."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            found = self._kept[key] = make()
            while len(self._kept) > 2 and self.size > self._most:
                self._kept.popitem(last=False)
            return found

    @property
    def size(self) -> int:
        """Bytes of the cached maps."""
        return sum(one.values.nbytes for several in self._kept.values() for one in several)


_CACHE = Cache()
_SERIAL = itertools.count(1)


class Latest[T]:
    """What was made last, kept for the next page of the same run."""

    def __init__(self) -> None:
        self._lock, self._kept = threading.Lock(), list[tuple[object, T]]()

    def get(self, key: object, make: Callable[[], T]) -> T:
        """Return what is kept under a key, or make it."""
        with self._lock:
            if not self._kept or self._kept[0][0] != key:
                self._kept = [(key, make())]
            return self._kept[0][1]


@dataclass(frozen=True)
class Looked:
    """A run: `data` describes its maps, `result` is a fit of them or None, `valid` (n_phi, n_t) marks usable frames.

    `path` is the file or folder it comes from, and `serial` tells it from others of the same path; `read` returns data
    and, of a fit, model of an azimuth.
    """

    path: Path
    data: FittedData
    result: NLSQResult | None
    valid: npt.NDArray[np.bool_]
    read: Callable[[int], tuple[FloatArray, ...]] = field(repr=False)
    serial: int = 0

    @property
    def t(self) -> npt.NDArray[np.float64]:
        """Ages of the frames in s, (n_t,)."""
        return self.data.t

    @property
    def first_frame(self) -> int:
        """Number, from 1, of the first frame of the maps among those of the file: a fit may be of some frames only."""
        given = (self.result.config.get("data") or {}).get("frames") if self.result else None
        return int(given[0]) if given else 1

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from other runs, and from another fit in the same folder."""
        return str(self.path), self.data.q, self.result.cost if self.result else None, self.serial

    def pyramids(self, angle: int) -> tuple[Pyramid, ...]:
        """Return the maps of an azimuth (its position): data, and of a fit model."""
        return _CACHE.get((*self.key, angle), lambda: tuple(Pyramid.of(one) for one in self.read(angle)))


class Remembered[T]:
    """What was read from files, until they change."""

    def __init__(self, read: Callable[[Path], T]) -> None:
        self._read, self._kept = read, dict[Path, tuple[tuple[int, int], T]]()

    def __call__(self, path: Path, file: Path | None = None) -> T:
        """Return what is read from a path; `file` is the file that changes with it."""
        state = (file or path).stat()
        stamp = state.st_mtime_ns, state.st_size
        kept = self._kept.get(path)
        if kept is None or kept[0] != stamp:
            kept = self._kept[path] = stamp, self._read(path)
        return kept[1]


_SAVED = Remembered(lambda path: NLSQResult.load(path, maps=False))


def saved_result(path: Path) -> NLSQResult:
    """Return a saved fit without its maps.

    Raises
    ------
    ResultError : if it cannot be read.
    """
    file = path / RESULT_JSON_NAME if path.is_dir() else path
    # A missing file has its message from there.
    return _SAVED(path, file) if file.is_file() else NLSQResult.load(path, maps=False)


def look_at_measurement(path: Path, q: float | None) -> Looked:
    """Return the maps of a measurement at a q in 1/Å.

    Raises
    ------
    DataError : if they cannot be read.
    """
    return _of_data(load_data(path, q, hashed=False), path, path.stat().st_mtime_ns)


def look_at_data(data: TwoTimeData) -> Looked:
    """Return the run of a measurement in memory."""
    return _of_data(data, Path(), next(_SERIAL))


def _of_data(data: TwoTimeData, path: Path, serial: int) -> Looked:
    described = FittedData(data.q, data.phi, data.n_t, data.start_frame, data.dt, data.notes, data.provenance)
    return Looked(path, described, None, data.valid, lambda angle: (_without_diagonal(data.c2[angle]),), serial)


def look_at_result(path: Path) -> Looked:
    """Return the run of a saved fit (its folder or JSON file).

    Raises
    ------
    ResultError : if it cannot be read.
    """
    result = saved_result(path)

    def read(angle: int) -> tuple[FloatArray, ...]:
        return tuple(map(_without_diagonal, read_fitted_maps(path, result, angle)))

    valid = np.ones((len(result.data.phi), result.data.n_frames), bool)
    return Looked(path, result.data, result, valid, read)


def look_at_fit(result: NLSQResult) -> Looked:
    """Return the run of a fit in memory, which has its maps."""
    maps = result.maps
    assert maps is not None
    valid = np.ones((len(result.data.phi), result.data.n_frames), bool)
    return Looked(
        *(Path(), result.data, result, valid),
        lambda angle: tuple(_without_diagonal(kind[angle]) for kind in maps),
        next(_SERIAL),
    )


def _without_diagonal(values: FloatArray) -> FloatArray:
    """Return a map without its diagonal, which is shot noise and not fitted."""
    found = np.array(values, np.float32)
    np.fill_diagonal(found, np.nan)
    return found
