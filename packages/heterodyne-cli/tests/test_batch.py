"""The batch: nothing is done twice, nothing is lost, and xarray reads the table. The fits are stubs."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from stub import Clock, Fits, LocalWorker, write

from heterodyne_cli import command
from heterodyne_cli.commands.batch import named_files
from heterodyne_cli.series import tasks
from heterodyne_cli.series.examining import Bin, Signature
from heterodyne_cli.series.job import Job
from heterodyne_cli.series.schedule import Timing, next_job, seconds_left
from heterodyne_cli.series.terminal_table import short
from heterodyne_cli.series.worker import Aborted, WorkerProcess, receive_messages, stop_all
from heterodyne_data import NLSQResult, Signal, TwoTimeData, select_data
from heterodyne_spec import Config, DataError, load_model


def run(folder: Path, *arguments: str | Path) -> int:
    return command.main(["batch", *map(str, arguments), "--output", str(folder / "fits"), "--no-plots"])


def summary(folder: Path) -> list[dict[str, str]]:
    with (folder / "fits" / "summary.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_only_what_is_new_or_changed_is_fitted(
    tmp_path: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(tmp_path / f"{k}.h5", level) for k, level in enumerate((0.1, 0.12, 0.14))]
    assert run(tmp_path, *files[:2], files[0]) == 0
    assert run(tmp_path, *files) == 0
    assert fits.levels == [0.1, 0.12, 0.14]
    assert "1 fitted, 2 skipped (up to date), 0 failed" in capsys.readouterr().out
    write(files[1], 0.16)
    assert run(tmp_path, *files) == 0
    assert fits.levels[3:] == [0.16]
    assert run(tmp_path, *files, "--set", "nlsq.max_iterations=50") == 0
    assert fits.levels[4:] == [0.1, 0.16, 0.14]
    # What a fit finds does not depend on those before it.
    assert not any(fits.starts)


def test_the_summary_is_what_xarray_reads(tmp_path: Path, fits: Fits, clock: Clock) -> None:
    files = [write(tmp_path / "a.h5", 0.1), write(tmp_path / "b.h5", 0.12, n_t=20), tmp_path / "missing.h5"]
    os.utime(files[0], (1, 1))
    assert run(tmp_path, *files) == 1
    with xarray.open_dataset(tmp_path / "fits" / "summary.nc", engine="h5netcdf") as table:
        assert dict(table.sizes) == {"measurement": 3, "parameter": len(load_model().names), "age": 5, "angle": 2}
        assert list(table["fit"].values) == ["ok", "ok", "failed"]
        assert list(table["parameter"].values) == [p.name for p in load_model().parameters]
        assert table["value"].sel(parameter="v0").values[:2] == pytest.approx([100, 120])
        assert np.isnan(table["sd"].sel(parameter="D0_ref").values).all()
        result = NLSQResult.load(tmp_path / "fits" / "b")
        assert result.bands is not None
        one = table.isel(measurement=1)
        np.testing.assert_array_equal(one["t"], result.bands.t)
        for name in ("J_r", "J_s", "v", "x"):
            np.testing.assert_array_equal(one[name], result.bands.values[name])
            np.testing.assert_array_equal(one[f"{name}_sd"], result.bands.sd[name])
        assert table["v"].attrs["units"] == "Å/s"
        assert np.isnan(table["v"].values[2]).all()
        assert table["file"].values[0].endswith("a.h5")
        np.testing.assert_array_equal(table["phi"].values[1], [0, 90])
        np.testing.assert_array_equal(table["contrast"].values[1], [0.2, 0.2])
        assert table["contrast_sd"].dims == table["offset_sd"].dims == ("measurement", "angle")


def answers(**absent: float) -> dict[str, Signal]:
    """Return what a fit says of the features of its maps: all are there but those named, with their p-values."""
    names = ("contrast", "dynamics", "two_components", "flow", "ageing")
    return {name: Signal(name not in absent, 9.0, absent.get(name, 0.0), "") for name in names}


def test_a_number_without_evidence_is_in_no_table(
    tmp_path: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {
        0.1: {"signal": answers(), "verdict": "usable", "sentence": "The velocity is 100 Å/s."},
        0.12: {"signal": answers(flow=0.6), "verdict": "caution", "sentence": "No flow is seen (p = 0.6)."},
        0.14: {"signal": answers(contrast=0.4), "verdict": "no-signal", "sentence": "The maps are flat (p = 0.4)."},
    }

    def fit(data: TwoTimeData, config: Config, starts: Sequence[NLSQResult]) -> NLSQResult:
        return replace(fits(data, config, starts), **said[fits.levels[-1]])

    monkeypatch.setattr(tasks, "fit_by_least_squares", fit)
    files = [write(tmp_path / f"{level}.h5", level) for level in said]
    for k, path in enumerate(files):
        os.utime(path, (k, k))
    assert run(tmp_path, *files) == 0
    lines = capsys.readouterr().out.splitlines()
    for path, verdict, words in (
        (files[0], "usable", "100.0 ± 2.0"),
        (files[1], "caution", "no flow "),
        (files[2], "no-signal", "no signal "),
    ):
        (place,) = (k for k, line in enumerate(lines) if path.name in line)
        assert verdict in lines[place]
        assert words in lines[place]
        assert lines[place + 1].strip() == said[float(path.stem)]["sentence"]
    one, still, flat = summary(tmp_path)
    assert (float(one["v_mean"]), float(one["v0"])) == (pytest.approx(100), pytest.approx(100))
    assert (one["shows_flow"], one["p_flow"]) == ("yes", "0.0")
    assert (still["verdict"], still["shows_flow"], still["p_flow"]) == ("caution", "no", "0.6")
    assert still["sentence"] == "No flow is seen (p = 0.6)."
    # Fitted, and without evidence; v_offset was held.
    means = {"v_mean", "v_start", "v_middle", "v_end", "v0"}
    assert not any(still[name] or still[f"{name}_sd"] for name in means)
    assert still["v_offset"]
    assert float(still["J_r_mean"]) == pytest.approx(120)
    assert not any(flat[f"{name}_{place}"] for name in ("v", "J_r", "J_s", "x") for place in ("mean", "start", "end"))
    assert one["phi"] == "0 90"
    assert (one["contrast"], one["contrast_sd"]) == ("0.2 0.2", "nan nan")
    with xarray.open_dataset(tmp_path / "fits" / "summary.nc", engine="h5netcdf") as table:
        assert list(table["verdict"].values) == ["usable", "caution", "no-signal"]
        assert list(table["sentence"].values) == [row["sentence"] for row in said.values()]
        assert [bool(np.isnan(v).all()) for v in table["v"].values] == [False, True, True]
        assert [bool(np.isnan(x).all()) for x in table["x"].values] == [False, False, True]
        assert [bool(np.isnan(v0)) for v0 in table["value"].sel(parameter="v0").values] == [False, True, True]
    page = (tmp_path / "fits" / "index.html").read_text(encoding="utf-8")
    panels = page.split("<svg")[1:]
    # Circles of v, J_r, J_s and x.
    assert [panel.count("<circle") for panel in panels] == [1, 2, 2, 2]
    assert all(row["sentence"] in page for row in said.values())
    assert "no flow" in page
    # The record keeps all of it.
    assert run(tmp_path, *files) == 0
    assert summary(tmp_path) == [one, still, flat]


def test_files_of_one_name_and_all_their_q_keep_apart(tmp_path: Path, fits: Fits, clock: Clock) -> None:
    example = Path(__file__).parents[3] / "examples" / "startup_flow_apsu.h5"
    for folder, level in (("one", 0.1), ("two", 0.12)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "a.h5", level)
    assert run(tmp_path, tmp_path / "one" / "a.h5", tmp_path / "two" / "a.h5", example, "--q", "all") == 0
    rows = summary(tmp_path)
    assert len({row["result"] for row in rows}) == len(rows) == 4
    for row in rows:
        result = NLSQResult.load(tmp_path / "fits" / row["result"])
        assert result.parameters["v0"] == pytest.approx(float(row["v_mean"]))
        assert result.data.q == pytest.approx(float(row["q"]))
        assert result.data.provenance["sha256"] == hashlib.sha256(Path(row["file"]).read_bytes()).hexdigest()


@pytest.mark.parametrize("job", ["batch", "watch"])
def test_frames_angles_and_masks_are_applied_once(
    job: str, tmp_path: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TwoTimeData] = []

    def fit(data: TwoTimeData, config: Config, starts: Sequence[NLSQResult]) -> NLSQResult:
        # What the fit itself does first.
        assert select_data(data, config) is data
        seen.append(data)
        return fits(data, config, starts)

    monkeypatch.setattr(tasks, "fit_by_least_squares", fit)
    (tmp_path / "land").mkdir()
    path = write(tmp_path / "land" / "a.h5", 0.1, n_phi=3)
    given = [path] if job == "batch" else [path.parent, "--once"]
    asked = ["--set", "data.frames=[3,10]", "--set", "data.phi=[90]", "--set", "data.mask_frames=[5]"]
    arguments = [*given, "--output", tmp_path / "fits", "--no-plots", *asked]
    assert command.main([job, *map(str, arguments)]) == 0
    (data,) = seen
    assert (data.phi.tolist(), data.start_frame, data.n_t) == ([90.0], 3, 8)
    assert np.flatnonzero(~data.valid[0]).tolist() == [2]


def test_bad_files_and_fits_do_not_end_the_run(
    tmp_path: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(tmp_path / f"{k}.h5", level) for k, level in enumerate((0.1, 0.35, 0.12))]
    (tmp_path / "bad.h5").write_bytes(files[0].read_bytes()[:-50])
    assert run(tmp_path, *files) == 2
    assert run(tmp_path, tmp_path / "bad.h5", *files) == 1
    said = capsys.readouterr().out
    assert "1 failed" in said
    assert [row["fit"] for row in summary(tmp_path)].count("failed") == 1
    assert len(fits.levels) == 3

    def broken(*given: object) -> NLSQResult:
        raise MemoryError

    monkeypatch.setattr(tasks, "fit_by_least_squares", broken)
    more = write(tmp_path / "more.h5", 0.16)
    assert run(tmp_path, more) == 1
    assert "out of memory" in capsys.readouterr().out
    monkeypatch.setattr(tasks, "fit_by_least_squares", fits)
    assert run(tmp_path, more) == 0


def test_interrupted_it_keeps_what_is_finished_and_goes_on_from_there(
    tmp_path: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(tmp_path / f"{k}.h5", level) for k, level in enumerate((0.1, 0.12, 0.14))]
    given = []

    def start(self: LocalWorker, task: Any, *arguments: object) -> None:
        given.append(task)
        if given.count(tasks.fit_file) == 3:
            raise KeyboardInterrupt
        ordinary(self, task, *arguments)

    ordinary = LocalWorker.start
    monkeypatch.setattr(LocalWorker, "start", start)
    assert run(tmp_path, *files, "--workers", "1", "--json") == 130
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events.count("fit") == 2
    assert events[-1] == "end"
    assert len(summary(tmp_path)) == 2
    with xarray.open_dataset(tmp_path / "fits" / "summary.nc", engine="h5netcdf") as table:
        assert table.sizes["measurement"] == 2
    monkeypatch.setattr(LocalWorker, "start", ordinary)
    assert run(tmp_path, *files) == 0
    assert fits.levels == [0.1, 0.12, 0.14]


def test_a_damaged_record_is_one_line(
    tmp_path: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.h5", 0.1)
    assert run(tmp_path, path) == 0
    record = tmp_path / "fits" / "record.json"
    record.write_text(record.read_text()[:100])
    assert run(tmp_path, path) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "record.json" in error
    shutil.rmtree(tmp_path / "fits")
    assert run(tmp_path, path) == 0


def test_pictures_that_an_interrupted_run_has_not_drawn_are_drawn_by_the_next(
    tmp_path: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write(tmp_path / f"{k}.h5", level) for k, level in enumerate((0.1, 0.12))]

    def start(self: LocalWorker, task: Any, *arguments: object) -> None:
        if task is tasks.draw_result:
            raise KeyboardInterrupt
        ordinary(self, task, *arguments)

    ordinary = LocalWorker.start
    monkeypatch.setattr(LocalWorker, "start", start)
    asked = ["batch", *map(str, files), "--output", str(tmp_path / "fits"), "--workers", "1"]
    assert command.main([*asked, "--set", "output.plots=false"]) == 130
    monkeypatch.setattr(LocalWorker, "start", ordinary)
    drawn: list[Path] = []

    def draw(result: NLSQResult, folder: Path, settings: object) -> None:
        drawn.append(folder)
        (folder / "report.html").touch()

    monkeypatch.setattr(tasks, "write_drawings", draw)
    for _ in range(2):
        assert command.main([*asked, "--set", "output.plots=false"]) == 0
        assert sorted(path.name for path in drawn) == ["0", "1"]
    assert len(fits.levels) == 2
    # A watch does the same with what it finds settled.
    (tmp_path / "fits" / "0" / "report.html").unlink()
    watch = ["watch", str(tmp_path), "--once", "--output", str(tmp_path / "fits"), "--set", "output.plots=false"]
    assert command.main(watch) == 0
    assert [path.name for path in drawn[2:]] == ["0"]
    assert len(fits.levels) == 2


def test_a_result_that_is_removed_meanwhile_is_no_success(
    tmp_path: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(tmp_path / f"{k}.h5", level) for k, level in enumerate((0.1, 0.12))]

    def start(self: LocalWorker, task: Any, *arguments: object) -> None:
        given.append(task)
        if given.count(tasks.fit_file) == 2:
            shutil.rmtree(tmp_path / "fits", ignore_errors=True)
        ordinary(self, task, *arguments)

    given: list[object] = []
    ordinary = LocalWorker.start
    monkeypatch.setattr(LocalWorker, "start", start)
    assert run(tmp_path, *files, "--workers", "1") == 1
    assert "failed: 0: deleted after it was written" in capsys.readouterr().out
    monkeypatch.setattr(LocalWorker, "start", ordinary)
    assert run(tmp_path, *files) == 0
    assert fits.levels == [0.1, 0.12, 0.1]


def job(name: str, n_frames: int) -> Job:
    return Job(Path(name), Signature(1, 1), ("sha256", name), "s", Bin(0.005, 4, n_frames), name)


def test_a_process_takes_what_it_has_compiled_then_what_no_other_has() -> None:
    jobs = [job("a", 100), job("b", 200), job("c", 300)]
    assert next_job(jobs, {(4, 300)}, {(4, 100)}).data == "c"
    assert next_job(jobs, set(), {(4, 100), (4, 300)}).data == "b"
    assert next_job(jobs, {(4, 400)}, {job.shape for job in jobs}).data == "a"


def test_time_left_is_that_of_fits_that_did_not_compile() -> None:
    small, large = (4, 100), (4, 200)
    assert seconds_left([small], [], 1) is None
    done = [Timing(small, 30.0, True), Timing(small, 2.0, False), Timing(small, 4.0, False), Timing(small, 3.0, False)]
    assert seconds_left([small] * 10, done, 2) == pytest.approx(15.0)
    assert seconds_left([large], done, 2) == pytest.approx(12.0)
    assert seconds_left([small], done[:1], 1) is None
    assert seconds_left([small], [Timing(small, 30.0, True)] * 2, 1) == pytest.approx(30.0)


def count(first: int, last: int) -> Iterator[int]:
    yield from range(first, last)


def perish() -> Iterator[int]:
    yield 1
    os._exit(7)


ORPHAN = """
import os, signal
from heterodyne_cli.series.worker import WorkerProcess
from test_batch import slumber
worker = WorkerProcess(slumber)
worker.receive()
print(worker._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def slumber() -> Iterator[int]:
    yield 1
    time.sleep(600)


def test_a_process_ends_when_its_command_was_killed() -> None:
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN], env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, check=False
    )
    status, until = Path(f"/proc/{int(done.stdout)}/stat"), time.monotonic() + 30
    while status.exists() and status.read_text().rpartition(") ")[2][0] != "Z" and time.monotonic() < until:
        time.sleep(0.1)
    assert time.monotonic() < until


