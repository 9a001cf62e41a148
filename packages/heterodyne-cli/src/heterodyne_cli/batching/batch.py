"""A batch: examines all files, runs the missing fits in several processes, and draws each result."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heterodyne_cli.batching.schedule import Shape, Timing, next_job, seconds_left
from heterodyne_cli.series.desk import Desk
from heterodyne_cli.series.examining import Signature, signature_of
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
    undrawn,
)
from heterodyne_data import NLSQResult
from heterodyne_report.console import time_left
from heterodyne_spec import OutputError


@dataclass
class _Worker:
    lane: Lane
    compiled: set[Shape] = field(default_factory=set)
    current: Path | Job | None = None
    fresh: bool = False
    """Whether the current fit is the first of its shape in this process."""
    drawing: bool = False


class Batch:
    """Fits of all `files`.

    `results` are the new results by the key of their fit, without maps; `there` is the number of results up to date.
    """

    def __init__(self, files: Sequence[Path], request: Request, desk: Desk, lanes: Sequence[Lane], tellings: Tellings):
        self._request, self._desk, self._tellings = request, desk, tellings
        self._workers = [_Worker(lane) for lane in lanes]
        self._all, self._files = files, deque(files)
        self._jobs: list[Job] = []
        self._drawings: deque[Job] = deque()
        self._timings: list[Timing] = []
        self._total = 0
        self.there = 0
        self.results: dict[str, NLSQResult] = {}

    def run(self) -> int:
        """Run the batch and return the exit code.

        Raises
        ------
        OutputError : if results cannot be written.
        """
        by_lane = {id(worker.lane): worker for worker in self._workers}
        lanes = [worker.lane for worker in self._workers]
        while True:
            for worker in self._workers:
                if worker.lane.idle:
                    self._give(worker)
            if all(worker.lane.idle for worker in self._workers):
                return self._desk.code(self._all)
            self._show()
            for lane, told in self._tellings(lanes, 1.0):
                self._hear(by_lane[id(lane)], told)

    def _give(self, worker: _Worker) -> None:
        """Start the next task of an idle worker: files to examine first, then plots of finished fits, then fits."""
        if self._files:
            worker.current = self._files.popleft()
            worker.lane.give(examine_file, worker.current, self._request)
        elif self._drawings:
            worker.current, worker.drawing = self._drawings.popleft(), True
            worker.lane.give(draw_result, worker.current, self._request, False)
        elif self._jobs:
            others = set[Shape]().union(*(other.compiled for other in self._workers if other is not worker))
            job = next_job(self._jobs, worker.compiled, others)
            self._jobs.remove(job)
            worker.current, worker.fresh = job, job.shape not in worker.compiled
            worker.compiled.add(job.shape)
            # No starting values from other fits: results must not depend on the order of the fits.
            worker.lane.give(fit_file, job, self._request, [], False)

    def _hear(self, worker: _Worker, told: object) -> None:
        match told:
            case Examined():
                plan = self._desk.examined(told)
                self._jobs += plan.jobs
                self._total += len(plan.jobs)
                self.there += sum(self._desk.record.done(key) for key in self._desk.record.files[told.path].names)
                self._drawings += undrawn(plan.done, self._request)
            case Unready() | Unusable():
                if isinstance(worker.current, Job):
                    self._desk.record.unplan(worker.current)
                self._give_up(told.path, told.text)
            case Fitted():
                self._timings.append(Timing(told.job.shape, told.row["seconds"], worker.fresh))
                self._desk.fitted(told)
                self.results[told.job.key] = told.result
            case Written():
                self._desk.written(told)
                if self._request.draws:
                    self._drawings.append(told.job)
            case Failed():
                if told.fatal:
                    raise OutputError(f"{told.text}; files already written are kept: rerun the same command to resume")
                self._desk.failed(told)
            case Waiting():
                self._desk.waiting(told)
            case Died():
                self._died(worker, told.text)
            case Done():
                worker.current, worker.drawing = None, False

    def _died(self, worker: _Worker, text: str) -> None:
        current, drawing = worker.current, worker.drawing
        worker.current, worker.drawing, worker.compiled = None, False, set()
        if drawing:
            self._desk.say(f"plotting one result failed: {text}")
        elif isinstance(current, Job):
            self._desk.failed(Failed(current, text))
        elif current is not None:
            self._give_up(current, f"cannot be read: {text}")
        else:
            raise LaneError(f"cannot start fits: {text}")

    def _give_up(self, path: Path, text: str) -> None:
        try:
            signature = signature_of(path)
        except OSError:
            signature = Signature(0, time.time_ns())
        self._desk.unusable(path, signature, text)

    def _show(self) -> None:
        """Show progress; the number of fits is known once all files have been examined."""
        if self._files:
            done = len(self._all) - len(self._files)
            self._desk.show(f"examining: {done} of {len(self._all)} files", done=done, of=len(self._all))
            return
        running = [one.current for one in self._workers if isinstance(one.current, Job) and not one.drawing]
        waiting = [job.shape for job in (*self._jobs, *running)]
        left = seconds_left(waiting, self._timings, len(self._workers))
        done = self._total - len(waiting)
        text = f"fitting: {done} of {self._total} done, {len(running)} running, {time_left(left)}"
        self._desk.show(text, done=done, of=self._total, seconds_left=left)

    def outcome(self) -> str:
        """Return a summary in one line."""
        counts = self._desk.counts
        return f"{counts['fitted']} fitted, {self.there} skipped (up to date), {counts['failed']} failed"
