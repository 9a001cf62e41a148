"""A batch: examines all files, runs the missing fits in several processes, and draws each result."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heterodyne_cli.series.collector import Collector
from heterodyne_cli.series.examining import Signature, signature_of
from heterodyne_cli.series.job import Job
from heterodyne_cli.series.request import Request
from heterodyne_cli.series.retry import Notice
from heterodyne_cli.series.schedule import Shape, Timing, next_job, seconds_left
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
    undrawn,
)
from heterodyne_cli.series.worker import Aborted, Finished, MessageReceiver, Worker, WorkerError
from heterodyne_data import NLSQResult
from heterodyne_report import time_left
from heterodyne_spec import OutputError


@dataclass
class _Slot:
    worker: Worker
    compiled: set[Shape] = field(default_factory=set)
    current: Path | Job | None = None
    fresh: bool = False
    """Whether the current fit is the first of its shape in this process."""
    drawing: bool = False


class Batch:
    """Fits of all `files`.

    `results` are the new results by the key of their fit, without maps; `up_to_date` is the number of skipped fits.
    """

    def __init__(
        self,
        files: Sequence[Path],
        request: Request,
        collector: Collector,
        workers: Sequence[Worker],
        receive_messages: MessageReceiver,
    ):
        self._request, self._collector, self._receive = request, collector, receive_messages
        self._slots = [_Slot(worker) for worker in workers]
        self._all, self._files = files, deque(files)
        self._jobs: list[Job] = []
        self._drawings: deque[Job] = deque()
        self._timings: list[Timing] = []
        self._total = 0
        self.up_to_date = 0
        self.results: dict[str, NLSQResult] = {}

    def run(self) -> int:
        """Run the batch and return the exit code.

        Raises
        ------
        OutputError : if results cannot be written.
        """
        by_worker = {id(slot.worker): slot for slot in self._slots}
        workers = [slot.worker for slot in self._slots]
        while True:
            for slot in self._slots:
                if slot.worker.idle:
                    self._start_task(slot)
            if all(slot.worker.idle for slot in self._slots):
                return self._collector.exit_code(self._all)
            self._show()
            for worker, message in self._receive(workers, 1.0):
                self._handle(by_worker[id(worker)], message)

    def _start_task(self, slot: _Slot) -> None:
        """Start the next task of an idle slot: files to examine first, then plots of finished fits, then fits."""
        if self._files:
            slot.current = self._files.popleft()
            slot.worker.start(examine_file, slot.current, self._request)
        elif self._drawings:
            slot.current, slot.drawing = self._drawings.popleft(), True
            slot.worker.start(draw_result, slot.current, self._request, False)
        elif self._jobs:
            others = set[Shape]().union(*(other.compiled for other in self._slots if other is not slot))
            job = next_job(self._jobs, slot.compiled, others)
            self._jobs.remove(job)
            slot.current, slot.fresh = job, job.shape not in slot.compiled
            slot.compiled.add(job.shape)
            # No starting values from other fits: results must not depend on the order of the fits.
            slot.worker.start(fit_file, job, self._request, [], False)

    def _handle(self, slot: _Slot, message: object) -> None:
        match message:
            case Examined():
                plan = self._collector.plan_fits(message)
                self._jobs += plan.jobs
                self._total += len(plan.jobs)
                self.up_to_date += sum(
                    self._collector.record.is_done(key) for key in self._collector.record.files[message.path].names
                )
                self._drawings += undrawn(plan.done, self._request)
            case NotReady() | Unusable():
                if isinstance(slot.current, Job):
                    self._collector.record.cancel(slot.current)
                self._give_up(message.path, message.text)
            case Fitted():
                self._timings.append(Timing(message.job.shape, message.row["seconds"], slot.fresh))
                self._collector.add_fit(message)
                self.results[message.job.key] = message.result
            case Written():
                self._collector.add_result(message)
                if self._request.draws:
                    self._drawings.append(message.job)
            case Failed():
                if message.fatal:
                    raise OutputError(
                        f"{message.text}; files already written are kept: rerun the same command to resume"
                    )
                self._collector.add_failure(message)
            case Notice():
                self._collector.log_notice(message)
            case Aborted():
                self._died(slot, message.text)
            case Finished():
                slot.current, slot.drawing = None, False

    def _died(self, slot: _Slot, text: str) -> None:
        current, drawing = slot.current, slot.drawing
        slot.current, slot.drawing, slot.compiled = None, False, set()
        if drawing:
            self._collector.log(f"plotting one result failed: {text}")
        elif isinstance(current, Job):
            self._collector.add_failure(Failed(current, text))
        elif current is not None:
            self._give_up(current, f"cannot be read: {text}")
        else:
            raise WorkerError(f"cannot start fits: {text}")

    def _give_up(self, path: Path, text: str) -> None:
        try:
            signature = signature_of(path)
        except OSError:
            signature = Signature(0, time.time_ns())
        self._collector.add_unusable(path, signature, text)

    def _show(self) -> None:
        """Show progress; the number of fits is known once all files have been examined."""
        if self._files:
            done = len(self._all) - len(self._files)
            self._collector.show_progress(f"examining: {done} of {len(self._all)} files", done=done, of=len(self._all))
            return
        running = [one.current for one in self._slots if isinstance(one.current, Job) and not one.drawing]
        waiting = [job.shape for job in (*self._jobs, *running)]
        left = seconds_left(waiting, self._timings, len(self._slots))
        done = self._total - len(waiting)
        text = f"fitting: {done} of {self._total} done, {len(running)} running, {time_left(left)}"
        self._collector.show_progress(text, done=done, of=self._total, seconds_left=left)

    def summary(self) -> str:
        """Return a summary in one line."""
        counts = self._collector.counts
        return f"{counts['fitted']} fitted, {self.up_to_date} skipped (up to date), {counts['failed']} failed"
