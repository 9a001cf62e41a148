"""The mean of repeats as a new file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from heterodyne_cli import command
from heterodyne_data import TwoTimeData, joint_measurements, listed_measurements, load_data, merge_data, save_data
from heterodyne_spec import DataError, load_config


def repeat(seed: int, n: int = 9, start: int = 1, **changes: object) -> TwoTimeData:
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    noise = np.random.default_rng(seed).normal(0, 0.01, (2, n, n))
    c2 = 1 + 0.2 * np.exp(-lag / 5) + noise + np.swapaxes(noise, 1, 2)
    given = {"q": 0.005, "phi": [0.0, 90.0], "t": 0.1 * (start + np.arange(n)), **changes}
    return TwoTimeData(c2=c2, **given)


@pytest.mark.parametrize("name", ["mean.h5", "mean.hdf", "mean.npz"])
def test_the_mean_is_that_of_the_maps(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dead = np.ones(9, bool)
    dead[3] = False
    repeats = [repeat(1), repeat(2, valid=dead), repeat(3)]
    files = [str(tmp_path / f"{k}.h5") for k in range(3)]
    for file, one in zip(files, repeats, strict=True):
        save_data(file, one)
    out = tmp_path / name
    assert command.main(["merge", *files, "--output", str(out)]) == 0
    assert "1 frame valid in only some of them left out" in capsys.readouterr().out
    found = load_data(out)
    right = np.mean([one.c2 for one in repeats], axis=0)
    used = np.outer(dead, dead)
    np.testing.assert_allclose(found.c2[:, used], right[:, used], rtol=2e-7)
    assert found.valid.tolist() == [dead.tolist()] * 2
    assert found.t.tolist() == pytest.approx(repeats[0].t.tolist())
    if name != "mean.npz":
        with h5py.File(out) as file:
            sources = json.loads(file.attrs["merged_from"])
        assert [Path(one["file"]).name for one in sources] == ["0.h5", "1.h5", "2.h5"]
        assert all(len(one["sha256"]) == 64 for one in sources)


def test_a_mean_beside_its_parts_is_refused(tmp_path: Path) -> None:
    one, other, third, mean = (tmp_path / f"{name}.h5" for name in ("1", "2", "3", "mean"))
    for seed, file in enumerate((one, other, third)):
        save_data(file, repeat(seed, n=30))
    config = load_config({})
    assert command.main(["merge", str(one), str(other), "--output", str(mean)]) == 0
    # One of its parts is enough, where the file states them.
    with pytest.raises(DataError, match=r"mean\.h5.*the mean of measurements that are given too \(2\.h5"):
        joint_measurements([third, other, mean], config, None)
    # A mean of unequal weights from elsewhere is found by its maps.
    made = replace(load_data(one), c2=0.3 * load_data(one).c2 + 0.7 * load_data(third).c2, provenance={})
    with pytest.raises(DataError, match=r"measurement 3.*\(1\.h5, q = 0\.005, 3\.h5"):
        joint_measurements([one, third, made, other], config, None)
    assert len(joint_measurements([third, mean], config, None)) == 2
    # The same of an .npz, and of two means with a part in common.
    packed, both = tmp_path / "packed.npz", tmp_path / "both.hdf"
    assert command.main(["merge", str(one), str(other), "--output", str(packed)]) == 0
    assert command.main(["merge", str(other), str(third), "--output", str(both)]) == 0
    for pair in ([one, packed], [packed, both]):
        with pytest.raises(DataError, match="the mean of measurements that are given too"):
            joint_measurements(pair, config, None)


def test_cuts_of_one_file_have_no_pair_in_common(tmp_path: Path) -> None:
    file, config = tmp_path / "1.h5", load_config({})
    save_data(file, repeat(1, n=30))
    cuts = [load_data(file, frames=frames) for frames in ((1, 15), (12, 30), (16, 30))]
    with pytest.raises(DataError, match="frames 12 to 15 of the same maps"):
        joint_measurements(cuts[:2], config, None)
    with pytest.raises(DataError, match="frames 1 to 30 of the same maps"):
        joint_measurements([load_data(file), load_data(file, phi=[90.0])], config, None)
    assert len(joint_measurements([cuts[0], cuts[2]], config, None)) == 2
    # What a folder lists is given as it is.
    assert listed_measurements(path for path in tmp_path.glob("*.h5")) == [file]
    assert len(joint_measurements([load_data(file, phi=[0.0]), load_data(file, phi=[90.0])], config, None)) == 2


def test_a_q_that_a_measurement_does_not_have_is_refused() -> None:
    with pytest.raises(DataError, match=r"q: found 0\.01, but a measurement that is given has q = 0\.005"):
        joint_measurements([repeat(1), repeat(2)], load_config({}), 0.01)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (repeat(2, n=8), "8 frames and not 2 azimuths × 9 frames"),
        (repeat(2, q=0.006), "q = 0.006 and not 0.005"),
        (repeat(2, phi=[0.0, 80.0]), "other azimuths"),
        (repeat(2, start=10), "ages 1 to 1.8 s and not 0.1 to 0.9 s"),
        (repeat(1), "measurement 2: given twice (the maps of measurement 1 are the same); give every measurement once"),
    ],
)
def test_what_is_no_repeat_is_refused(other: TwoTimeData, words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        merge_data([repeat(1), other])


def test_errors_are_one_line_and_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (str(tmp_path / f"{k}.h5") for k in (1, 2))
    save_data(one, repeat(1))
    save_data(other, repeat(2))
    before = Path(one).read_bytes()
    for arguments, words in (
        ([one, "--output", str(tmp_path / "m.h5")], "at least two"),
        ([one, other, "--output", one], "a file that is merged"),
        ([one, other, "--output", str(tmp_path / "m.txt")], ".npz"),
        ([one, other, other, "--output", str(tmp_path / "m.h5")], "give every measurement once"),
        ([one, one, "--output", other], "already exists; choose another name, or --force"),
    ):
        assert command.main(["merge", *arguments]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert words in error
    assert Path(one).read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"1.h5", "2.h5"}
