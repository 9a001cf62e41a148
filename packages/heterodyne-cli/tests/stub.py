"""Fits that cost nothing, workers without processes, a clock that is moved by waiting: for tests of what goes where."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heterodyne_cli.series.worker import Finished
from heterodyne_data import (
    Bands,
    Derived,
    FittedData,
    FittedParameter,
    FittedScaling,
    Identifiability,
    MapNoise,
    NLSQResult,
    TwoTimeData,
    save_data,
)
from heterodyne_spec import Config, load_model

SPEC = load_model()
MEANS = {
    "mean velocity": "v",
    "mean J of the reference": "J_r",
    "mean J of the sample": "J_s",
    "mean fraction": "x",
}


def measurement(level: float, q: float = 0.0054, n_phi: int = 2, n_t: int = 12) -> TwoTimeData:
    """Return maps whose median, `level`, tells one measurement from another, and is what the stub fit finds."""
    # Maps of one value are no correlation: two frames apart it is another.
    c2 = np.full((n_phi, n_t, n_t), 1.0 + level) + 0.001 * (np.eye(n_t, k=2) + np.eye(n_t, k=-2))
    return TwoTimeData(c2=c2, q=q, phi=90.0 * np.arange(n_phi), dt=0.1)


def write(path: Path, level: float, **shape: Any) -> Path:
    """Write `measurement` to `path`."""
    save_data(path, measurement(level, **shape))
    return path


def fitted(data: TwoTimeData, config: Config) -> NLSQResult:
    """Return a result whose velocity is 1000 times the level of the maps; levels from 0.3 on do not converge."""
    level = float(np.median(data.c2)) - 1.0
    parameters = {p.name: p.default for p in SPEC.parameters} | {"v0": 1000 * level}
    table = tuple(
        FittedParameter(
            p.name,
            p.unit,
            parameters[p.name],
            2.0 if p.name == "v0" else np.nan,
            *p.bounds,
            "free" if p.name == "v0" else "fixed",
        )
        for p in SPEC.parameters
    )
    ages = np.linspace(data.t[0], data.t[-1], 5)
    shape = {f.name: 1000 * level * ages for f in SPEC.functions}
    held = np.full(data.n_phi, np.nan)
    return NLSQResult(
        table=table,
        varying=("v0",),
        covariance=np.array([[4.0]]),
        covariance_iid=np.array([[1.0]]),
        covariance_kind="calibrated",
        scaling=FittedScaling("fixed", np.full(data.n_phi, 0.2), np.ones(data.n_phi), held, held),
        data=FittedData(data.q, data.phi, data.n_t, data.start_frame, data.dt, data.notes, data.provenance),
        cost=1.0,
        reduced_chi2=1.0,
        noise_sd=np.full(data.n_phi, 0.01),
        n_pairs=100,
        n_evaluations=3,
        method="factored",
        start="the values of the configuration",
        success=level < 0.3,
        message="converged" if level < 0.3 else "not converged: stopped at the limit of evaluations",
        warnings=(),
        identifiability=Identifiability(("v0",), ()),
        model={"id": SPEC.id, "version": SPEC.version, "sha256": SPEC.sha256},
        timings={"fit": 0.5},
        versions={"heterodyne-nlsq": "0.1.0"},
        config=config.document,
        bands=Bands(ages, shape, {name: 0.1 * values for name, values in shape.items()}),
        derived=tuple(Derived(name, 1000 * level, 2.0, "", "") for name in MEANS),
        noise=MapNoise(held, held, np.full(data.n_phi, 5.0 if 0.2 < level < 0.3 else 1.0), "none"),
        maps=(data.c2, data.c2),
    )


class Fits:
    """Stands in for the fit and counts; `starts` are the velocities of the candidates of every fit."""

    def __init__(self) -> None:
        self.levels: list[float] = []
        self.starts: list[list[float]] = []

    def __call__(self, data: TwoTimeData, config: Config, starts: Sequence[NLSQResult]) -> NLSQResult:
        result = fitted(data, config)
        self.levels.append(round(result.parameters["v0"] / 1000, 4))
        self.starts.append([round(start.parameters["v0"]) for start in starts])
        return result


class LocalWorker:
    """A worker in this process: a task goes on when it is read."""

    def __init__(self, first: Callable[..., Iterator[Any]] | None = None, *arguments: Any):
        self.idle = True

    def start(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        self.idle, self._task = False, task(*arguments)

    def receive(self) -> Any:
        message = next(self._task, None)
        self.idle = message is None
        return Finished() if message is None else message

    def terminate(self) -> None:
        """Nothing goes on."""

    def stop(self, grace: float) -> None:
        """Nothing is left behind."""


class Clock:
    """Time that passes by waiting only; `scenes` happen one after another, each when all workers are idle.

    After the last one Ctrl-C is pressed. Every scene is given the seconds of three looks and more to show.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.scenes: deque[tuple[float, Callable[[], object]]] = deque()

    def monotonic(self) -> float:
        return self.now

    def after(self, seconds: float, scene: Callable[[], object]) -> None:
        """Have `scene` happen when that many idle seconds have passed since the one before."""
        self.scenes.append((seconds, scene))

    def receive_messages(self, workers: Sequence[LocalWorker], seconds: float) -> list[tuple[LocalWorker, Any]]:
        busy = [worker for worker in workers if not worker.idle]
        if busy:
            return [(worker, worker.receive()) for worker in busy]
        self.now += max(seconds, 0.01)
        if not self.scenes:
            return []
        left, scene = self.scenes.popleft()
        if left > 0:
            self.scenes.appendleft((left - max(seconds, 0.01), scene))
        else:
            scene()
        return []


def interrupt() -> None:
    """Press Ctrl-C."""
    raise KeyboardInterrupt
