"""The watch: scans a folder, fits complete files, and draws plots in a second process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heterodyne_cli.series.arrivals import Arrivals, scan_folder
from heterodyne_cli.series.collector import Collector, without_path
from heterodyne_cli.series.examining import Signature
from heterodyne_cli.series.job import Job
from heterodyne_cli.series.request import Request
from heterodyne_cli.series.retry import Notice
from heterodyne_cli.series.tasks import (
    Examined,
    Failed,
    Fitted,
    NotReady,
    Unusable,
    Written,
    draw_result,
    examine_file,
    fit_file,
    is_drawn,
    undrawn,
)
from heterodyne_cli.series.worker import Aborted, Finished, MessageReceiver, Worker, WorkerError

_SECOND_SCAN = 0.2
"""Fraction of the polling interval after which a new file is checked a second time."""

_PAUSE = 10
"""Minimum interval between scans, in units of the duration of a scan, to limit the load on slow drives."""


@dataclass(frozen=True)
class WatchSettings:
    """WatchSettings of a watch: it scans every `every` s; with `once`, it ends after all files are processed.

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
        settings: WatchSettings,
        request: Request,
        collector: Collector,
        fitting: Worker,
        drawing: Worker | None,
        receive_messages: MessageReceiver,
    ):
        self._settings, self._request, self._collector = settings, request, collector
        self._fitting, self._drawing, self._receive = fitting, drawing, receive_messages
        self._arrivals = Arrivals()
        self._found: dict[Path, Signature] = {}
        self._complete: list[Path] = []
        self._jobs: list[Job] = []
        self._drawings: deque[Job] = deque()
        self._current: Path | Job | None = None
        self._backlog: frozenset[Path] | None = None
        self._away = False

    def run(self) -> int:
        """Watch until interrupted, or with `once` until all files are processed, and return the exit code."""
        workers = [worker for worker in (self._fitting, self._drawing) if worker is not None]
        due = time.monotonic()
        while True:
            if (now := time.monotonic()) >= due:
                self._scan(now)
                share = _SECOND_SCAN if self._arrivals.soon(now) else 1.0
                due = now + max(share * self._settings.every, _PAUSE * (time.monotonic() - now))
            self._start_tasks()
            if self._settings.once and not self._away and self._nothing_left():
                self._collector.log_end()
                return self._collector.exit_code(self._found)
            self._collector.show_progress(self._state())
            for worker, message in self._receive(workers, due - time.monotonic()):
                if worker is self._fitting:
                    self._handle(message)
                else:
                    self._handle_drawing(message)

    def _scan(self, now: float) -> None:
        found = scan_folder(self._settings.folder, self._settings.patterns, self._request.output)
        if (found is None) != self._away:
            self._away = found is None
            folder = self._settings.folder
            self._collector.log(
                f"{folder}: not available; waiting for it" if self._away else f"{folder}: available again"
            )
        if found is None:
            return
        self._found = found
        complete = self._arrivals.update(found, now)
        # Files that are up to date in the record need no second scan.
        for path in self._arrivals.waiting():
            if self._collector.record.is_up_to_date(path, found[path]) and self._drawn(path):
                self._arrivals.mark_processed(path)
        waiting = set(self._arrivals.waiting())
        self._complete = [path for path in complete if path in waiting]
        if self._backlog is None:
            self._backlog = frozenset(found)
        for path in waiting.difference(complete):
            if self._arrivals.is_late(path, now, self._settings.patience):
                self._collector.log(f"{path.name}: is still being written; waiting for it")

    def _drawn(self, path: Path) -> bool:
        """Return whether all plots of a fitted file exist; an earlier watch may have been interrupted."""
        record = self._collector.record
        return all(is_drawn(folder, self._request) for folder in record.folders(path))

    def _nothing_left(self) -> bool:
        idle = self._current is None and (self._drawing is None or self._drawing.idle)
        return idle and not (self._complete or self._arrivals.waiting() or self._jobs or self._drawings)

    def _start_tasks(self) -> None:
        """Start the next tasks: new files before those that existed at the start, then by age."""
        if self._fitting.idle and self._complete:
            self._current = min(self._complete, key=self._order)
            self._complete.remove(self._current)
            self._arrivals.mark_processed(self._current)
            self._fitting.start(examine_file, self._current, self._request)
        elif self._fitting.idle and self._jobs:
            job = min(self._jobs, key=lambda job: self._order(job.path))
            self._jobs.remove(job)
            self._current = job
            self._fitting.start(fit_file, job, self._request, self._collector.starting_results(job.shape), True)
        if self._drawing is not None and self._drawing.idle and self._drawings:
            self._drawing.start(draw_result, self._drawings.popleft(), self._request, True)

    def _order(self, path: Path) -> tuple[bool, int]:
        signature = self._found.get(path)
        return path in (self._backlog or ()), 0 if signature is None else signature.mtime_ns

    def _handle(self, message: object) -> None:
        match message:
            case Examined():
                plan = self._collector.plan_fits(message)
                self._jobs += plan.jobs
                self._drawings += undrawn(plan.done, self._request)
            case NotReady():
                self._unready(message)
            case Unusable():
                self._give_up(message.path, message.text)
            case Fitted():
                self._collector.add_fit(message)
            case Written():
                self._collector.add_result(message)
                if self._drawing is not None:
                    self._drawings.append(message.job)
            case Failed():
                self._failed(message)
            case Notice():
                self._collector.log_notice(message)
            case Aborted():
                self._died(message.text)
            case Finished():
                self._current = None

    def _handle_drawing(self, message: object) -> None:
        match message:
            case Notice():
                self._collector.log_notice(message)
            case Aborted():
                self._collector.log(f"plotting one result failed: {message.text}")
            case Finished():
                self._collector.publish()  # links to the report

    def _unready(self, message: NotReady) -> None:
        """Keep an incomplete file waiting; give it up if it has long been unchanged and is not open."""
        if isinstance(self._current, Job):
            if not message.path.exists():
                self._drop(self._current)
                return
            self._collector.record.cancel(self._current)
        long = self._arrivals.unchanged_for(message.path, time.monotonic()) > self._settings.surrender
        if long and (not message.busy or self._settings.once):
            self._give_up(message.path, message.text)
        else:
            self._arrivals.mark_waiting(message.path)
            if self._arrivals.is_late(message.path, time.monotonic(), self._settings.patience):
                self._collector.log(f"{message.path.name}: {without_path(message.path, message.text)}; waiting for it")

    def _give_up(self, path: Path, text: str) -> None:
        if (signature := self._found.get(path)) is not None:
            self._collector.add_unusable(path, signature, text)

    def _failed(self, message: Failed) -> None:
        """Record a failed fit, unless its file was deleted, which counts as new when it reappears."""
        if message.job.path.exists():
            self._collector.add_failure(message)
        else:
            self._drop(message.job)

    def _drop(self, job: Job) -> None:
        """Forget a deleted file, and fit another one of the same data instead, if there is one."""
        self._arrivals.forget(job.path)
        for other in self._collector.drop(job):
            self._arrivals.mark_waiting(other)

    def _died(self, text: str) -> None:
        if isinstance(self._current, Job):
            self._failed(Failed(self._current, text))
        elif self._current is not None:
            self._give_up(self._current, f"cannot be read: {text}")
        else:
            raise WorkerError(f"cannot start fits: {text}")
        self._current = None

    def _state(self) -> str:
        """Return the current state in one line, for a terminal."""
        written = len(self._arrivals.waiting()) - len(self._complete)
        parts = [f"watching {self._settings.folder}: {self._collector.counts['fitted']} fitted"]
        parts += [f"{self._collector.counts['failed']} failed"] if self._collector.counts["failed"] else []
        parts += [f"fitting {self._current.label}"] if isinstance(self._current, Job) else []
        parts += [f"{waiting} waiting"] if (waiting := len(self._jobs) + len(self._complete)) else []
        parts += [f"{written} being written"] if written > 0 else []
        return ", ".join(parts)