def stumble() -> Iterator[int]:
    yield 1
    raise DataError("no such thing")


def test_a_process_that_dies_costs_its_task_and_is_replaced() -> None:
    worker = WorkerProcess(count, 0, 2)

    def told() -> list[object]:
        found: list[object] = []
        while not worker.idle or not found:
            found += [what for _, what in receive_messages([worker], 30.0)]
        return found

    try:
        assert told()[:2] == [0, 1]
        worker.start(perish)
        first, last = told()[:2]
        assert first == 1
        assert isinstance(last, Aborted)
        assert "exit code 7" in last.text
        worker.start(stumble)
        assert [Aborted("no such thing")] == told()[-1:]
        worker.start(count, 5, 6)
        assert 5 in told()
    finally:
        stop_all([worker])


def test_a_folder_is_its_measurements(tmp_path: Path, fits: Fits, clock: Clock) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "notes.txt").write_text("no measurement")
    with pytest.raises(
        DataError, match=r"scans: no files \*\.h5 .* in this folder; give a folder of measurements, or files"
    ):
        named_files([scans], tmp_path / "fits")
    for k in range(2):
        write(scans / f"{k}.h5", 0.1 + 0.02 * k)
    assert run(tmp_path, scans, scans / "1.h5") == 0
    assert fits.levels == [0.1, 0.12]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["short.h5", "shorter.h5"], ["short.h5", "shorter.h5"]),
        (
            ["D0001_gel_a0010_f100000_r00001_results.hdf", "D0001_gel_a0010_f100000_r00002_results.hdf"],
            ["1_results.hdf", "2_results.hdf"],
        ),
        (
            ["D0001_" + "gel_under_shear_" * 3 + "results.hdf", "D0002_" + "gel_under_shear_" * 3 + "results.hdf"],
            ["1_gel_", "2_gel_"],
        ),
    ],
)
def test_long_names_are_cut_where_they_agree(names: list[str], shown: list[str]) -> None:
    found = [short(name, names) for name in names]
    assert all(len(name) <= 24 for name in found)
    assert len(set(found)) == len(names)
    for name, part in zip(found, shown, strict=True):
        assert part in name


def test_a_long_name_alone_shows_both_ends() -> None:
    assert short("D0001_gel_a0010_f100000_r00001_results.hdf", []) == "D0001_gel_a0…results.hdf"
