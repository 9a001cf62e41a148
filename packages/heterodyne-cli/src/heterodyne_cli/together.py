"""Which measurements can be fitted together, and what is in the way: several q of a file, repeats, runs that follow."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_SAME_Q, _SAME_DT = 0.02, 1e-3
"""Relative differences up to which q (the default of data.q_tolerance) and the time between frames are the same."""

_REPEAT = 1e-6
"""Relative difference of q up to which measurements are merged."""


class Run(NamedTuple):
    """A file as it can be fitted: its values of q in 1/Å, numbers of azimuths, frames, time between frames in s, and
    ages of the first and of the last frame in s, None where the file does not tell; the azimuths in degrees."""

    path: Path
    q: tuple[float, ...]
    azimuths: int
    frames: int
    dt: float | None
    ages: tuple[float, float] | None
    phi: tuple[float, ...] = ()


def run_of(path: Path, description: Mapping[str, Any]) -> Run:
    """Return a file from its description (`heterodyne_data.describe_data`)."""
    known = sorted(one["q"] for one in description["maps"] if one["q"] is not None and one["q"] > 0)
    groups = tuple(q for k, q in enumerate(known) if k == 0 or q > known[k - 1] * (1 + _SAME_Q))
    angles = {one["phi"] for one in description["maps"]}
    dt, frames, age = description["dt"], description["n_frames"], description.get("start_age")
    begin = age if age is not None else None if dt is None else dt * description["start_frame"]
    ages = None if dt is None or begin is None else (begin, begin + dt * (frames - 1))
    return Run(path, groups, len(angles), frames, dt, ages, tuple(sorted(angles - {None})))


def several_q(run: Run) -> str:
    """Return how the q of one file are fitted together, "" if there is one."""
    if len(run.q) < 2:
        return ""
    return f"to fit its {len(run.q)} q together: {_command([run], ' --q all')}"


def table(runs: Sequence[Run]) -> list[list[str]]:
    """Return the files side by side, a header first."""
    rows = [["file", "q (1/Å)", "azimuths", "frames", "dt / s", "ages / s"]]
    for run in runs:
        q = ", ".join(f"{one:.6g}" for one in run.q) or "unknown"
        ages = "unknown" if run.ages is None else f"{run.ages[0]:g} to {run.ages[1]:g}"
        dt = "unknown" if run.dt is None else f"{run.dt:g}"
        rows.append([run.path.name, q, str(run.azimuths), str(run.frames), dt, ages])
    return rows


def words(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what can be fitted together, and what is in the way."""
    given: dict[Path, Run] = {}
    for run in runs:
        if run.path.resolve() in given:
            yield f"{run.path.name} is given twice: it counts once"
        given.setdefault(run.path.resolve(), run)
    runs = list(given.values())
    unusable = [run for run in runs if not run.q or run.ages is None]
    for run in unusable:
        missing = " and ".join(name for name, known in (("q", run.q), ("time between frames", run.ages)) if not known)
        yield f"{run.path.name} has no {missing}: it cannot be fitted (set data.dt for the time)"
    good = [run for run in runs if run not in unusable]
    if len(good) < 2:
        yield "nothing is left to fit together"
        return
    common = [q for q in good[0].q if all(any(abs(q / other - 1) <= _SAME_Q for other in run.q) for run in good)]
    several = any(len(run.q) > 1 for run in good)
    if several and not common:
        yield "no q is in all files: give the files of each q, or one q of each, as measurements of their own"
    elif several:
        listed = ",".join(f"{q:.6g}" for q in common)
        asked = "all" if all(len(run.q) == len(common) for run in good) else listed
        yield f"q in all files: {listed.replace(',', ', ')}; fit them together with {_command(good, f' --q {asked}')}"
    else:
        yield f"fit them together with {_command(good)}"
    yield _of_ages(good)
    if len({run.frames for run in good}) > 1 or not _alike([run.dt for run in good if run.dt], _SAME_DT):
        yield "frames or times between frames differ: a joint fit takes them as they are, heterodyne merge does not"
    elif not several and _same_ages(good) and _alike([run.q[0] for run in good], _SAME_Q):
        scatter = "repeats of one q: from three on, their scatter tests the error bars"
        merged = len({run.phi for run in good}) == 1 and _alike([run.q[0] for run in good], _REPEAT)
        yield f"{scatter}; " + (
            "heterodyne merge writes their mean"
            if merged
            else "their azimuths or q differ in part, a joint fit takes them as they are, heterodyne merge does not"
        )


def _of_ages(runs: Sequence[Run]) -> str:
    """Return how the ages of the files follow each other."""
    if _same_ages(runs):
        return "all have the same ages"
    spans = sorted(run.ages for run in runs if run.ages is not None)
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(spans)]
    if min(gaps) > 0:
        return "their ages follow each other: one course of J, v and, if it is common, x through all of them"
    return "their ages overlap in part: check that age 0 is the same event in all of them"


def _same_ages(runs: Sequence[Run]) -> bool:
    spans = np.array([run.ages for run in runs], float)
    return _alike(spans[:, 0], 0.01) and _alike(spans[:, 1], 0.01)


def _alike(values: Sequence[float] | np.ndarray, tolerance: float) -> bool:
    return bool(np.ptp(values) <= tolerance * np.max(np.abs(values)))


def _command(runs: Sequence[Run], more: str = "") -> str:
    return f"heterodyne --data {' '.join(shlex.quote(str(run.path)) for run in runs)}{more} --joint"
