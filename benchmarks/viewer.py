"""Waiting times and memory of the viewer: ``python viewer.py [small | large]``; needs Chromium.

The browser runs before the command, as that of a user does. Compiled functions are kept on disk and were made before.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from table import megabytes, print_table, seconds

from heterodyne_data import save_data
from heterodyne_nlsq import Experiment, simulate
from heterodyne_spec import load_model

sys.path.append(str(Path(__file__).parents[1] / "tests" / "integration"))
from browser import Page, open_page
from viewing import HELPERS

TRUTH = {"D0_ref": 1500.0, "D0_sample": 9000.0, "v0": 700.0, "f0": 0.3, "f1": -0.15, "f3": 0.3}
VALUES = {**{p.name: p.default for p in load_model().parameters}, **TRUTH}
PHI = (-45.0, -5.8, 4.9, 90.0)
LARGE = 8000
REPEATS = 3
MOVED = 20

DRAWN = f"""(() => {{
    {HELPERS}
    if (typeof Bokeh === "undefined" || !Bokeh.documents.length || !deep("canvas").length) return false;
    return (model("image of data")?.data.image[0].length ?? 0) > 1;
}})()"""
# After two frames, what was drawn is on the screen.
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"

# From a key on the slider of v0 until the model's map has arrived, and until all of it is painted, in seconds.
MOVES = """
window.moved = () => new Promise(done => {
    const all = deep(".noUi-handle").filter(e => e.checkVisibility()), handle = all.at(all.length - 16 + NUMBER);
    const source = model("image of model"), begin = performance.now(), since = () => (performance.now() - begin) / 1000;
    const arrived = () => {
        source.properties.data.change.disconnect(arrived);
        const there = since();
        requestAnimationFrame(() => requestAnimationFrame(() => done([there, since()])));
    };
    source.properties.data.change.connect(arrived);
    handle.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
}), 0
""".replace("NUMBER", str(list(VALUES).index("v0")))


def command(*arguments: object) -> list[str]:
    """Return the words that run ``heterodyne`` of this environment."""
    return [str(Path(sys.executable).parent / "heterodyne"), *map(str, arguments)]


@contextmanager
def viewer(page: Page, path: Path) -> Iterator[tuple[subprocess.Popen[str], float, float]]:
    """Yield a viewer whose page shows the maps, and the times from the command to its address and to the maps."""
    begin = time.perf_counter()
    words = command("view", path, "--no-browser", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        events = map(json.loads, process.stdout)
        address = next(event["url"] for event in events if event.get("event") == "serving")
        served = time.perf_counter() - begin
        try:
            page.call("Page.navigate", url=address)
            while not page.value(DRAWN):
                time.sleep(0.01)
            page.value(PAINTED)
            shown = time.perf_counter() - begin
            yield process, served, shown
        finally:
            process.send_signal(signal.SIGINT)


def resident(process: subprocess.Popen[str]) -> float:
    """Return the memory of a process in bytes."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def timed(page: Page, act: Callable[[], None], reached: str) -> float:
    """Return the time from an action until an expression holds and is on the screen."""
    begin = time.perf_counter()
    act()
    while not page.value(reached):
        time.sleep(0.002)
    page.value(PAINTED)
    return time.perf_counter() - begin


def made(folder: Path, plan: Experiment) -> Path:
    """Return the folder of a fit."""
    save_data(folder / "m.h5", simulate(plan))
    settings = {"model": {"parameters": {name: {"value": value} for name, value in TRUTH.items()}}}
    (folder / "c.json").write_text(json.dumps({**settings, "nlsq": {"start": "values"}, "output": {"plots": False}}))
    fit = command("--config", folder / "c.json", "--data", folder / "m.h5", "--output", folder / "fit", "--quiet")
    subprocess.run(fit, check=False)
    return folder / "fit"


def enlarged(folder: Path, plan: Experiment) -> Path:
    """Return a measurement of one azimuth and `LARGE` frames."""
    path = folder / "large.h5"
    save_data(path, simulate(replace(plan, n_frames=20, phi=PHI[:1])))
    age = np.arange(LARGE, dtype=np.float32)
    with h5py.File(path, "r+") as file:
        name = next(name for name in _datasets(file) if file[name].ndim == 2)
        del file[name]
        stored = file.create_dataset(name, (LARGE, LARGE), "f4", chunks=(200, 200))
        for first in range(0, LARGE, 200):
            lag = np.abs(age[first : first + 200, None] - age)
            stored[first : first + 200] = np.triu(1 + 0.2 * np.exp(-lag / 500) + 0.01 * np.sin(7 * lag + age), first)
    return path


