"""Collector of the results of a series: prints and records each fit, and updates the summary files."""

from __future__ import annotations

import datetime
import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from heterodyne_cli.series.examining import Signature
from heterodyne_cli.series.job import Job
from heterodyne_cli.series.record import Plan, Record
from heterodyne_cli.series.request import Request
from heterodyne_cli.series.retry import Notice, retry_write
from heterodyne_cli.series.row import FAILED, NOT_CONVERGED, Row, failed_row
from heterodyne_cli.series.summary_files import publish
from heterodyne_cli.series.tasks import Examined, Failed, Fitted, Written
from heterodyne_cli.series.terminal_table import table_header, table_row
from heterodyne_data import NLSQResult
from heterodyne_report import Console, Progress
from heterodyne_spec import DONE, ModelSpec, OutputError, ResultError, load_model, one_line
from heterodyne_spec import FAILED as CODE_FAILED
from heterodyne_spec import NOT_CONVERGED as CODE_NOT_CONVERGED

STARTS = 3
"""Number of previous results of the same shape that serve as starting values, newest first."""

_SAVED_EVERY = 2.0
"""Minimum interval in s between two updates of the record with fits that are planned."""


class Collector:
    """Output and files of a series.

    `title` is the heading of the page, which browsers reload after `refresh` s. With `wait`, writing to a full disk is
    retried.
    """

    def __init__(
        self,
        record: Record,
        spec: ModelSpec,
        console: Console,
        shown: Progress,
        title: str,
        *,
        refresh: int | None = None,
        wait: bool = False,
    ):
        self.record, self.spec, self.counts = record, spec, defaultdict[str, int](int)
        self._console, self._shown = console, shown
        self._title, self._refresh, self._wait = title, refresh, wait
        self._recent: dict[tuple[int, int], deque[NLSQResult]] = defaultdict(lambda: deque(maxlen=STARTS))
        self._headed, self._saved = False, -math.inf

    def log(self, text: str, event: str = "note") -> None:
        """Print a line that is not a fit."""
        self._shown.clear()
        self._console.say(f"{_now()}  {one_line(text)}")
        self._console.tell(event, text=text)

    def show_progress(self, state: str, **fields: Any) -> None:
        """Show progress; events for programs are printed only if there are `fields`."""
        if fields or not self._console.machine:
            self._shown.show(state, **fields)

    def log_end(self) -> None:
        """Print a summary at the end of a watch."""
        self.log(f"watch ended: {self.counts['fitted']} fitted, {self.counts['failed']} failed", "ended")

    def plan_fits(self, message: Examined) -> Plan:
        """Return the fits required for a file; print the reason in special cases."""
        plan = self.record.plan(message.path, message.signature, message.found)
        name = message.path.name
        if plan.changed:
            self.log(f"{name}: changed since it was fitted; fitting it again")
        elif plan.same is not None and not plan.jobs:
            self.log(f"{name}: same data as {plan.same.name}; not fitted again")
            self.publish()
        if plan.jobs and time.monotonic() > self._saved + _SAVED_EVERY:
            # What is to be done, for those who look at the folder; fits do not wait for it.
            with suppress(OutputError):
                self.record.save()
            self._saved = time.monotonic()
        return plan

    def drop(self, job: Job) -> list[Path]:
        """Cancel a fit whose file has been deleted, also in the record; return other files with the same data."""
        others = self.record.drop(job)
        with suppress(OutputError):
            self.record.save()
        return others

    def add_unusable(self, path: Path, signature: Signature, text: str) -> None:
        """Print and record that a file cannot be used."""
        self.record.add_problem(path, signature, without_path(path, text))
        self._row(next(self.record.rows_of([path])))
        self.publish()

    def add_fit(self, message: Fitted) -> None:
        """Print a fit."""
        self._row(message.row)
        if message.result.success:
            self._recent[message.job.shape].appendleft(message.result)

    def add_result(self, message: Written) -> None:
        """Record a fit whose result has been written."""
        self.record.add_row(message.job, message.row)
        self._console.tell("written", files=message.files)
        self.publish()

    def add_failure(self, message: Failed) -> None:
        """Print and record a failed fit."""
        row = failed_row(message.job, without_path(message.job.path, message.text))
        self._row(row)
        self.record.add_row(message.job, row)
        self.publish()

    def publish(self) -> list[Path]:
        """Write the record and the summaries; return the paths of the summaries."""
        return self.write_with_retry(lambda: publish(self.record, self.spec, self._title, self._refresh))

    def write_with_retry[T](self, write: Callable[[], T]) -> T:
        """Return the result of `write`, retried on temporary errors if so configured."""
        if not self._wait:
            return write()
        attempts = retry_write(write)
        while True:
            try:
                self.log_notice(next(attempts))
            except StopIteration as end:
                found: T = end.value
                return found

    def log_notice(self, message: Notice) -> None:
        """Print the reason for waiting."""
        self.log(message.text, "waiting")

    def starting_results(self, shape: tuple[int, int]) -> list[NLSQResult]:
        """Return previous results of this shape as candidates for starting values."""
        return list(self._recent[shape])

    def load_recent_results(self) -> None:
        """Load the last results of an earlier run as candidates for starting values."""
        rows: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for row in self.record.rows():
            if row["fit"] not in (FAILED, NOT_CONVERGED) and row["settings"] == self.record.settings:
                rows[row["n_phi"], row["n_frames"]].append(row)
        for shape, known in rows.items():
            for row in known[-STARTS:]:
                # Deleted or damaged results are skipped: they only serve as starting values.
                with suppress(ResultError):
                    self._recent[shape].appendleft(NLSQResult.load(self.record.folder / row["result"], maps=False))

    def exit_code(self, paths: Iterable[Path]) -> int:
        """Return the exit code for these files; print which results have been deleted."""
        rows = list(self.record.rows_of(list(paths)))
        fits = {row["fit"] for row in rows}
        if gone := [row["result"] for row in rows if row["fit"] != FAILED and not self.record.has_result(row)]:
            self.log(f"failed: {', '.join(gone)}: deleted after it was written; rerun the same command to fit it again")
        if FAILED in fits or gone:
            return CODE_FAILED
        return CODE_NOT_CONVERGED if NOT_CONVERGED in fits else DONE

    def _row(self, row: Row) -> None:
        self._shown.clear()
        if not self._headed:
            self._console.say(self._console.paint(table_header(), "head"))
            self._headed = True
        self._console.say(table_row(row, _now(), self._console.paint, {path.name for path in self.record.files}))
        self._console.tell("fit", **row)
        self.counts["failed" if row["fit"] == FAILED else "fitted"] += 1


def open_collector(
    request: Request, console: Console, shown: Progress, title: str, *, refresh: int | None = None, wait: bool = False
) -> Collector:
    """Return the collector of a series that continues in its folder; report results with other settings there.

    Raises
    ------
    OutputError : if the record of the folder cannot be read.
    """
    record = Record.load(request.output, request.settings, request.asked)
    collector = Collector(
        record, load_model(request.config.model.name), console, shown, title, refresh=refresh, wait=wait
    )
    if other := sum(row.get("settings", request.settings) != request.settings for row in record.rows()):
        collector.log(
            f"{request.output}: {other} results were fitted with other settings; their files are fitted again"
        )
    return collector


def without_path(path: Path, text: str) -> str:
    """Return a message about a file without its path, which is printed separately."""
    return text.removeprefix(f"{path}: ")


def _now() -> str:
    return datetime.datetime.now().astimezone().strftime("%H:%M:%S")
