"""``heterodyne inspect``: what it says of files whose content is known, and how little of a large one it reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from heterodyne_cli.command import main
from heterodyne_data import TwoTimeData, describe_data, load_data, save_data
from heterodyne_data.hdf5_source import Hdf5Source
from heterodyne_nlsq import Experiment, Survey, simulate, survey_maps
from heterodyne_spec import DataError, load_model

PARAMETERS = {
    **dict.fromkeys(load_model().names, 0.0),
    "D0_ref": 9000.0,
    "D0_sample": 30000.0,
    "v0": 300.0,
    "f0": 0.4,
    "f3": 0.0,
}
PLAN = Experiment(PARAMETERS, 0.0054, (0.0, 60.0), 128, 0.1, modes=5, pixels=4000, seed=1)


def survey(file: Path) -> Survey:
    return survey_maps(file, describe_data(file))


def test_contrast_photons_and_dead_frames_are_those_of_the_simulation(tmp_path: Path) -> None:
    file = tmp_path / "a.h5"
    save_data(file, simulate(replace(PLAN, photons=2.0, dead_frames=(7, 8))))
    seen = survey(file)
    assert [a.phi for a in seen.angles] == [0.0, 60.0]
    for a in seen.angles:
        assert a.contrast == pytest.approx(0.2, abs=0.02)
        assert a.diagonal == pytest.approx(0.5, rel=0.1)
        assert a.dead == (7, 8)
        assert a.missing == 0
    # Without photons to count, what c2 loses within one frame is no noise of them.
    save_data(file, simulate(replace(PLAN, phi=(0.0,), parameters={**PARAMETERS, "v0": 1000.0})))
    assert survey(file).angles[0].diagonal == pytest.approx(0.0, abs=0.005)


@pytest.mark.parametrize(("photons", "regime"), [(None, "shared"), (0.05, "independent")])
def test_regime_of_the_noise_is_seen(tmp_path: Path, photons: float | None, regime: str) -> None:
    file = tmp_path / "a.h5"
    save_data(file, simulate(replace(PLAN, photons=photons)))
    assert {a.regime for a in survey(file).angles} == {regime}


def test_white_noise_is_measured_and_missing_pairs_are_counted(tmp_path: Path) -> None:
    data = simulate(replace(PLAN, noise="white", noise_sd=0.03))
    c2 = data.c2.copy()
    c2[0, 3, 9] = c2[0, 9, 3] = np.nan
    file = tmp_path / "a.npz"
    np.savez(file, c2=c2, q=data.q, phi=data.phi, t=data.t)
    angles = survey(file).angles
    assert [a.noise for a in angles] == pytest.approx([0.03, 0.03], rel=0.05)
    assert [a.missing for a in angles] == [1, 0]
    assert angles[0].shared == pytest.approx(1.0, abs=0.3)


def test_terminal_json_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, picture = tmp_path / "a.h5", tmp_path / "a.png"
    save_data(file, simulate(replace(PLAN, n_frames=40, pixels=300)))
    assert main(["inspect", str(file), "--picture", str(picture)]) == 0
    told = capsys.readouterr().out
    for word in ("APS-U", "2 maps of 40 frames", "dt = 0.1 s", "0.0054", "0, 60", "contrast", str(picture)):
        assert word in told
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["inspect", str(file), "--json"]) == 0
    document, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert end == {"event": "end", "exit_code": 0}
    assert document["description"]["n_frames"] == 40
    assert document["looked_at"]["angles"][1]["phi"] == 60.0
    assert main(["inspect", str(tmp_path / "none.h5")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_of_a_large_file_a_window_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 3 maps of 6000 frames, chunks of which only the first are filled: 860 MB if it were read.
    small, file = tmp_path / "small.h5", tmp_path / "large.h5"
    save_data(small, simulate(replace(PLAN, phi=(0.0, 45.0, 90.0), n_frames=64, pixels=200)))
    n_t = 6000
    with h5py.File(small) as source, h5py.File(file, "w") as target:
        for name in source:
            source.copy(name, target)
        maps = target["xpcs/twotime/correlation_map"]
        for name in list(maps):
            values = maps[name][()]
            del maps[name]
            large = maps.create_dataset(name, (n_t, n_t), np.float64, chunks=(256, 256))
            rows = np.tile(values, (25, 25))[:1600, :1600]
            large[:1600, :1600] = np.triu(rows)
    read, sizes = Hdf5Source.read, []

    def counted(self: Hdf5Source, *asked: Any) -> npt.NDArray[Any]:
        values = read(self, *asked)
        sizes.append(values.nbytes)
        return values

    monkeypatch.setattr(Hdf5Source, "read", counted)
    seen = survey(file)
    assert sum(sizes) < 80e6
    assert seen.description["n_frames"] == n_t
    assert seen.frames[1] < 1700
    assert len(seen.angles) == 3


def test_a_hot_frame_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = simulate(PLAN)
    c2 = data.c2.copy()
    c2[:, 40, :] += 0.5
    c2[:, :, 40] += 0.5
    file = tmp_path / "a.npz"
    np.savez(file, c2=c2, q=data.q, phi=data.phi, t=data.t)
    assert main(["inspect", str(file)]) == 0
    assert "frames 41 are outliers: φ = 0, 60;" in capsys.readouterr().out


def test_one_q_that_cannot_be_fitted_is_the_same_fault_to_inspect_validate_and_a_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, file = simulate(PLAN), tmp_path / "a.npz"
    wrong = [data.c2[0], 100 * data.c2[1]]
    np.savez(file, c2=[*data.c2, *wrong], q=[0.0054] * 2 + [0.008] * 2, phi=[0.0, 60.0] * 2, dt=0.1)
    with pytest.raises(DataError) as caught:
        load_data(file, q=0.008)
    words = str(caught.value).removeprefix(f"{file}: ")
    for job, line in {
        ("inspect",): f"error: {file}: q = 0.008 1/Å cannot be fitted: {words}",
        ("inspect", "--q", "0.008"): f"error: {file}: {words}",
        ("validate",): f"{file}: q = 0.008 1/Å cannot be fitted: {words} [ReadableMaps]",
    }.items():
        assert main([job[0], str(file), *job[1:]]) == 1
        output = capsys.readouterr()
        assert line in f"{output.out}{output.err}".splitlines()
    for job in ("inspect", "validate"):
        assert main([job, str(file), "--q", "0.0054"]) == 0
        assert "cannot be fitted" not in capsys.readouterr().out


def test_rings_are_listed_before_they_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.h5"
    save_data(file, simulate(PLAN))
    with h5py.File(file, "r+") as rings:
        rings["/xpcs/qmap/dynamic_v_list_dim1"][...] = np.nan
    assert main(["inspect", str(file)]) == 1
    told = capsys.readouterr()
    assert "0.0054   2     unknown, unknown" in told.out
    assert "bins over all azimuths cannot be fitted" in told.err


def test_a_given_dt_overrules_the_times_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.h5"
    save_data(file, simulate(PLAN))
    with h5py.File(file, "r+") as late:
        late["/xpcs/twotime/config/begin_frame"][...] = -200
    assert main(["inspect", str(file)]) == 1
    assert "counted from the end of the run" in capsys.readouterr().err
    assert main(["inspect", str(file), "--dt", "0.1"]) == 0
    assert "note: dt = 0.1 s as given, the first frame is number 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("first", "said"), [(21.5, "first frame 22 (age 2.15 s)"), (1.4, "first frame 1 (age 0.14 s)")]
)
def test_a_late_first_frame_is_shown_with_its_age(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: float, said: str
) -> None:
    data, file = simulate(PLAN), tmp_path / "a.h5"
    ages = (np.arange(data.n_t) + first) * 0.1
    save_data(file, TwoTimeData(c2=data.c2, q=data.q, phi=data.phi, t=ages))
    assert main(["inspect", str(file)]) == 0
    assert said in capsys.readouterr().out
    save_data(file, TwoTimeData(c2=data.c2, q=data.q, phi=data.phi, dt=0.1))
    assert main(["inspect", str(file)]) == 0
    assert "first frame" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "ending", ["svg", *(pytest.param(ending, marks=pytest.mark.slow) for ending in ("png", "pdf"))]
)
def test_a_picture_has_the_format_of_its_name(tmp_path: Path, ending: str) -> None:
    file, picture = tmp_path / "a.h5", tmp_path / f"look.{ending}"
    save_data(file, simulate(PLAN))
    assert main(["inspect", str(file), "--picture", str(picture)]) == 0
    assert picture.read_bytes().startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending])
    assert main(["inspect", str(file), "--picture", str(tmp_path / "look.jpg")]) == 1
    assert not (tmp_path / "look.jpg").exists()


def test_the_backend_of_a_notebook_is_not_taken_over(tmp_path: Path) -> None:
    """A kernel hands its own to what it starts, in an environment of another Python, where it does not exist."""
    file = tmp_path / "a.h5"
    save_data(file, simulate(PLAN))
    command = [sys.executable, "-m", "heterodyne_cli.entry", "inspect", str(file)]
    environment = {**os.environ, "MPLBACKEND": "module://inline_of_some_notebook.backend"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