def _datasets(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, one: found.append(name) if isinstance(one, h5py.Dataset) else None)
    return found


def shown_small(page: Page, fit: Path) -> list[list[str]]:
    """Return the rows of the fit: start, sliders, memory."""
    served, first, moves = [], [], []
    with viewer(page, fit):
        # What Python compiled is kept from here on.
        page.wait("button('Reset to the fit') != null", 120)
    for _ in range(REPEATS):
        with viewer(page, fit) as (process, at_address, at_maps):
            served.append(at_address)
            first.append(at_maps)
            page.wait("button('Reset to the fit') != null", 120)
            page.wait("column('cut of model', 'high').some((high, k) => high > column('cut of model', 'c2')[k])", 60)
            page.value(MOVES)
            for _ in range(MOVED + 1):
                moves.append(page.value("moved()"))
                # The cost and the functions follow after a pause.
                time.sleep(0.8)
            moves.pop(-MOVED - 1)
            memory = resident(process)
    return [
        ["command to address", "4 x 400", *spread(served)],
        ["command to first maps", "4 x 400", *spread(first)],
        ["slider to model, residual and cut on the screen", "4 x 400", *spread([one[1] for one in moves])],
        ["of which until they are in the browser", "4 x 400", *spread([one[0] for one in moves])],
        ["memory of the server", "4 x 400", f"{megabytes(memory)} MB", "with JAX"],
    ]


def spread(taken: list[float]) -> tuple[str, str]:
    """Return the median of times, and their range."""
    return seconds(statistics.median(taken)), f"{seconds(min(taken))} to {seconds(max(taken))}"


def shown_large(page: Page, path: Path) -> list[list[str]]:
    """Return the rows of the large map: start, zoom, pan, memory."""
    with viewer(page, path) as (process, _, first):
        page.wait("button('Run this fit') != null", 60)
        times: dict[str, list[float]] = {"zoom": [], "pan": []}
        size = f"1 x {LARGE}"
        middle = "['x_range', 'y_range'].map(name => (model('data')[name].start + model('data')[name].end) / 2)"
        x, y = page.value(f"at('data', ...{middle})")
        changed = "model('image of data').data.image[0] !== before"
        for kind in ("zoom", "pan"):
            if kind == "pan":
                page.value(
                    "(f => { f.toolbar.active_drag = f.toolbar.tools.find(t => t.type === 'PanTool') })(model('data'))"
                )
            for k in range(8):
                page.value("window.before = model('image of data').data.image[0]; 0")
                ends = (x, y), (x + 40 * (-1) ** k, y + 20)
                act = (lambda: page.wheel(x, y, -240)) if kind == "zoom" else (lambda ends=ends: page.drag(*ends))
                times[kind].append(timed(page, act, changed))
        memory = resident(process)
    rows = [["command to first map", size, seconds(first), "reads 256 MB, completes the lower half"]]
    for kind, taken in times.items():
        rows.append([f"{kind} to the finer map on the screen", size, *spread(taken)])
    return [*rows, ["memory of the server", size, f"{megabytes(memory)} MB", "maps kept: at most 1 GB and one azimuth"]]


def main() -> None:
    """Print the table."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        open_page(Path(profile)) as page,
    ):
        page.size(1200, 900)
        which = sys.argv[1:] or ["small", "large"]
        plan = Experiment(VALUES, 0.0054, PHI, 400, 0.1, "white", noise_sd=0.01, seed=1)
        rows = []
        load = os.getloadavg()[0]
        if "small" in which:
            rows += shown_small(page, made(Path(name), plan))
        if "large" in which:
            rows += shown_large(page, enlarged(Path(name), plan))
    notes = [f"{os.cpu_count()} cores; mean load of the machine before: {load:.1f}, after: {os.getloadavg()[0]:.1f}."]
    print_table("The viewer", ("what", "azimuths x frames", "median", "range or note"), rows, notes)


if __name__ == "__main__":
    main()
