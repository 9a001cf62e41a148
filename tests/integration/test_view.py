"""The viewer as its users see it: one server, one browser, and the fit, posterior and measurement of version 0.1."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from browser import Page, open_page

from heterodyne_data import NLSQResult

pytest.importorskip("panel", reason="the extra view is not installed")

PHONE = 400
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

# The contrast of every text that is seen against the ground behind it, and the worst of them (WCAG 2.2, 1.4.3).
CONTRAST = """(() => {
    const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
    const colour = text => text.match(/[\\d.]+/g).map(Number);
    const above = e => e.parentElement ?? e.getRootNode().host;
    const ground = e => {
        for (; e; e = above(e)) {
            const found = colour(getComputedStyle(e).backgroundColor);
            if (found.length < 4 || found[3] > 0.5) return found;
        }
        return [255, 255, 255];
    };
    let worst = [99, ""];
    for (const e of deep("*")) {
        // A cross whose words stand outside of what is seen.
        if (e.matches(".choices__button")) continue;
        if (!e.checkVisibility() || e.disabled || e.tagName === "STYLE" || e.tagName === "SCRIPT") continue;
        const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join("").trim() || e.value;
        if (!/[\\p{L}\\d]/u.test(text ?? "") || e.type === "checkbox") continue;
        const [a, b] = [light(colour(getComputedStyle(e).color)), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < worst[0]) worst = [ratio, text];
    }
    return worst;
})()"""

# A step of the slider that has the focus, and what the sliders have asked the server for.
ARROW = (
    "deep('.noUi-handle').filter(e => e.checkVisibility()).at(-4)"
    ".dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));"
)


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

    def open_run(self, key: str, page: Page | None = None, **given: Any) -> Page:
        """Show a run with all its parts."""
        page = self.open(key, page, **given)
        page.wait("button('Reset to the fit') != null && model('cut of data') != null", 40)
        page.wait("column('cut of model', 'high').some((high, k) => high > column('cut of model', 'c2')[k])")
        return page


def click(page: Page, element: str) -> None:
    """Click at an element."""
    page.click(*page.value(f"place({element})"))


def enter(page: Page, label: str, text: str) -> None:
    """Type into the field of a label, and leave it."""
    page.value(
        f"(e => {{ e.scrollIntoView({{block: 'center'}}); e.focus(); e.select(); }})(field({json.dumps(label)}))"
    )
    page.write(text)
    page.key("Tab", 9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, a measurement, and a series of two."""
    top = tmp_path_factory.mktemp("view").resolve()
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


@pytest.fixture(scope="module")
def viewer(folder: Path) -> Iterator[Viewer]:
    process, address = start(folder / "run", folder / "series", folder / "fresh.h5")
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, open_page(Path(profile)) as page:
            yield Viewer(process, address, page)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(autouse=True)
def no_errors(viewer: Viewer) -> Iterator[None]:
    """After every test: the console is free of errors, and no request has left this machine."""
    yield
    if viewer.process.poll() is None:
        assert viewer.page.errors == []
    own = urlsplit(viewer.address).netloc
    assert {urlsplit(one).netloc for one in viewer.page.requests} <= {own}


def of_fit(folder: Path) -> NLSQResult:
    return NLSQResult.load(folder / "run")


