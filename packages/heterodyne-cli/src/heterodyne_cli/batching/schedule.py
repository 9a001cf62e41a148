"""Which fit a process takes next, and how long all will take."""

from __future__ import annotations

import os
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from heterodyne_cli.series.job import Job

type Shape = tuple[int, int]


def default_workers() -> int:
    """Return how many processes fit side by side: half of the cores that may be used, for a fit has threads itself."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 2)


def next_job(jobs: Sequence[Job], own: Collection[Shape], others: Collection[Shape]) -> Job:
    """Return the job that a process does next.

    One of a shape that it has compiled; else of one that no process has; else the first.
    """
    for wanted in (lambda job: job.shape in own, lambda job: job.shape not in others):
        if (found := next(filter(wanted, jobs), None)) is not None:
            return found
    return jobs[0]


@dataclass(frozen=True)
class Timing:
    """Seconds that a fit of a shape took; `first` of its shape in its process: then some of them went to compiling."""

    shape: Shape
    seconds: float
    first: bool


def seconds_left(waiting: Sequence[Shape], done: Sequence[Timing], workers: int) -> float | None:
    """Return how long the fits that wait will take, or None while nothing tells.

    A shape takes the median of its fits, those that compiled left out; one that was not fitted yet that of all, by the
    number of its pairs of frames. Where every fit compiles, from the second of a process on they tell of the others.
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
    # Side by side, but never sooner than the longest.
    return max(sum(each) / min(workers, len(each)), max(each))


def _pairs(shape: Shape) -> float:
    return shape[0] * shape[1] ** 2
