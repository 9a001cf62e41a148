"""Contents of the viewer: the measurements, results and series it was opened with, and fits made since."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from heterodyne_cli.series.lock import ended_at, is_locked
from heterodyne_cli.series.record import NAME as RECORD_NAME
from heterodyne_cli.series.record import Record
from heterodyne_cli.series.row import FAILED, Row, quality, values_of
from heterodyne_cli.view.measured import Latest, Looked, Remembered, look_at_measurement, look_at_result, saved_result
from heterodyne_cli.view.running import Fits
from heterodyne_data import JOINT_NAME, RESULT_JSON_NAME, NLSQResult, list_maps, mean_q, open_source, q_groups
from heterodyne_spec import MEASUREMENTS, ConfigError, DataError, HeterodyneError, Problem, ResultError, read_document

type Kind = Literal["measurement", "result", "failed"]


@dataclass(frozen=True)
class Item:
    """One line of the table: a q of a measurement, a fit, or a file that could not be fitted.

    `row` has the columns of a series' summary that are known. `key` is unique within the workspace.
    """

    key: str
    kind: Kind
    path: Path
    q: float | None
    row: Row

    def look(self) -> Looked:
        """Return its maps and results.

        Raises
        ------
        DataError, ResultError : if they cannot be read.
        """
        if self.kind == "failed":
            raise DataError(f"{self.path}: {self.row['message']}")
        return look_at_result(self.path) if self.kind == "result" else look_at_measurement(self.path, self.q)


class Workspace:
    """Everything opened in one process; threads of several tabs read it at once.

    Series folders are read again by `items`, so that a running watch or batch shows up without a reload.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.fits = Fits()
        self.evaluated: Latest[Any] = Latest()
        self._paths = [one for path in paths for one in _members(path.resolve())]
        for path in self._paths:
            kind_of(path)

    def items(self) -> list[Item]:
        """Return the lines of the table.

        Raises
        ------
        DataError, ResultError, OutputError : if a path cannot be read any more.
        """
        # Those that have been deleted since are left out.
        results = [folder for folder in self.fits.results if (folder / RESULT_JSON_NAME).is_file()]
        # A fit made since may also be in a folder that was opened.
        return list({item.key: item for path in [*self._paths, *results] for item in _items(path)}.values())

    def states(self) -> dict[Path, str]:
        """Return the state of the watch or batch of every series folder, and when its table last changed.

        Raises
        ------
        OutputError : if a record cannot be read any more.
        """
        return {path: _state(path) for path in self._paths if kind_of(path) == "series"}

    def find(self, key: str) -> Item:
        """Return the item of a key.

        Raises
        ------
        DataError : if there is none.
        """
        for item in self.items():
            if item.key == key:
                return item
        raise DataError(f"{key}: no such run in this viewer; open it from the table of measurements")


def _members(path: Path) -> list[Path]:
    """Return the folders of the measurements of a joint fit, or the path itself.

    Raises
    ------
    ResultError : if a joint fit is damaged.
    """
    if not (path / JOINT_NAME).is_file() or (path / RESULT_JSON_NAME).is_file():
        return [path]
    try:
        return [path / one["folder"] for one in read_document(path / JOINT_NAME)["members"]]
    except ConfigError as error:
        raise ResultError(error.source, error.problems) from None
    except (KeyError, TypeError) as error:
        problem = Problem("members", f"no {error}", "those of a joint fit", "fit again")
        raise ResultError(str(path / JOINT_NAME), [problem]) from None


def kind_of(path: Path) -> Literal["series", "result", "folder", "measurement"]:
    """Return the kind of a path.

    Raises
    ------
    ResultError : if it is nothing that can be viewed.
    """
    if path.is_dir():
        # A watch or batch that has just begun has no record yet.
        if (path / RECORD_NAME).is_file() or is_locked(path):
            return "series"
        if (path / RESULT_JSON_NAME).is_file():
            return "result"
        if _inside(path):
            return "folder"
        found = "a folder without measurements and results"
    elif path.suffix == ".json" and path.is_file():
        return "result"
    elif path.is_file() and path.suffix.lower() in MEASUREMENTS:
        return "measurement"
    else:
        found = "another kind of file" if path.exists() else "no such file or folder"
    wanted = "a measurement, a fit (its folder or JSON file), a folder of these, or that of a joint fit, batch or watch"
    raise ResultError(str(path), [Problem("", found, wanted, "give one of these")])


def _state(folder: Path) -> str:
    left = Record.load(folder, "", "").left
    if not is_locked(folder):
        ended = ended_at(folder)
        when = f" at {_clock(ended)}" if ended is not None else ""
        word = f"ended{when}" + (f" with {_fits(left)} left out" if left else "")
    elif left:
        word = f"running, {_fits(left)} to go"
    else:
        word = "idle, waiting for files"
    try:
        changed = (folder / RECORD_NAME).stat().st_mtime
    except FileNotFoundError:
        return word
    return f"{word}; last change {_clock(changed)}"


def _clock(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"


def _fits(number: int) -> str:
    return "1 fit" if number == 1 else f"{number} fits"


def _items(path: Path) -> Iterable[Item]:
    kind = kind_of(path)
    if kind == "folder":
        return [item for one in _inside(path) for item in _items(one)]
    if kind == "series":
        return _of_series(path)
    try:
        return list(_of_result(path) if kind == "result" else _of_measurement(path))
    except (HeterodyneError, OSError) as error:
        # The others are shown all the same.
        message = str(error).removeprefix(f"{path}: ")
        return [Item(f"{path}#", "failed", path, None, {"file": str(path), "fit": FAILED, "message": message})]


def _inside(folder: Path) -> list[Path]:
    """Return the measurements and the folders of fits in a folder, by name."""
    return [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
        and (
            (path / RESULT_JSON_NAME).is_file()
            if path.is_dir()
            else path.is_file() and path.suffix.lower() in MEASUREMENTS
        )
    ]


def _listed(path: Path) -> list[tuple[float, int]]:
    """Return every q of a measurement in 1/Å and the number of its azimuths."""
    with open_source(path) as source:
        _, contents = list_maps(source, None)
    return [(mean_q(group), len(group)) for group in q_groups([ref for ref in contents.maps if ref.q > 0], 0.02)]


_LISTED = Remembered(_listed)


def _of_measurement(path: Path) -> Iterator[Item]:
    for q, n_phi in _LISTED(path):
        row = {"file": str(path), "q": q, "n_phi": n_phi, "fit": "", "message": ""}
        yield Item(f"{path}#{q:.6g}", "measurement", path, q, row)


def _of_result(path: Path) -> Iterator[Item]:
    result = saved_result(path)
    yield Item(str(path), "result", path, result.data.q, _row(path, result))


def _of_series(folder: Path) -> Iterator[Item]:
    for number, row in enumerate(Record.load(folder, "", "").rows()):
        if row["fit"] == FAILED:
            yield Item(f"{folder}#{number}", "failed", Path(row["file"]), None, row)
        else:
            yield Item(str(folder / row["result"]), "result", folder / row["result"], row["q"], row)


def _row(path: Path, result: NLSQResult) -> Row:
    file = str(result.data.provenance.get("file") or path)
    return {"file": file, "q": result.data.q, "fit": quality(result), "message": result.message, **values_of(result)}