def test_a_click_into_a_map_sets_the_age_and_the_cut_is_that_of_numpy(viewer: Viewer, folder: Path) -> None:
    page, fit = viewer.open_run(str(folder / "run"), height=1000), of_fit(folder)
    assert fit.maps is not None
    data, model = (maps[0] for maps in fit.maps)
    t = fit.data.t
    shown = np.array(page.value("Array.from(model('image of data').data.image[0])")).reshape(data.shape)
    off = ~np.eye(len(data), dtype=bool)
    assert np.allclose(shown[off], data[off])
    page.click(*page.value(f"at('data', {t[15]}, {t[9]})"))
    page.wait(f"column('cut of data', 'c2').length == {len(t) - 10}")
    assert np.allclose(page.value("column('cut of data', 'lag')"), t[10:] - t[9])
    assert np.allclose(page.value("column('cut of data', 'c2')"), data[9, 10:], atol=1e-6)
    assert np.allclose(page.value("column('cut of model', 'c2')"), model[9, 10:], atol=1e-6)
    # Without a number of frames, the cut is that of one.
    enter(page, "averaged frames", "")
    page.click(*page.value(f"at('data', {t[15]}, {t[8]})"))
    page.wait(f"column('cut of data', 'c2').length == {len(t) - 9}")
    # Colour limits are those that are typed; a pair that is none is refused.
    for label, value, side in (("data from", "1.01", "low"), ("residual to", "0.02", "high")):
        enter(page, label, value)
        name = label.split()[0]
        page.wait(f"model('{name}').renderers[0].glyph.color_mapper.{side} == {value}")
    assert page.value("model('model').renderers[0].glyph.color_mapper.low") == 1.01
    enter(page, "data to", "1")
    page.wait("words('[role=alert]').some(e => e.includes('Colours of the data: enter two numbers'))")
    enter(page, "data to", "1.3")
    page.wait("model('model').renderers[0].glyph.color_mapper.high == 1.3 && words('[role=alert]').length == 0")
    # The same in another azimuth, at a constant mean age.
    page.value("(e => { e.value = e.options[1].value; e.dispatchEvent(new Event('change')) })(field('azimuth φ / °'))")
    page.value("(e => { e.value = e.options[1].value; e.dispatchEvent(new Event('change')) })(field('cut'))")
    page.click(*page.value(f"at('residual', {t[14]}, {t[10]})"))
    expected = [fit.maps[0][1][12 - k, 12 + k] for k in range(1, 12)]

    def even_lags() -> Any:
        return page.value("column('cut of data', 'c2')")[1:22:2]

    page.until(lambda: len(even_lags()) == 11 and np.allclose(even_lags(), expected, atol=1e-6), "the cut", 10)


def test_sliders_show_the_model_and_its_cost_and_reset_returns_to_the_fit(viewer: Viewer, folder: Path) -> None:
    from heterodyne_data import TwoTimeData
    from heterodyne_nlsq import cost_function
    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    page, fit = viewer.open_run(str(folder / "run")), of_fit(folder)
    assert fit.maps is not None
    before = page.value("Array.from(model('image of model').data.image[0])")
    enter(page, "v0 / Å/s^(β+1)", "800")
    page.wait("words('p').some(e => e.includes('relative to the fit'))")
    moved = {**fit.parameters, "v0": 800.0}
    data = fit.data
    c2 = np.asarray(c2_meshgrid(HeterodyneModel(**moved), data.t, data.q, 0.0, fit.contrast[0], fit.offset[0]))
    shown = np.array(page.value("Array.from(model('image of model').data.image[0])")).reshape(c2.shape)
    off = ~np.eye(len(c2), dtype=bool)
    assert np.allclose(shown[off], c2[off], atol=1e-6)
    measured = TwoTimeData(c2=fit.maps[0].astype(float), q=data.q, phi=data.phi, t=data.t)
    cost = cost_function(measured, fit.config)(moved, fit.contrast, fit.offset)
    line = next(one for one in page.value("words('p')") if "relative to the fit" in one)
    assert float(line.split()[1].rstrip(",")) == pytest.approx(cost, rel=1e-4)
    # An arrow key on the slider of f3 moves it too.
    page.value("deep('.noUi-handle').filter(e => e.checkVisibility()).at(-4).focus()")
    page.key("ArrowRight", 39)
    page.until(
        lambda: page.value("words('p').find(e => e.includes('relative to the fit'))") != line, "another cost", 10
    )
    # Of moves faster than the answers, the latest is drawn.
    page.value("window.answers = 0, model('image of model').properties.data.change.connect(() => answers++), 0")
    page.value(
        f"(async () => {{ for (let k = 0; k < 30; k++) {{ {ARROW} await new Promise(f => setTimeout(f, 5)) }} }})()"
    )
    page.wait("!asked().busy && !asked().more && asked().slid.size == 0")
    assert 0 < page.value("answers") < 30
    numbers = page.value("asked().latest")
    moved = dict(zip(fit.parameters, numbers, strict=False))
    assert moved["f3"] > fit.parameters["f3"] and moved["v0"] == 800.0
    c2 = np.asarray(c2_meshgrid(HeterodyneModel(**moved), data.t, data.q, 0.0, fit.contrast[0], fit.offset[0]))
    shown = np.array(page.value("Array.from(model('image of model').data.image[0])")).reshape(c2.shape)
    left = np.array(page.value("Array.from(model('image of residual').data.image[0])")).reshape(c2.shape)
    assert np.allclose(shown[off], c2[off], atol=1e-6)
    assert np.allclose(left[off], (fit.maps[0][0] - c2)[off], atol=1e-6)
    click(page, "button('Start the next fit from here')")
    page.wait("words('pre').some(e => e.includes('value: 800'))")
    click(page, "button('Reset to the fit')")
    page.wait("words('p').some(e => e.includes('at the fit'))")
    assert np.allclose(page.value("Array.from(model('image of model').data.image[0])")[1], before[1])
    assert page.value("field('v0 / Å/s^(β+1)').value").startswith("698.8")


