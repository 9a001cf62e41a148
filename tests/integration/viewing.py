"""A viewer that runs, the page of a browser that shows it, and what the tests of both do with them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from browser import Page, open_page

from heterodyne_data import NLSQResult

STORED = Path(__file__).parent / "fixtures" / "0.1"

# Elements of the page, those inside components included, and how to find models and places in them.
HELPERS = """
window.deep = (selector, root = document) => {
    const found = [...root.querySelectorAll(selector)];
    for (const e of root.querySelectorAll("*")) if (e.shadowRoot) found.push(...deep(selector, e.shadowRoot));
    return found;
};
// While a part is drawn anew, the old one may still be there.
window.model = name => [...Bokeh.documents[0]._all_models.values()].filter(m => m.name === name).at(-1) ?? null;
window.column = (name, key) => Array.from(model(name).data[key]);
window.legend = name =>
    model(name)?.center.filter(r => r.type === "Legend").flatMap(r => r.items).map(i => i.label.value);
window.asked = () => model("values of the sliders");
window.words = selector => deep(selector).filter(e => e.checkVisibility()).map(e => e.innerText);
window.place = e => {
    e.scrollIntoView({block: "center"});
    const box = e.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
};
window.button = name => deep("button").find(e => e.innerText.trim() === name);
window.at = (name, x, y) => {
    const view = [...Bokeh.index.query(v => v.model === model(name))][0];
    view.el.scrollIntoView({block: "center"});
    const box = view.canvas_view ? view.canvas_view.el.getBoundingClientRect() : view.el.getBoundingClientRect();
    return [box.x + view.frame.x_scale.compute(x), box.y + view.frame.y_scale.compute(y)];
};
// The element that a label is of, as assistive programs find it.
window.field = label => {
    const found = deep("label").find(e => e.innerText.trim() === label);
    return found.getRootNode().querySelector("input, select, textarea");
};
"""


class Viewer:
    """A running viewer, its address, and a page of a browser."""

    def __init__(self, process: subprocess.Popen[str], address: str, page: Page) -> None:
        self.process, self.address, self.page = process, address, page

    def open(self, key: str = "", page: Page | None = None, **given: Any) -> Page:
        """Show the table, or the run of a key, and wait until it is complete."""
        page = page or self.page
        theme = "dark" if given.get("dark") else "default"
        page.open(self.address + (f"run?theme={theme}&key={quote(key, safe='')}" if key else ""), **given)
        page.wait("document.readyState == 'complete' && location.pathname.length > 25")
        page.wait(f"(() => {{ {HELPERS} return deep('h1').length > 0 }})()")
        return page

    def check(self) -> None:
        """Fail if the console has shown errors, or a request has left this machine."""
        if self.process.poll() is None:
            assert self.page.errors == []
        own = urlsplit(self.address).netloc
        assert {urlsplit(one).netloc for one in self.page.requests} <= {own}

    def open_run(self, key: str, page: Page | None = None, **given: Any) -> Page:
        """Show a run with all its parts."""
        page = self.open(key, page, **given)
        page.wait("button('Reset to the fit') != null && model('cut of data') != null", 40)
        page.wait("column('cut of model', 'high').some((high, k) => high > column('cut of model', 'c2')[k])")
        return page


def steady(page: Page, place: str) -> tuple[float, float]:
    """Return a place of the page once it stays: what is still being loaded or drawn moves others."""
    seen: list[Any] = []

    def stays() -> bool:
        seen.append(page.value(place))
        return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

    page.until(stays, f"a steady {place}")
    x, y = seen[-1]
    return x, y


def click(page: Page, element: str) -> None:
    """Click at an element."""
    page.click(*steady(page, f"place({element})"))


def click_at(page: Page, name: str, x: float, y: float) -> None:
    """Click at a point of a pane."""
    page.click(*steady(page, f"at('{name}', {x}, {y})"))


def click_until(page: Page, name: str, x: float, y: float, expression: str) -> None:
    """Click at a point of a pane, and again where a drawing that was under way took the click with it, until a
    JavaScript expression is true."""
    for _ in range(5):
        click_at(page, name, x, y)
        with suppress(AssertionError):
            page.wait(expression, 6.0)
            return
    page.wait(expression, 0.0)


def enter(page: Page, label: str, text: str) -> None:
    """Type into the field of a label, and leave it."""
    page.value(
        f"(e => {{ e.scrollIntoView({{block: 'center'}}); e.focus(); e.select(); }})(field({json.dumps(label)}))"
    )
    page.write(text)
    page.key("Tab", 9)


def make_folder(top: Path) -> Path:
    """Fill a folder with a run, a measurement, and a series of two, and return it."""
    run, series = top / "run", top / "series"
    shutil.copytree(STORED, run, ignore=shutil.ignore_patterns("series"))
    shutil.copy(STORED / "measurement.h5", top / "fresh.h5")
    series.mkdir()
    (series / ".lock").write_text(f"{os.getpid()}\n{socket.gethostname()}\n")
    write_series(series, {"late": 400.0, "early": 900.0})
    return top


def write_series(folder: Path, velocities: dict[str, float], planned: Sequence[str] = ()) -> None:
    """Write the record of a series, as a watch does; fits of `planned` files are to be done."""
    record = json.loads((STORED / "series" / "record.json").read_text())
    (entry,), (row,) = record["files"].values(), record["rows"].values()
    files, rows = {}, {}
    for name, v in velocities.items():
        (folder / name).mkdir(exist_ok=True)
        for stored in ("nlsq_result.json", "nlsq_result.h5"):
            shutil.copy(STORED / stored, folder / name)
        files[f"/data/{name}.h5"] = {**entry, "names": {f"{name} key": name}}
        rows[f"{name} key"] = {**row, "file": f"/data/{name}.h5", "result": name, "v_mean": v}
    for name in planned:
        files[f"/data/{name}.h5"] = {**entry, "names": {f"{name} key": name}}
    (folder / "record.json").write_text(json.dumps({**record, "files": files, "rows": rows}))


def start(*paths: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a viewer and return it and its address."""
    words = [sys.executable, "-m", "heterodyne_cli.command", "view", *map(str, paths), "--no-browser", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    events = (json.loads(line) for line in process.stdout)
    return process, next(event["url"] for event in events if event.get("event") == "serving")


@contextmanager
def open_viewer(folder: Path) -> Iterator[Viewer]:
    """Yield a viewer of the run, the series and the measurement of `make_folder`, and its page; end both."""
    process, address = start(folder / "run", folder / "series", folder / "fresh.h5")
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, open_page(Path(profile)) as page:
            yield Viewer(process, address, page)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def of_fit(folder: Path) -> NLSQResult:
    return NLSQResult.load(folder / "run")
