"""First steps of the commands that fit: read the measurement; print the plan for ``--dry-run``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heterodyne_data import TwoTimeData, load_data
from heterodyne_report.console import Console
from heterodyne_report.stages import READING
from heterodyne_spec import Config
from heterodyne_spec.terminal import DONE


def read_measurement(path: Path, config: Config, console: Console) -> TwoTimeData:
    """Read the measurement at `path` and print a summary."""
    with console.stage(f"{READING} {path.name}"):
        data = load_data(path, config=config)
    console.say(f"{path}: {data.n_phi} angles x {data.n_t} frames, q = {data.q:.5g} 1/Å, dt = {data.dt:g} s")
    for note in data.notes:
        console.say(f"  {note}")
    console.tell("measurement", file=path, q=data.q, phi=data.phi, frames=data.n_t, dt=data.dt, notes=list(data.notes))
    return data


def say_plan(console: Console, plan: Sequence[str], files: Sequence[Path]) -> int:
    """Print what would be done, and which files would be replaced."""
    console.say("\n".join(plan))
    console.say("would write: " + ", ".join(str(path) for path in files))
    if there := [str(path) for path in files if path.exists()]:
        console.say("would replace: " + ", ".join(there))
    console.tell("plan", steps=list(plan), files=list(files))
    return DONE