def test_frames_are_chosen_and_masked_by_dragging(viewer: Viewer, folder: Path) -> None:
    page, t = viewer.open_run(str(folder / "run")), of_fit(folder).data.t
    step = t[1] - t[0]

    def drag(first: int, last: int) -> None:
        ends = [
            page.value(f"at('data', {t[k - 1] + side * step}, {t[11]})") for k, side in ((first, -0.3), (last, 0.3))
        ]
        page.drag(*ends)

    click(page, "button('chooses frames')")
    page.wait("model('data').toolbar.active_drag.type == 'BoxSelectTool'")
    drag(3, 20)
    page.wait("field('first frame').value == '3' && field('last frame').value == '20'")
    click(page, "button('masks frames')")
    page.wait("button('masks frames').classList.contains('bk-active')")
    drag(7, 8)
    page.wait("field('masked frames, such as 12, 40-45').value == '7-8'")
    drag(12, 12)
    page.wait("field('masked frames, such as 12, 40-45').value == '7-8, 12'")
    # Hatched along both sides: before 3, after 20, 7 to 8, 12.
    page.wait("column('marks', 'left').length == 8")
    text = page.value("words('pre')[0]")
    assert "frames:" in text and "mask_frames:" in text
    # Azimuths: a drag chooses those between both ends, a click adds or removes one.
    phi = of_fit(folder).data.phi
    page.drag(page.value(f"at('azimuths', {phi[1] - 3}, 0.5)"), page.value(f"at('azimuths', {phi[1] + 3}, -0.5)"))
    page.until(lambda: f"phi:\n  - {phi[1]}\nmodel" in page.value("words('pre')[0]"), "one azimuth", 10)
    page.click(*page.value(f"at('azimuths', {phi[0]}, 0)"))
    page.wait("model('azimuths').renderers[0].data_source.selected.indices.length == 2")
    page.until(lambda: "phi:" not in page.value("words('pre')[0]"), "all azimuths again", 10)
    click(page, "button('zooms')")
    page.wait("model('data').toolbar.active_drag.type == 'BoxZoomTool'")
    page.drag(page.value(f"at('data', {t[4]}, {t[4]})"), page.value(f"at('data', {t[14]}, {t[14]})"))
    # The model follows.
    page.wait(
        f"Math.abs(model('model').x_range.start - {t[4]}) < {step}"
        " && model('image of model').data.image[0].length < 200"
    )


def test_a_fit_from_the_page_runs_and_joins_the_curves(viewer: Viewer, folder: Path) -> None:
    page = viewer.open_run(str(folder / "run"))
    enter(page, "first frame", "2")
    output = folder / "run" / "refit-1"
    page.wait("words('pre').some(e => e.includes('refit-1'))")
    click(page, "button('Run this fit')")
    page.until(lambda: page.value("words('p').find(e => e.startsWith('finished'))"), "the fit", 120)
    assert NLSQResult.load(output).data.n_frames == 23
    # Its curve is drawn, and the address of its page is there.
    page.until(lambda: page.value("legend('v')") == ["this fit", "refit-1"], "the curve of the new fit")
    assert page.value("words('a').includes('open refit-1')")
    viewer.open()
    page.wait("deep('.tabulator-row').length == 5")


