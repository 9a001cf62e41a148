"""The viewer beside its maps: fits and posteriors started from a page, the table, series, and its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from viewing import HELPERS, Viewer, click, enter, start, write_series

from heterodyne_data import NLSQResult

pytest.importorskip("panel", reason="the extra view is not installed")


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


def test_a_fit_from_the_page_runs_and_joins_the_curves(viewer: Viewer, viewed: Path) -> None:
    page = viewer.open_run(str(viewed / "run"))
    page.wait("words('pre').some(e => e.includes('refit-1'))")
    before = page.value("words('pre').join()")
    enter(page, "first frame", "2")
    output = viewed / "run" / "refit-1"
    # The configuration grows by a line, and the buttons below it move.
    page.until(lambda: page.value("words('pre').join()") != before, "the configuration with the first frame")
    click(page, "button('Run this fit')")
    page.until(lambda: page.value("words('p').find(e => e.startsWith('finished'))"), "the fit", 120)
    assert NLSQResult.load(output).data.n_frames == 23
    # Its curve is drawn, and the address of its page is there.
    page.until(lambda: page.value("legend('v')") == ["this fit", "refit-1"], "the curve of the new fit")
    page.until(lambda: page.value("words('a').includes('open refit-1')"), "the link to its page")
    viewer.open()
    page.wait("deep('.tabulator-row').length == 5")


@pytest.mark.slow
def test_the_posterior_is_drawn_over_the_fit_and_a_killed_fit_is_one_line(viewer: Viewer, viewed: Path) -> None:
    page = viewer.open_run(str(viewed / "run"))
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


def test_frames_of_a_fit_of_some_frames_are_those_of_the_file(viewed: Path) -> None:
    from dataclasses import replace

    from heterodyne_cli.view.map_pane import MapPane
    from heterodyne_cli.view.measured import look_at_result
    from heterodyne_cli.view.refit import Refit
    from heterodyne_spec import load_model

    looked = look_at_result(viewed / "run")
    assert looked.result is not None
    config = {**looked.result.config, "data": {"q": 0.0054, "frames": [11, 34], "mask_frames": [12]}}
    looked = replace(looked, result=replace(looked.result, config=config))
    maps = MapPane(looked)
    form = Refit(looked, load_model(), str(viewed / "fresh.h5"), maps, StandIn(), lambda *given: None)
    assert maps.frames_in_view() == (11, 34)
    t, step = looked.t, looked.t[1] - looked.t[0]
    hatched = maps._marks.data
    assert np.allclose(hatched["left"][0], t[1] - step / 2) and np.allclose(hatched["right"][0], t[1] + step / 2)
    # The whole file again, and more than is shown: nothing is hatched, and frames beyond are those of the file.
    form.first.value, form.last.value, form.mask.value = 1, 40, "38"
    assert form.document()["data"]["frames"] == [1, 40] and len(maps._marks.data["left"]) == 0
    form.last.value = None
    assert "class='bad'" in form.text.object and form.run.disabled


def test_a_posterior_starts_from_the_fit_that_is_shown_and_can_be_resumed(viewed: Path) -> None:
    from heterodyne_cli.view.map_pane import MapPane
    from heterodyne_cli.view.measured import look_at_result
    from heterodyne_cli.view.refit import Refit
    from heterodyne_spec import load_model

    looked, fits, ended = look_at_result(viewed / "run"), StandIn(), list[tuple[Path, str]]()
    source = str(viewed / "fresh.h5")
    form = Refit(looked, load_model(), source, MapPane(looked), fits, lambda *given: ended.append(given))
    form.method.value = "cmc"
    output = Path(form.output.value)
    # Another tab has chosen the same folder.
    fits.busy = output
    form.run.clicks += 1
    assert "a fit is running" in form.progress.object and fits.words == []
    fits.busy = None
    form.run.clicks += 1
    assert fits.words[-2:] == ["--nlsq-result", str(viewed / "run")] and "cmc" in fits.words
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


def test_a_measurement_that_is_not_fitted_shows_its_map_and_a_form(viewer: Viewer, viewed: Path) -> None:
    page = viewer.open(f"{viewed / 'fresh.h5'}#0.0054")
    page.wait("button('Run this fit') != null")
    assert page.value("model('image of data').data.image[0].length") == 24**2
    assert page.value("model('image of model')") is None
    enter(page, "masked frames, such as 12, 40-45", "3-99")
    page.wait("words('[role=alert]').some(e => e.includes('frames from 1 to 24'))")
    page.wait("button('Run this fit').disabled")


def test_the_table_sorts_filters_follows_a_series_and_downloads(viewer: Viewer, viewed: Path, tmp_path: Path) -> None:
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
    write_series(viewed / "series", {"late": 400.0, "early": 900.0}, ["early2", "later"])
    other.wait("words('p').some(e => e.includes('running, 2 fits to go'))")
    write_series(viewed / "series", {"late": 400.0, "early": 900.0, "early2": 901.0}, ["later"])
    page.until(lambda: column("file") == ["early.h5", "early2.h5"], "the new line, with the filter")
    other.wait("deep('.tabulator-row [tabulator-field=\"file\"]').some(e => e.innerText == 'early2.h5')")
    (viewed / "series" / ".lock").unlink()
    other.wait("words('p').some(e => e.includes('ended with 1 fit left out'))")
    assert other.errors == []
    other.close()


def test_what_is_damaged_or_gone_is_one_line(viewer: Viewer, viewed: Path) -> None:
    damaged = viewed / "series" / "late" / "nlsq_result.json"
    damaged.write_text("{")
    page = viewer.open(str(damaged.parent))
    page.wait("words('.bad').some(e => e.includes('nlsq_result.json'))")
    page = viewer.open("no such key")
    page.wait("words('.bad').some(e => e.includes('no such run'))")
    assert page.value("words('.bad').length") == 1
    viewer.open()
    kept = viewed / "elsewhere"
    (viewed / "series").rename(kept)
    page.wait("words('.bad').some(e => e.includes('series'))")
    # What was read stays.
    assert page.value("deep('.tabulator-row').length") > 0
    kept.rename(viewed / "series")
    page.wait("words('.bad').length == 0")


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


@pytest.mark.slow
def test_the_first_page_becomes_that_of_the_only_run_and_says_when_its_server_has_ended(
    viewer: Viewer, viewed: Path
) -> None:
    page = viewer.page
    process, address = start(viewed / "fresh.h5")
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
