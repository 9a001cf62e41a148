"""What `heterodyne inspect` says of measurements that may be fitted together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_inspection import PLAN

from heterodyne_cli.command import main
from heterodyne_cli.together import Run, run_of, several_q, words
from heterodyne_data import save_data
from heterodyne_nlsq import simulate

ONE = Run(Path("a.h5"), (0.0054,), 4, 400, 0.1, (0.1, 40.0))


def said(*changes: dict[str, object]) -> str:
    return "; ".join(words([ONE, *(ONE._replace(**{"path": Path(f"{k}.h5"), **one}) for k, one in enumerate(changes))]))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([{}, {}], ["heterodyne --data a.h5 0.h5 1.h5 --joint", "the same ages", "repeats of one q"]),
        ([{"ages": (40.1, 80.0)}], ["follow each other"]),
        ([{"ages": (20.0, 60.0)}], ["overlap", "age 0"]),
        ([{"dt": 0.2, "ages": (0.2, 80.0)}], ["times between frames differ"]),
        ([{"phi": (0.0, 30.0)}], ["scatter tests the error bars", "heterodyne merge does not"]),
        ([{"q": (0.005402,)}], ["--joint", "heterodyne merge does not"]),
        ([{"path": ONE.path}, {}], ["a.h5 is given twice: it counts once", "--data a.h5 1.h5 --joint"]),
        ([{"q": (0.0081,)}], ["--data a.h5 0.h5 --joint"]),
        ([{"q": (0.0054, 0.0081)}], ["q in all files: 0.0054;", "--q 0.0054 --joint"]),
        ([{"q": (0.006, 0.0081)}], ["no q is in all files"]),
        ([{"dt": None, "ages": None}], ["0.h5 has no time between frames", "nothing is left"]),
    ],
)
def test_what_fits_together_and_why_not(changes: list[dict[str, object]], expected: list[str]) -> None:
    text = said(*changes)
    assert all(part in text for part in expected), text
    assert ("writes their mean" in text) == ({} in changes)


def test_the_q_of_a_file_are_bins_apart_by_more_than_the_tolerance() -> None:
    maps = [{"q": q, "phi": phi} for q in (0.0054, 0.00541, 0.0081) for phi in (0.0, 90.0)]
    run = run_of(Path("a b.h5"), {"maps": maps, "n_frames": 100, "dt": 0.1, "start_frame": 11, "start_age": None})
    assert (run.q, run.azimuths) == ((0.0054, 0.0081), 2)
    assert run.ages == pytest.approx((1.1, 11.0))
    assert several_q(run).endswith("heterodyne --data 'a b.h5' --q all --joint")
    assert several_q(ONE) == ""


def test_files_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(tmp_path / f"{k}.npz") for k in (1, 2)]
    for k, path in enumerate(paths):
        save_data(path, simulate(replace(PLAN, n_frames=20, pixels=100, seed=k)), "npz")
    assert main(["inspect", *paths, "--json"]) == 0
    compared = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [one["frames"] for one in compared["files"]] == [20, 20]
    assert any("repeats of one q" in line for line in compared["words"])
    assert main(["inspect", *paths, "--picture", "a.png"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