def test_the_posterior_is_drawn_over_the_fit_and_a_killed_fit_is_one_line(viewer: Viewer, folder: Path) -> None:
    page = viewer.open_run(str(folder / "run"))
    click(page, "field('compare with').getRootNode().querySelector('.choices__inner')")
    page.wait("deep('.choices__item--selectable').some(e => e.innerText.includes('posterior'))")
    click(page, "deep('.choices__item--selectable').find(e => e.innerText.includes('posterior'))")
    page.until(lambda: page.value("legend('x')") == ["this fit", "run, posterior"], "the posterior", 30)
    # A fit that is killed says so.
    click(page, "button('Run this fit')")
    page.wait("words('[role=status]').some(e => e.length > 0)")

    def child() -> int | None:
        for one in Path("/proc").glob("[0-9]*"):
            try:
                words = (one / "cmdline").read_bytes()
                parent = int((one / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == viewer.process.pid and b"--output" in words:
                return int(one.name)
        return None

    if not Path("/proc").is_dir():
        pytest.skip("no list of processes")
    os.kill(page.until(child, "the process of the fit", 20), signal.SIGKILL)
    page.wait("words('[role=status].bad').some(e => e.includes('the fit gave no result: it was terminated'))", 20)
    page.wait("!button('Run this fit').disabled")


class StandIn:
    """Starts nothing: what a command would tell is told by the test."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.busy: Path | None = None
        self.told: Any = None

    def start(self, words: list[str], folder: Path, told: Any) -> StandIn:
        self.words, self.told = words, told
        return self

    def is_busy(self, folder: Path) -> bool:
        return folder == self.busy


def test_frames_of_a_fit_of_some_frames_are_those_of_the_file(folder: Path) -> None:
    from dataclasses import replace

    from heterodyne_cli.view.map_pane import MapPane
    from heterodyne_cli.view.measured import look_at_result
    from heterodyne_cli.view.refit import Refit
    from heterodyne_spec import load_model

    looked = look_at_result(folder / "run")
    assert looked.result is not None
    config = {**looked.result.config, "data": {"q": 0.0054, "frames": [11, 34], "mask_frames": [12]}}
    looked = replace(looked, result=replace(looked.result, config=config))
    maps = MapPane(looked)
    form = Refit(looked, load_model(), str(folder / "fresh.h5"), maps, StandIn(), lambda *given: None)
    assert maps.frames_in_view() == (11, 34)
    t, step = looked.t, looked.t[1] - looked.t[0]
    hatched = maps._marks.data
    assert np.allclose(hatched["left"][0], t[1] - step / 2) and np.allclose(hatched["right"][0], t[1] + step / 2)
    # The whole file again, and more than is shown: nothing is hatched, and frames beyond are those of the file.
    form.first.value, form.last.value, form.mask.value = 1, 40, "38"
    assert form.document()["data"]["frames"] == [1, 40] and len(maps._marks.data["left"]) == 0
    form.last.value = None
    assert "class='bad'" in form.text.object and form.run.disabled


def test_a_posterior_starts_from_the_fit_that_is_shown_and_can_be_resumed(folder: Path) -> None:
    from heterodyne_cli.view.map_pane import MapPane
    from heterodyne_cli.view.measured import look_at_result
    from heterodyne_cli.view.refit import Refit
    from heterodyne_spec import load_model

    looked, fits, ended = look_at_result(folder / "run"), StandIn(), list[tuple[Path, str]]()
    source = str(folder / "fresh.h5")
    form = Refit(looked, load_model(), source, MapPane(looked), fits, lambda *given: ended.append(given))
    form.method.value = "cmc"
    output = Path(form.output.value)
    # Another tab has chosen the same folder.
    fits.busy = output
    form.run.clicks += 1
    assert "a fit is running" in form.progress.object and fits.words == []
    fits.busy = None
    form.run.clicks += 1
    assert fits.words[-2:] == ["--nlsq-result", str(folder / "run")] and "cmc" in fits.words
    assert " ".join(fits.words) in form.text.object and (output / "config.yaml").is_file()
    fits.told({"event": "progress", "text": "preparing the sampling: 0 s"})
    assert "preparing the sampling<" in form.progress.object
    # Killed: one line, and the same folder, where the finished shards are.
    fits.told({"event": "end", "exit_code": -9, "message": "it was terminated from outside (exit code -9)"})
    assert "the posterior gave no result: it was terminated" in form.progress.object
    assert "run it again to resume" in form.progress.object
    assert Path(form.output.value) == output and not form.run.disabled and ended == []
    form.run.clicks += 1
    fits.told({"event": "end", "exit_code": 0, "message": ""})
    assert ended == [(output, "cmc")] and "finished" in form.progress.object
    # Another start is fitted first.
    form.rows["v0"]["value"].value = 650.0
    assert "--nlsq-result" not in form.text.object
    shutil.rmtree(output)


def test_a_measurement_that_is_not_fitted_shows_its_map_and_a_form(viewer: Viewer, folder: Path) -> None:
    page = viewer.open(f"{folder / 'fresh.h5'}#0.0054")
    page.wait("button('Run this fit') != null")
    assert page.value("model('image of data').data.image[0].length") == 24**2
    assert page.value("model('image of model')") is None
    enter(page, "masked frames, such as 12, 40-45", "3-99")
    page.wait("words('[role=alert]').some(e => e.includes('frames from 1 to 24'))")
    page.wait("button('Run this fit').disabled")


def test_the_table_sorts_filters_follows_a_series_and_downloads(viewer: Viewer, folder: Path, tmp_path: Path) -> None:
    page = viewer.open()

    def column(name: str) -> Any:
        return page.value(f"deep('.tabulator-row [tabulator-field=\"{name}\"]').map(e => e.innerText)")

    page.wait("deep('.tabulator-row').length >= 4")
    page.wait("words('p').some(e => e.includes('idle, waiting for files; last change'))")
    page.wait("deep('.tabulator-row img').length >= 3")
    page.until(lambda: "white" in column("noise"), "the noise")
    click(page, "deep('.tabulator-col[tabulator-field=\"v / Å/s\"] .tabulator-col-title')[0]")
    page.until(lambda: [v for v in column("v / Å/s") if v.strip()][:2] == ["400", "698.81"], "sorted")
    click(page, "deep('.tabulator-col[tabulator-field=\"file\"] input')[0]")
    page.write("early")
    page.key("End", 35)
    page.until(lambda: column("file") == ["early.h5"], "filtered")
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    click(page, "deep('a').find(e => e.innerText.includes('Download as CSV'))")
    found = tmp_path / "measurements.csv"
    page.until(found.is_file, "downloaded")
    lines = page.until(lambda: found.read_text().splitlines(), "written")
    assert len(lines) == 2 and "early.h5" in lines[1] and "900" in lines[1]
    # A new line, and the end of the watch, in two tabs without a reload.
    other = page.another()
    viewer.open(page=other)
    write_series(folder / "series", {"late": 400.0, "early": 900.0}, ["early2", "later"])
    other.wait("words('p').some(e => e.includes('running, 2 fits to go'))")
    write_series(folder / "series", {"late": 400.0, "early": 900.0, "early2": 901.0}, ["later"])
    page.until(lambda: column("file") == ["early.h5", "early2.h5"], "the new line, with the filter")
    other.wait("deep('.tabulator-row [tabulator-field=\"file\"]').some(e => e.innerText == 'early2.h5')")
    (folder / "series" / ".lock").unlink()
    other.wait("words('p').some(e => e.includes('ended with 1 fit left out'))")
    assert other.errors == []
    other.close()


def test_what_is_damaged_or_gone_is_one_line(viewer: Viewer, folder: Path) -> None:
    damaged = folder / "series" / "late" / "nlsq_result.json"
    damaged.write_text("{")
    page = viewer.open(str(damaged.parent))
    page.wait("words('.bad').some(e => e.includes('nlsq_result.json'))")
    page = viewer.open("no such key")
    page.wait("words('.bad').some(e => e.includes('no such run'))")
    assert page.value("words('.bad').length") == 1
    viewer.open()
    kept = folder / "elsewhere"
    (folder / "series").rename(kept)
    page.wait("words('.bad').some(e => e.includes('series'))")
    # What was read stays.
    assert page.value("deep('.tabulator-row').length") > 0
    kept.rename(folder / "series")
    page.wait("words('.bad').length == 0")


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_legible_on_a_phone_in_light_and_dark(viewer: Viewer, folder: Path, dark: bool) -> None:
    page = viewer.page
    page.open(viewer.address, PHONE, 800, dark=dark)
    page.wait(f"(() => {{ {HELPERS} return deep('.tabulator-row').length > 2 }})()")
    assert ("theme=dark" in page.value("location.href")) == dark
    assert page.value("document.documentElement.scrollWidth") <= PHONE
    ratio, text = page.value(CONTRAST)
    assert ratio >= 4.5, text
    viewer.open_run(str(folder / "run"), width=PHONE, height=800, dark=dark)
    assert page.value("document.documentElement.scrollWidth") <= PHONE
    ratio, text = page.value(CONTRAST)
    assert ratio >= 4.5, text


def test_the_keyboard_reaches_every_control(viewer: Viewer, folder: Path) -> None:
    page = viewer.open_run(str(folder / "run"))
    # Names in the form's rows are for assistive programs; a row is as high as its fields.
    heights = page.value("deep('input[type=checkbox]').slice(-14).map(e => e.getRootNode().host.offsetHeight)")
    assert max(heights) < 40
    page.value("document.activeElement.blur()")
    # The innermost element with the focus, and what a user can operate.
    active = (
        "(() => { let e = document.activeElement; while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
    )
    controls = (
        "window.left = new Set(deep('button, input, select, a[href], .noUi-handle').filter(e => e.checkVisibility()"
        " && !e.disabled && e.tabIndex >= 0 && !e.closest('.bk-Toolbar, .bk-toolbar')))"
    )
    page.value(f"{controls}, 0")
    wanted = page.value("left.size")
    assert wanted > 100
    for _ in range(3 * wanted):
        page.key("Tab", 9)
        if page.value(active + " left.delete(e); return left.size })()") == 0:
            break
    assert page.value("[...left].map(e => e.outerHTML.slice(0, 100))") == []


def test_others_are_refused(viewer: Viewer) -> None:
    address = urlsplit(viewer.address)
    assert address.hostname == "127.0.0.1" and len(address.path) > 16

    def status(path: str, **headers: str) -> int:
        with contextlib.closing(http.client.HTTPConnection(address.netloc, timeout=10)) as connection:
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as answer:
                return answer.status

    assert status(address.path) == 200
    assert status("/") == status("/wrong/all") == status("/all") == 404
    assert status(address.path, Host="evil.example") == status(address.path + "all", Host="evil.example") == 403
    socket_of = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "bokeh, none"}  # fmt: skip
    assert status(address.path + "all/ws", Origin="http://evil.example", **socket_of) == 403
    assert status(address.path + "all/ws", Origin=f"http://{address.netloc}", **socket_of) != 403


def test_the_first_page_becomes_that_of_the_only_run_and_says_when_its_server_has_ended(
    viewer: Viewer, folder: Path
) -> None:
    page = viewer.page
    process, address = start(folder / "fresh.h5")
    try:
        # Opened before the server is there, in the colours of the system; no script is read twice.
        page.open(address, dark=True)
        page.wait(f"(() => {{ {HELPERS} return button('Run this fit') != null && model('cut of data') != null }})()")
        assert page.value("location.href") == f"{address}all?theme=dark"
        scripts = [one.partition("?")[0] for one in page.requests if ".js" in one]
        assert any("bokeh.min" in one for one in scripts) and len(scripts) == len(set(scripts))
        assert {urlsplit(one).netloc for one in page.requests} == {urlsplit(address).netloc}
        assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
        assert page.errors == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        assert process.stdout is not None
        process.stdout.close()
    page.wait("document.getElementById('gone')?.innerText.includes('has ended')", 30)
    page.events.clear()
