"""Scheduling of fits over processes, and the estimate of the remaining time."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from heterodyne_cli.series.job import Job
from heterodyne_data import available_cores

type Shape = tuple[int, int]


def default_workers() -> int:
    """Return the default number of processes: half of the available cores, because a fit uses several threads."""
    return max(1, available_cores() // 2)


def next_job(jobs: Sequence[Job], own: Collection[Shape], others: Collection[Shape]) -> Job:
    """Return the next job of a process.

    In order of preference: a shape that it has compiled, a shape that no process has compiled, the first job.
    """
    for wanted in (lambda job: job.shape in own, lambda job: job.shape not in others):
        if (found := next(filter(wanted, jobs), None)) is not None:
            return found
    return jobs[0]


@dataclass(frozen=True)
class Timing:
    """Duration of a fit in s; the `first` of a shape in a process includes compilation."""

    shape: Shape
    seconds: float
    first: bool


def seconds_left(waiting: Sequence[Shape], done: Sequence[Timing], workers: int) -> float | None:
    """Return the estimated time for the waiting fits in s, or None if there is no basis for an estimate.

    A fit is estimated by the median of the fits of its shape without compilation, or, for a new shape, by the median
    time per pair of frames. Fits that compiled count only if all did and there are more of them than processes.
    """
    if not waiting:
        return 0.0
    known = [one for one in done if not one.first] or (done if len(done) > workers else [])
    if not known:
        return None
    pace = statistics.median(one.seconds / _pairs(one.shape) for one in known)

    def expected(shape: Shape) -> float:
        alike = [one.seconds for one in known if one.shape == shape]
        return statistics.median(alike) if alike else pace * _pairs(shape)

    each = [expected(shape) for shape in waiting]
    # Fits run in parallel, but the total is at least the longest fit.
    return max(sum(each) / min(workers, len(each)), max(each))


def _pairs(shape: Shape) -> float:
    return shape[0] * shape[1] ** 2
