"""The record of a results folder, which makes restarts possible without repeating fits."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from heterodyne_cli.series.examining import Contents, Signature
from heterodyne_cli.series.job import Job, jobs_of
from heterodyne_cli.series.row import FAILED, Row, checked_row, is_folder
from heterodyne_data import RESULT_JSON_NAME, undeclared
from heterodyne_spec import ConfigError, OutputError, parse_json, shortened, write_text

NAME = "record.json"
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """The entry of a file: `asked` is the request, `names` maps the keys of its fits to their folders.

    `problem` is the reason why the file could not be used, empty otherwise.
    """

    signature: Signature
    asked: str
    data: str = ""
    names: dict[str, str] = field(default_factory=dict)
    problem: str = ""


class Plan(NamedTuple):
    """The fits required for a file: `jobs` are new, `done` are finished.

    `same` is another file with the same data, if newly detected; `changed` states that the file had other data before.
    """

    jobs: list[Job]
    done: list[Job]
    same: Path | None
    changed: bool


class Record:
    """Files by absolute path, and rows of the summary by the key of their fit.

    `asked` is the request for every file: settings and q.
    """

    def __init__(self, folder: Path, settings: str, asked: str):
        self.folder, self.settings, self.asked = folder, settings, asked
        self.files: dict[Path, Entry] = {}
        self._rows: dict[str, Row] = {}
        self._planned: set[str] = set()

    @classmethod
    def load(cls, folder: Path, settings: str, asked: str) -> Record:
        """Return the record of a results folder, empty if there is none.

        Raises
        ------
        OutputError : if it cannot be read.
        """
        record = cls(folder, settings, asked)
        try:
            document = parse_json((folder / NAME).read_text(encoding="utf-8"), NAME)
            if document["version"] != _VERSION:
                raise ValueError(f"version {document['version']}, not {_VERSION}")
            for name, entry in document["files"].items():
                record.files[Path(name)] = _checked(Entry(**{**entry, "signature": Signature(*entry["signature"])}))
            record._rows = {key: checked_row(row) for key, row in document["rows"].items()}
        except FileNotFoundError:
            return record
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
            reason = shortened(" ".join(f"{error}".split()), 100)
            raise OutputError(
                f"{folder / NAME}: cannot be read ({reason}); move it away to fit all files again, or choose another "
                "--output"
            ) from None
        return record

    def save(self) -> None:
        """Write the record to its folder, without rows that no longer belong to a file.

        Raises
        ------
        OutputError : if it cannot be written.
        """
        used = {key for entry in self.files.values() for key in entry.names}
        self._rows = {key: row for key, row in self._rows.items() if key in used}
        files = {str(path): asdict(entry) for path, entry in self.files.items()}
        document = {"version": _VERSION, "files": files, "rows": self._rows}
        write_text(self.folder / NAME, json.dumps(document, ensure_ascii=False) + "\n")

    def is_up_to_date(self, path: Path, signature: Signature) -> bool:
        """Return whether a file is up to date: unchanged, and all requested results exist."""
        entry = self.files.get(path)
        return (
            entry is not None
            and (entry.signature, entry.asked, entry.problem) == (signature, self.asked, "")
            and all(map(self.is_done, entry.names))
        )

    def is_done(self, key: str) -> bool:
        """Return whether a fit is finished and its result exists."""
        row = self._rows.get(key)
        return row is not None and row["fit"] != FAILED and self.has_result(row)

    def has_result(self, row: Row) -> bool:
        """Return whether the result of a row exists."""
        return (self.folder / row["result"] / RESULT_JSON_NAME).is_file()

    def folders(self, path: Path) -> list[Path]:
        """Return the folders of the results of a file."""
        rows = (self._rows.get(key) for key in self.files[path].names)
        return [self.folder / row["result"] for row in rows if row is not None]

    def plan(self, path: Path, signature: Signature, found: Contents) -> Plan:
        """Record the contents of a file, and return the required fits."""
        before = self.files.get(path)
        others = {other: entry for other, entry in self.files.items() if other != path}
        given = {key: name for entry in others.values() for key, name in entry.names.items()}
        jobs = jobs_of(path, signature, found, self.settings, set(given.values()))
        names = {job.key: given.get(job.key, job.name) for job in jobs}
        # Keep results of other q from earlier requests, but not results with other settings.
        own = before.names if before is not None and before.data == found.data else {}
        kept = {key: name for key, name in own.items() if key.endswith(self.settings)}
        self.files[path] = Entry(signature, self.asked, found.data, {**kept, **names})
        new = [job for job in jobs if not self.is_done(job.key) and job.key not in self._planned]
        self._planned.update(job.key for job in new)
        done = [replace(job, name=self._rows[job.key]["result"]) for job in jobs if self.is_done(job.key)]
        known = before.data if before is not None else ""
        same = next((other for other, entry in others.items() if found.data == entry.data != known), None)
        return Plan(new, done, same, known not in ("", found.data))

    @property
    def left(self) -> int:
        """Number of fits that were planned and have no result yet."""
        return len({key for entry in self.files.values() for key in entry.names} - self._rows.keys())

    def cancel(self, job: Job) -> None:
        """Cancel a planned fit that could not be done now."""
        self._planned.discard(job.key)

    def drop(self, job: Job) -> list[Path]:
        """Cancel a planned fit whose file has been deleted; return other files that have the same data."""
        self.cancel(job)
        if (entry := self.files.get(job.path)) is not None and job.key in entry.names:
            names = {key: name for key, name in entry.names.items() if key != job.key}
            if names:
                self.files[job.path] = replace(entry, names=names)
            else:
                del self.files[job.path]
        return [path for path, entry in self.files.items() if job.key in entry.names]

    def add_row(self, job: Job, row: Row) -> None:
        """Record the result of a fit."""
        self._planned.discard(job.key)
        self._rows[job.key] = row

    def add_problem(self, path: Path, signature: Signature, problem: str) -> None:
        """Record that a file cannot be used."""
        self.files[path] = Entry(signature, self.asked, problem=problem)

    def rows(self) -> list[Row]:
        """Return the rows of all files in order of time; a fit shared by several files occurs once."""
        rows = {key: row for entry in self.files.values() for key in entry.names if (row := self._rows.get(key))}
        problems = [_problem_row(path, entry) for path, entry in self.files.items() if entry.problem]
        return sorted([*rows.values(), *problems], key=lambda row: (row["time"], row["file"], row.get("q") or 0.0))

    def rows_of(self, paths: list[Path]) -> Iterator[Row]:
        """Yield the rows of these files."""
        for path in paths:
            if (entry := self.files.get(path)) is not None:
                yield from (row for key in entry.names if (row := self._rows.get(key)))
                yield from [_problem_row(path, entry)] if entry.problem else []


def _checked(entry: Entry) -> Entry:
    """Validate an entry."""
    if wrong := next(undeclared(entry), None):
        raise ValueError(wrong)
    whole = all(isinstance(part, int) and 0 <= part < 2**63 for part in entry.signature)
    if not whole or not all(map(is_folder, entry.names.values())):
        raise ValueError(f"signature {entry.signature} or folders {list(entry.names.values())}")
    return entry


def _problem_row(path: Path, entry: Entry) -> dict[str, Any]:
    when = datetime.datetime.fromtimestamp(entry.signature.mtime_ns / 1e9).astimezone()
    return {
        "time": when.isoformat(timespec="seconds"),
        "file": str(path),
        "fit": FAILED,
        "message": entry.problem,
    }
