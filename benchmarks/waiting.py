"""How long a person waits at the beamline: ``python waiting.py [inspect | watch]``.

``inspect``: from the command to its last line, in a new process, on files of more and more maps. ``watch``: from a file
that lands in the folder to its line on the terminal, files landing at random moments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from table import print_table, seconds

from heterodyne_data import save_data
from heterodyne_nlsq import Experiment, simulate
from heterodyne_spec import load_model

TRUTH = {"D0_ref": 1500.0, "D0_sample": 9000.0, "v0": 700.0, "f0": 0.3, "f1": -0.15, "f3": 0.3}
PHI = (-45.0, -5.8, 4.9, 90.0)
PLAN = Experiment(
    {**{p.name: p.default for p in load_model().parameters}, **TRUTH}, 0.0054, PHI, 400, 0.1, photons=4.0, pixels=2000
)
SIZES = ((3, 400), (300, 400), (300, 1000), (300, 4700))
"""Maps and frames of the files that are inspected; the last has 27 GB."""
LANDINGS = 10


def command(*arguments: object) -> list[str]:
    """Return the words that run ``heterodyne`` of this environment."""
    return [str(Path(sys.executable).parent / "heterodyne"), *map(str, arguments)]


def write_maps(path: Path, n_map: int, n_t: int) -> None:
    """Write an APS-U file of `n_map` maps, three azimuths for every q, white noise."""
    data = simulate(replace(PLAN, phi=PHI[:3], n_frames=n_t, dt=40.0 / n_t, noise="white", noise_sd=5e-3))
    save_data(path, data)
    n_q = n_map // 3
    with h5py.File(path, "r+") as file:
        maps = file["/xpcs/twotime/correlation_map"]
        stored = [maps[name][()] for name in sorted(maps)]
        for k in range(4, n_map + 1):
            maps[f"c2_{k:05}"] = stored[(k - 1) % 3]
        for name in ("/xpcs/twotime/processed_bins", "/xpcs/qmap/dynamic_index_mapping"):
            first = int(file[name][0])
            del file[name]
            file[name] = np.arange(first, first + n_map, dtype=np.int32)
        del file["/xpcs/qmap/dynamic_v_list_dim0"]
        file["/xpcs/qmap/dynamic_v_list_dim0"] = 0.004 * 1.05 ** np.arange(n_q)


def inspect() -> None:
    """Print how long ``heterodyne inspect`` takes, alone and with a picture."""
    rows = []
    for n_map, n_t in SIZES:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "maps.h5"
            write_maps(path, n_map, n_t)
            options = ((), ("--picture", path.with_suffix(".png")))
            spent = [float(np.median([run_once("inspect", path, *more) for _ in range(3)])) for more in options]
            rows.append([f"{n_map} × {n_t}", f"{path.stat().st_size / 1e9:.2g}", *map(seconds, spent)])
    header = ["maps × frames", "GB", "inspect", "with a picture"]
    print_table("inspect, a new process each, median of 3", header, rows)


def run_once(*arguments: object) -> float:
    """Return the seconds that a command takes."""
    begin = time.perf_counter()
    subprocess.run(command(*arguments), check=True, capture_output=True)
    return time.perf_counter() - begin


def watch() -> None:
    """Print how long a file takes from landing to its line, without the first, which compiles."""
    rows = []
    for title, options in (("with pictures and report", ()), ("--no-plots", ("--no-plots",))):
        spent, fits = landings(options)
        rows.append([title, *(seconds(v) for v in (np.median(spent), max(spent), np.median(fits)))])
    header = ["watch, 4 angles × 400 frames", "median", "largest", "fit alone, median"]
    print_table(f"From landing to line, {LANDINGS} files", header, rows)


def landings(options: tuple[str, ...]) -> tuple[list[float], list[float]]:
    """Return seconds from landing to line, and those of the fits."""
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        ready, land = Path(name, "ready"), Path(name, "land")
        ready.mkdir(), land.mkdir()
        for k in range(LANDINGS + 1):
            v0 = TRUTH["v0"] * (1 - 0.02 * k)
            save_data(
                ready / f"scan_{k:03}.h5", simulate(replace(PLAN, parameters={**PLAN.parameters, "v0": v0}, seed=k))
            )
        program = command("watch", land, "--output", Path(name, "fits"), "--json", *options)
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            found = [landing(running.stdout, path, land, rng) for path in sorted(ready.iterdir())]
            running.terminate()
            # The rest is read, so that the watch can end.
            threading.Thread(target=running.stdout.read, daemon=True).start()
    return [spent for spent, _ in found[1:]], [fit for _, fit in found[1:]]


def landing(lines: Iterable[str], path: Path, folder: Path, rng: np.random.Generator) -> tuple[float, float]:
    """Let a file land and return the seconds until its line, and those of its fit."""
    # As files come: when the pictures of the one before are drawn, at any moment between two looks.
    time.sleep(6.0 + rng.uniform(0, 1))
    os.utime(path)
    begin = time.perf_counter()
    path.rename(folder / path.name)
    for line in lines:
        event = json.loads(line)
        if event["event"] == "fit":
            return time.perf_counter() - begin, float(event["seconds"])
    raise RuntimeError("the watch ended")


if __name__ == "__main__":
    for name, part in (("inspect", inspect), ("watch", watch)):
        if sys.argv[1:] in ([], [name]):
            part()
