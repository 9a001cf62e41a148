"""The watch: what is fitted, when, how often, what is said of it. The fits are stubs; the last test has real ones."""

from __future__ import annotations

import csv
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from stub import Clock, Fits, interrupt, measurement, write

from heterodyne_cli import command
from heterodyne_data import NLSQResult, TwoTimeData
from heterodyne_data.storage import _Spared


def run(land: Path, *more: str) -> int:
    return command.main(["watch", str(land), "--output", str(land.parent / "fits"), "--no-plots", *more])


def summary(land: Path) -> list[dict[str, str]]:
    with (land.parent / "fits" / "summary.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_files_are_fitted_as_they_land_each_from_those_before(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for k, level in enumerate((0.10, 0.12, 0.14, 0.11, 0.25)):
        clock.after(5, lambda k=k, level=level: write(land / f"s{k}.h5", level))
    clock.after(5, interrupt)
    assert run(land) == 130
    assert fits.levels == [0.10, 0.12, 0.14, 0.11, 0.25]
    assert fits.starts == [[], [100], [120, 100], [140, 120, 100], [110, 140, 120]]
    said = capsys.readouterr().out
    assert [line.split()[1] for line in said.splitlines() if "0.0054" in line] == [f"s{k}.h5" for k in range(5)]
    assert "5 fitted, 0 failed" in said
    rows = summary(land)
    assert [row["fit"] for row in rows] == ["ok"] * 4 + ["structure in residuals"]
    assert [float(row["v_mean"]) for row in rows] == pytest.approx([100, 120, 140, 110, 250])
    ages = measurement(0.1).t
    assert float(rows[0]["v_middle"]) == pytest.approx(100 * (ages[0] + ages[-1]) / 2)
    assert float(rows[0]["v_end_sd"]) == pytest.approx(10 * ages[-1])
    assert rows[0]["D0_ref_sd"] == ""
    page = (land.parent / "fits" / "index.html").read_text()
    assert page.count('href="s3/nlsq_result.json"') == 5
    assert "http" not in page.replace("http-equiv", "")
    assert NLSQResult.load(land.parent / "fits" / "s4").parameters["v0"] == pytest.approx(250)


def test_a_file_that_lands_slowly_is_fitted_once_when_it_is_whole(
    land: Path, tmp_path: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write(tmp_path / "whole.h5", 0.1).read_bytes()
    for k in range(1, 13):
        # Each part is at rest for longer than two looks.
        clock.after(2.5, lambda k=k: (land / "a.h5").write_bytes(whole[: len(whole) * k // 12]))
    clock.after(5, interrupt)
    assert run(land) == 130
    assert fits.levels == [0.1]
    said = capsys.readouterr().out
    assert said.count("waiting for it") == 1
    assert "failed:" not in said


def test_a_file_that_stays_cut_off_is_reported_once_and_fitted_when_it_is_mended(
    land: Path, tmp_path: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write(tmp_path / "whole.h5", 0.1).read_bytes()
    (land / "a.h5").write_bytes(whole[:-100])
    clock.after(300, lambda: (land / "a.h5").write_bytes(whole))
    clock.after(10, interrupt)
    assert run(land) == 130
    assert capsys.readouterr().out.count("failed:") == 1
    assert fits.levels == [0.1]
    assert [row["fit"] for row in summary(land)] == ["ok"]


def test_a_file_that_is_open_for_writing_is_waited_for_however_long(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(land / "a.h5", 0.1)
    writer = path.open("r+b")
    fcntl.flock(writer, fcntl.LOCK_EX)
    clock.after(300, writer.close)
    clock.after(10, interrupt)
    assert run(land) == 130
    said = capsys.readouterr().out
    assert said.count("open for writing") == 1
    assert "failed:" not in said
    assert fits.levels == [0.1]


def test_copies_and_new_names_are_not_fitted_again_and_changed_files_are(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    write(land / "a.h5", 0.1)
    clock.after(5, lambda: shutil.copy(land / "a.h5", land / "copy.h5"))
    clock.after(5, lambda: (land / "a.h5").rename(land / "b.h5"))
    clock.after(5, lambda: write(land / "copy.h5", 0.15))
    clock.after(5, lambda: os.utime(land / "b.h5"))
    clock.after(5, interrupt)
    assert run(land) == 130
    assert fits.levels == [0.1, 0.15]
    said = capsys.readouterr().out
    assert "copy.h5: same data as a.h5; not fitted again" in said
    assert "b.h5: same data as a.h5; not fitted again" in said
    assert "copy.h5: changed since it was fitted; fitting it again" in said
    assert [row["result"] for row in summary(land)] == ["a", "copy"]


def test_a_changed_file_does_not_take_the_folder_of_its_copy(land: Path, fits: Fits, clock: Clock) -> None:
    write(land / "a.h5", 0.1)
    clock.after(5, lambda: shutil.copy(land / "a.h5", land / "b.h5"))
    clock.after(5, lambda: write(land / "a.h5", 0.15))
    clock.after(5, interrupt)
    assert run(land) == 130
    results = land.parent / "fits"
    folders = {row["result"]: float(row["v_mean"]) for row in summary(land)}
    assert len(folders) == 2
    for name, velocity in folders.items():
        assert NLSQResult.load(results / name).parameters["v0"] == pytest.approx(velocity)


def test_a_restart_fits_what_is_new_and_starts_from_what_is_there(land: Path, fits: Fits, clock: Clock) -> None:
    write(land / "a.h5", 0.1)
    write(land / "b.h5", 0.12)
    assert run(land, "--once") == 0
    write(land / "c.h5", 0.14)
    assert run(land, "--once") == 0
    assert fits.levels == [0.1, 0.12, 0.14]
    assert sorted(fits.starts[2]) == [100, 120]
    # What was removed is done again.
    shutil.rmtree(land.parent / "fits" / "a")
    assert run(land, "--once") == 0
    assert fits.levels[3:] == [0.1]


def test_other_settings_fit_again_and_say_so(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    write(land / "a.h5", 0.1)
    assert run(land, "--once") == 0
    assert run(land, "--once", "--set", "output.plots=false", "--set", "nlsq.start=auto") == 0
    assert fits.levels == [0.1]
    assert run(land, "--once", "--set", "nlsq.start=values") == 0
    assert fits.levels == [0.1, 0.1]
    assert "1 results were fitted with other settings" in capsys.readouterr().out
    assert len(summary(land)) == 1


def test_every_q_of_a_file_is_a_result(land: Path, fits: Fits, clock: Clock) -> None:
    shutil.copy(Path(__file__).parents[3] / "examples" / "startup_flow_apsu.h5", land / "flow.h5")
    assert run(land, "--once") == 1  # several q, none chosen
    assert "give the one to fit" in summary(land)[0]["message"]
    assert run(land, "--once", "--q", "0.0054") == 0
    assert len(fits.levels) == 1
    assert run(land, "--once", "--q", "all") == 0
    assert len(fits.levels) == 2
    rows = summary(land)
    assert len({row["q"] for row in rows}) == 2
    assert all(row["result"] == f"flow_q{float(row['q']):.4g}" for row in rows)


def test_bad_files_are_recorded_and_the_others_go_on(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    write(land / "a.h5", 0.1)
    (land / "b.h5").write_bytes(b"no HDF5")
    (land / "c.nxs").mkdir()
    write(land / "d.npz.h5", 0.35)
    assert run(land, "--once") == 1
    said = capsys.readouterr().out
    assert said.count("failed:") == 1
    assert [row["fit"] for row in sorted(summary(land), key=lambda row: row["file"])] == [
        "ok",
        "failed",
        "not converged",
    ]
    (land / "b.h5").unlink()
    assert run(land, "--once") == 2
    assert fits.levels == [0.1, 0.35]


def test_a_file_that_contradicts_itself_is_not_waited_for(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(land / "a.npz", c2=measurement(0.1).c2, q=54.0, phi=[0.0, 90.0], dt=0.1)
    clock.after(5, interrupt)
    assert run(land) == 130
    said = capsys.readouterr().out
    assert "failed: q: found 54 1/Å, expected 10 at most" in said
    assert "waiting for it" not in said
    assert fits.levels == []


@pytest.mark.parametrize(
    ("unit", "text"), [("1/angstrom", "the list belongs to other bins"), ("1/nm", "found the units '1/nm' and")]
)
def test_a_list_that_contradicts_its_pixels_or_its_unit_is_not_waited_for(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str], unit: str, text: str
) -> None:
    write(land / "a.h5", 0.1)
    labels = np.zeros((40, 60), "u1")
    labels[20, 50], labels[5, 20] = 1, 2
    with h5py.File(land / "a.h5", "a") as file:
        qmap = file["/xpcs/qmap"]
        fields = {"dynamic_roi_map": labels, "beam_center_x": 20.0, "beam_center_y": 20.0, "energy": 8.0}
        for name, value in (fields | {"pixel_size": 7.5e-5, "detector_distance": 4.0}).items():
            qmap[name] = value
        qmap["map_names"], qmap["map_units"] = np.array(["q", "phi"], "S"), np.array(["1/angstrom", "deg"], "S")
        qmap["dynamic_v_list_dim0"].attrs["units"] = unit
    clock.after(5, interrupt)
    assert run(land) == 130
    said = capsys.readouterr().out
    assert text in said
    assert "waiting for it" not in said


def test_a_full_disk_is_waited_for_and_nothing_is_half_written(
    land: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results, spared, attempts = land.parent / "fits", _Spared.write, []

    def full(self: _Spared, data: bytes) -> int:
        attempts.append(list(results.rglob("nlsq_result.json")))
        if len(attempts) < 40:
            self.failure = self.failure or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return spared(self, data)

    write(land / "a.h5", 0.1)
    monkeypatch.setattr(_Spared, "write", full)
    assert run(land, "--once") == 0
    assert not any(attempts)
    said = capsys.readouterr().out
    assert said.count("the disk is full") == 1
    assert "written; continuing" in said
    assert sorted(path.name for path in (results / "a").iterdir()) == ["nlsq_result.h5", "nlsq_result.json"]
    assert NLSQResult.load(results / "a").maps is not None


def test_the_folder_may_go_away_and_come_back(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    away = land.with_name("away")
    write(land / "a.h5", 0.1)
    clock.after(5, lambda: land.rename(away))
    clock.after(50, lambda: write(away / "b.h5", 0.12))
    clock.after(5, lambda: away.rename(land))
    clock.after(5, interrupt)
    assert run(land) == 130
    said = capsys.readouterr().out
    assert said.count(": not available") == said.count(": available again") == 1
    assert fits.levels == [0.1, 0.12]


def test_a_file_that_changes_while_it_is_read_is_fitted_as_it_is_then(
    land: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heterodyne_cli.series import tasks

    def slow(path: Path, **settings: object) -> TwoTimeData:
        data = loaded(path, **settings)
        if len(seen) == 0:
            seen.append(write(path, 0.2 - 1e-3))
        return data

    loaded, seen = tasks.load_data, []
    monkeypatch.setattr(tasks, "load_data", slow)
    write(land / "a.h5", 0.1)
    assert run(land, "--once") == 0
    assert fits.levels == [0.199]


def test_a_file_that_is_deleted_before_its_fit_is_left_out_and_its_copy_fitted(
    land: Path, fits: Fits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heterodyne_cli.series import tasks
    from heterodyne_cli.series.lock import ended_at
    from heterodyne_cli.series.record import Record

    def deleting(path: Path, **settings: object) -> TwoTimeData:
        for name in ("b.h5", "d.h5"):
            (land / name).unlink(missing_ok=True)
        return loaded(path, **settings)

    loaded, results = tasks.load_data, land.parent / "fits"
    monkeypatch.setattr(tasks, "load_data", deleting)
    for k, (name, level) in enumerate({"a": 0.1, "b": 0.12, "c": 0.12, "d": 0.14}.items()):
        os.utime(write(land / f"{name}.h5", level), (1e9 + k, 1e9 + k))
    assert ended_at(results) is None
    assert run(land, "--once") == 0
    assert fits.levels == [0.1, 0.12]
    record = Record.load(results, "", "")
    assert record.left == 0 and {path.name for path in record.files} == {"a.h5", "c.h5"}
    assert ended_at(results) is not None


def test_a_second_watch_is_refused_and_a_lock_left_behind_is_not_in_the_way(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    results = land.parent / "fits"
    results.mkdir()
    first = subprocess.Popen([sys.executable, "-c", HOLD, results], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        assert run(land, "--once") == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"process {first.pid}" in error
    finally:
        first.kill()
        first.communicate()
    assert (results / ".lock").exists()
    assert run(land, "--once") == 0
    assert not (results / ".lock").exists()


HOLD = """
import sys, time, pathlib
from heterodyne_cli.series.lock import lock_folder
with lock_folder(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_machines_get_an_event_for_every_fit(
    land: Path, fits: Fits, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    write(land / "a.h5", 0.1)
    assert run(land, "--once", "--json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["watching", "fit", "written", "ended", "end"]
    assert events[1]["v_mean"] == pytest.approx(100)
    assert all(Path(path).is_file() for path in events[2]["files"])


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "missing") == 1
    assert capsys.readouterr().err.count("\n") == 1


HELD = ("f1", "f2", "beta", "v_offset", "alpha_ref", "alpha_sample", "D_offset_ref", "D_offset_sample", "phi0")


def test_real_fits_in_a_process(tmp_path: Path) -> None:
    """Two simulated measurements, whose truth the table must hold; no process and no lock is left behind."""
    land = tmp_path / "land"
    land.mkdir()
    held = {name: {"vary": False} for name in HELD}
    parameters = {**held, "f0": {"value": 0.0, "vary": False}, "f3": {"value": 0.45}, "D0_sample": {"tie": "D0_ref"}}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model": {"parameters": parameters}, "nlsq": {"start": "values"}}))
    for name, velocity in (("a", 900.0), ("b", 1100.0)):
        truth = tmp_path / "truth.json"
        values = {"v0": {"value": velocity}, "f0": {"value": 0.0}, "f3": {"value": 0.5}}
        truth.write_text(json.dumps({"model": {"parameters": values}}))
        simulation = ["--frames", "40", "--phi", "0", "60", "--noise", "white", "--seed", "1"]
        path = tmp_path / f"{name}.h5"
        assert command.main(["simulate", str(path), "--config", str(truth), "--quiet", *simulation]) == 0
        path.rename(land / path.name)
    program = [sys.executable, "-m", "heterodyne_cli.command", "watch", str(land), "--once", "--json"]
    asked = ["--config", str(config), "--output", str(tmp_path / "fits"), "--set", "output.plots=false"]
    done = subprocess.run([*program, *asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [event for line in done.stdout.splitlines() if (event := json.loads(line))["event"] == "fit"]
    for row, velocity in zip(found, (900.0, 1100.0), strict=True):
        assert abs(row["v_mean"] - velocity) < 5 * row["v_mean_sd"] < 0.05 * velocity
        assert (tmp_path / "fits" / row["result"] / "report.html").is_file()
    assert not (tmp_path / "fits" / ".lock").exists()
    assert (tmp_path / "fits" / "index.html").read_text().count("/report.html") >= 8
