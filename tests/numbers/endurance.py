"""Fits that take long or much, and the same fit again elsewhere: memory, compilations, sizes, and the same bits.

Every part prints rows of a table, and what does not hold. Large measurements are fitted in a process of their own, so
that its largest memory can be told.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from measurements import TRUTH

from heterodyne_data import save_data
from heterodyne_nlsq import Experiment, fit_nlsq_jax, simulate
from heterodyne_spec import load_config, load_model

GROWTH_MB = 40.0
"""Growth of a process over all fits after the first 30 that is not called a leak: the allocator's own ups and downs."""
RARE = 100
"""Functions that later fits may compile in all: those of turns that none of the first ones took (these compile 284)."""
MEMORY_GB = 20.0


@dataclass
class Report:
    """Rows of a table, and what does not hold."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    def row(self, *cells: Any) -> None:
        self.rows.append(tuple(map(str, cells)))
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)

    def require(self, holds: bool, words: str) -> None:
        if not holds:
            self.defects.append(words)
            print(f"does not hold: {words}", flush=True)


def experiment(n_phi: int, n_t: int, seed: int = 0, noise: str = "speckle") -> Experiment:
    """Return a flow seen at angles between 0 and 90 degrees over 40 s."""
    parameters = {**{p.name: p.default for p in load_model().parameters}, **TRUTH}
    phi = tuple(np.linspace(0, 90, n_phi)) if n_phi > 1 else (20.0,)
    # White noise for large maps: a speckle pattern of 8000 frames takes longer than its fit.
    return Experiment(parameters, 0.0054, phi, n_t, 40.0 / n_t, noise, noise_sd=3e-3, pixels=2000, seed=seed)


def resident_mb() -> float:
    """Return the memory that this process has now, in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def many_fits(report: Report, count: int, warm: int = 30) -> None:
    """Fit `count` measurements in this process; memory may not grow, and hardly anything is compiled."""
    compiled = []

    def listen(event: str, duration: float, **_: object) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    held = {name: {"vary": False} for name in ("f2", "phi0", "D_offset_ref", "D_offset_sample", "v_offset")}
    configs = [load_config({"nlsq": {"max_iterations": 30, "loss": loss}, "model": {"parameters": held}})
               for loss in ("linear", "linear", "linear", "linear", "soft_l1")]  # fmt: skip
    memory: list[float] = []
    until: list[int] = []
    for number in range(count):
        fit_nlsq_jax(simulate(experiment(2, 32, number)), configs[number % len(configs)])
        memory.append(resident_mb())
        until.append(len(compiled))
        if (number + 1) % 30 == 0:
            report.row(f"fit {number + 1}", f"{memory[-1]:.0f} MB", f"{until[-1]} compiled")
    jax.monitoring.clear_event_listeners()
    first = min(warm, count) - 1
    growth, rare = memory[-1] - memory[first], until[-1] - until[first]
    report.row(f"{count} fits", f"grown by {growth:.1f} MB after {warm}", f"{rare} compiled after {warm}")
    report.require(growth < GROWTH_MB, f"memory grew by {growth:.1f} MB")
    report.require(rare < RARE, f"{rare} functions were compiled after the first {warm} fits")


def run_apart(arguments: Sequence[str], **environment: str) -> tuple[int, float, float, str]:
    """Return exit code, seconds, largest memory in GB and what the command ``heterodyne`` said on the error stream."""
    begin = time.monotonic()
    program = (
        "import resource, sys; from heterodyne_cli.command import main; code = main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    *said, last = done.stderr.splitlines() or [""]
    peak = float(last) if done.returncode >= 0 and last.replace(".", "").isdigit() else float("nan")
    return done.returncode, time.monotonic() - begin, peak, " / ".join(said)


def written(path: Path, n_phi: int, n_t: int, noise: str = "white") -> Path:
    """Write a simulated measurement and return its path."""
    if not path.exists():
        save_data(path, simulate(experiment(n_phi, n_t, noise=noise)))
    return path


def sizes(folder: Path) -> Iterator[tuple[str, Path, Mapping[str, Any], tuple[int, ...]]]:
    """Yield names, files, configurations and admitted exit codes of unusual sizes."""
    spec = load_model()
    all_held = {p.name: {"vary": False} for p in spec.parameters}
    level = {"contrast": {"value": 0.2}, "offset": {"value": 1.0}}
    small, quick = written(folder / "3x60.h5", 3, 60), {"max_iterations": 60}
    yield "64 angles x 100 frames", written(folder / "64x100.h5", 64, 100), {"nlsq": quick}, (0, 2)
    yield "1 angle x 100 frames", written(folder / "1x100.h5", 1, 100), {"nlsq": quick}, (0, 2)
    tiny = written(folder / "3x3.h5", 3, 3)
    yield "3 frames, all free", tiny, {}, (1,)
    few = {**all_held, "v0": {"value": 700}}
    yield "3 frames, one free", tiny, {"model": {"parameters": few}, "scaling": "shared"}, (0, 2)
    yield "one free parameter", small, {"model": {"parameters": few}}, (0, 2)
    yield "all parameters held", small, {"model": {"parameters": all_held}}, (0,)
    yield "all held, scaling too", small, {"model": {"parameters": {**all_held, **level}}, "scaling": "fixed"}, (0,)


def unusual_sizes(report: Report, folder: Path) -> None:
    """Fit measurements of unusual sizes through the command line: a result, or one line."""
    for name, data, config, codes in sizes(folder):
        code, seconds, peak, said = fit_apart(folder / name.replace(" ", "_"), data, config)
        report.row(name, f"exit {code}", f"{seconds:.0f} s", f"{peak:.2f} GB", said or "-")
        report.require(code in codes and (code == 1) == bool(said), f"{name}: exit {code}, said: {said or 'nothing'}")


def fit_apart(folder: Path, data: Path, config: Mapping[str, Any], *more: str) -> tuple[int, float, float, str]:
    """Run the command on a measurement, with plots and report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    named = ["--config", str(folder / "config.json"), "--data", str(data), "--output", str(folder)]
    return run_apart([*named, "--quiet", *more])


def large(report: Report, folder: Path, n_t: int) -> None:
    """Fit 3 angles of very many frames and tell time and memory."""
    data = written(folder / f"3x{n_t}.h5", 3, n_t)
    code, seconds, peak, said = fit_apart(folder / "large", data, {"output": {"plots": True, "report": True}})
    report.row(f"3 angles x {n_t} frames", f"exit {code}", f"{seconds:.0f} s", f"{peak:.2f} GB", said or "-")
    report.require(code in (0, 2) and not said, f"{n_t} frames: exit {code}, {said}")
    report.require(peak < MEMORY_GB, f"{n_t} frames took {peak:.1f} GB")
