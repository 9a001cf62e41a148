"""The watch: scans a folder, fits complete files, and draws plots in a second process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heterodyne_cli.series.desk import Desk, about
from heterodyne_cli.series.examining import Signature
from heterodyne_cli.series.job import Job
from heterodyne_cli.series.lane import Died, Done, Lane, LaneError, Tellings
from heterodyne_cli.series.patience import Waiting
from heterodyne_cli.series.request import Request
from heterodyne_cli.series.tasks import (
    Examined,
    Failed,
    Fitted,
    Unready,
    Unusable,
    Written,
    draw_result,
    examine_file,
    fit_file,
    is_drawn,
    undrawn,
)
from heterodyne_cli.watching.arrivals import Arrivals
from heterodyne_cli.watching.folder import look

_SECOND_LOOK = 0.2
"""Fraction of the polling interval after which a new file is checked a second time."""

_PAUSE = 10
"""Minimum interval between scans, in units of the duration of a scan, to limit the load on slow drives."""


@dataclass(frozen=True)
class Settings:
    """Settings of a watch: it scans every `every` s; with `once`, it ends after all files are processed.

    A file that is not complete after `patience` s is reported. A file that cannot be opened is given up after it has
    been unchanged for `surrender` s.
    """

    folder: Path
    patterns: Sequence[str]
    every: float = 0.5
    once: bool = False
    patience: float = 10.0
    surrender: float = 60.0


class Watch:
    """A watch. The worker `fitting` examines and fits; `drawing` plots in parallel (None: no plots)."""

    def __init__(
        self,
        settings: Settings,
        request: Request,
        desk: Desk,
        fitting: Lane,
        drawing: Lane | None,
        tellings: Tellings,
    ):
        self._settings, self._request, self._desk = settings, request, desk
        self._fitting, self._drawing, self._tellings = fitting, drawing, tellings
        self._arrivals = Arrivals()
        self._found: dict[Path, Signature] = {}
        self._rested: list[Path] = []
        self._jobs: list[Job] = []
        self._drawings: deque[Job] = deque()
        self._current: Path | Job | None = None
        self._backlog: frozenset[Path] | None = None
        self._away = False

    def run(self) -> int:
        """Watch until interrupted, or with `once` until all files are processed, and return the exit code."""
        lanes = [lane for lane in (self._fitting, self._drawing) if lane is not None]
        due = time.monotonic()
        while True:
            if (now := time.monotonic()) >= due:
                self._look(now)
                share = _SECOND_LOOK if self._arrivals.soon(now) else 1.0
                due = now + max(share * self._settings.every, _PAUSE * (time.monotonic() - now))
            self._give()
            if self._settings.once and not self._away and self._nothing_left():
                self._desk.say_end()
                return self._desk.code(self._found)
            self._desk.show(self._state())
            for lane, told in self._tellings(lanes, due - time.monotonic()):
                if lane is self._fitting:
                    self._hear(told)
                else:
                    self._hear_drawing(told)

    def _look(self, now: float) -> None:
        found = look(self._settings.folder, self._settings.patterns, self._request.output)
        if (found is None) != self._away:
            self._away = found is None
            folder = self._settings.folder
            self._desk.say(f"{folder}: not available; waiting for it" if self._away else f"{folder}: available again")
        if found is None:
            return
        self._found = found
        rested = self._arrivals.look(found, now)
        # Files that are up to date in the record need no second scan.
        for path in self._arrivals.waiting():
            if self._desk.record.settled(path, found[path]) and self._drawn(path):
                self._arrivals.settle(path)
        waiting = set(self._arrivals.waiting())
        self._rested = [path for path in rested if path in waiting]
        if self._backlog is None:
            self._backlog = frozenset(found)
        for path in waiting.difference(rested):
            if self._arrivals.late(path, now, self._settings.patience):
                self._desk.say(f"{path.name}: is still being written; waiting for it")

    def _drawn(self, path: Path) -> bool:
        """Return whether all plots of a fitted file exist; an earlier watch may have been interrupted."""
        record = self._desk.record
        return all(is_drawn(folder, self._request) for folder in record.folders(path))

    def _nothing_left(self) -> bool:
        idle = self._current is None and (self._drawing is None or self._drawing.idle)
        return idle and not (self._rested or self._arrivals.waiting() or self._jobs or self._drawings)

    def _give(self) -> None:
        """Start the next tasks: new files before those that existed at the start, then by age."""
        if self._fitting.idle and self._rested:
            self._current = min(self._rested, key=self._order)
            self._rested.remove(self._current)
            self._arrivals.settle(self._current)
            self._fitting.give(examine_file, self._current, self._request)
        elif self._fitting.idle and self._jobs:
            job = min(self._jobs, key=lambda job: self._order(job.path))
            self._jobs.remove(job)
            self._current = job
            self._fitting.give(fit_file, job, self._request, self._desk.starts(job.shape), True)
        if self._drawing is not None and self._drawing.idle and self._drawings:
            self._drawing.give(draw_result, self._drawings.popleft(), self._request, True)

    def _order(self, path: Path) -> tuple[bool, int]:
        signature = self._found.get(path)
        return path in (self._backlog or ()), 0 if signature is None else signature.mtime_ns

    def _hear(self, told: object) -> None:
        match told:
            case Examined():
                plan = self._desk.examined(told)
                self._jobs += plan.jobs
                self._drawings += undrawn(plan.done, self._request)
            case Unready():
                self._unready(told)
            case Unusable():
                self._give_up(told.path, told.text)
            case Fitted():
                self._desk.fitted(told)
            case Written():
                self._desk.written(told)
                if self._drawing is not None:
                    self._drawings.append(told.job)
            case Failed():
                self._failed(told)
            case Waiting():
                self._desk.waiting(told)
            case Died():
                self._died(told.text)
            case Done():
                self._current = None

    def _hear_drawing(self, told: object) -> None:
        match told:
            case Waiting():
                self._desk.waiting(told)
            case Died():
                self._desk.say(f"plotting one result failed: {told.text}")
            case Done():
                self._desk.publish()  # links to the report

    def _unready(self, told: Unready) -> None:
        """Keep an incomplete file waiting; give it up if it has long been unchanged and is not open."""
        if isinstance(self._current, Job):
            self._desk.record.unplan(self._current)
        long = self._arrivals.at_rest_for(told.path, time.monotonic()) > self._settings.surrender
        if long and (not told.busy or self._settings.once):
            self._give_up(told.path, told.text)
        else:
            self._arrivals.again(told.path)
            if self._arrivals.late(told.path, time.monotonic(), self._settings.patience):
                self._desk.say(f"{told.path.name}: {about(told.path, told.text)}; waiting for it")

    def _give_up(self, path: Path, text: str) -> None:
        if (signature := self._found.get(path)) is not None:
            self._desk.unusable(path, signature, text)

    def _failed(self, told: Failed) -> None:
        """Record a failed fit, unless its file was deleted, which counts as new when it reappears."""
        if told.job.path.exists():
            self._desk.failed(told)
        else:
            self._desk.record.unplan(told.job)
            self._arrivals.forget(told.job.path)

    def _died(self, text: str) -> None:
        if isinstance(self._current, Job):
            self._failed(Failed(self._current, text))
        elif self._current is not None:
            self._give_up(self._current, f"cannot be read: {text}")
        else:
            raise LaneError(f"cannot start fits: {text}")
        self._current = None

    def _state(self) -> str:
        """Return the current state in one line, for a terminal."""
        written = len(self._arrivals.waiting()) - len(self._rested)
        parts = [f"watching {self._settings.folder}: {self._desk.counts['fitted']} fitted"]
        parts += [f"{self._desk.counts['failed']} failed"] if self._desk.counts["failed"] else []
        parts += [f"fitting {self._current.label}"] if isinstance(self._current, Job) else []
        parts += [f"{waiting} waiting"] if (waiting := len(self._jobs) + len(self._rested)) else []
        parts += [f"{written} being written"] if written > 0 else []
        return ", ".join(parts)
