"""What stands beside the maps of layouts that have their times elsewhere: named where it says else, and only there."""

import h5py
import numpy as np
import pytest
from data_files import four_maps, write_apsu, write_chx, write_id02, write_legacy, write_nxxpcs

from heterodyne_data import describe_data, load_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError

N = 40
FRAMES = np.arange(N) != 5
MAPS = four_maps(N)


def apsu(path):
    return write_apsu(path, dict(enumerate(MAPS, 1)))


def legacy(path):
    bins = [0.005, 0.005, 0.008, 0.008], [-45.0, 10.0, -45.0, 10.0]
    return write_legacy(path, dict(enumerate(MAPS, 1)), *bins, begin=1, stride=1)


WRITERS = {
    "/xpcs/twotime/": apsu,
    "/xpcs/": legacy,
    "/entry/twotime/": lambda path: write_nxxpcs(path, MAPS),
    "": lambda path: write_chx(path, MAPS),
    "/entry_0000/correlations/phi_10/twotime/": lambda path: write_id02(path, MAPS),
}


def notes_beside(path, **fields):
    """Add fields to a file; return the notes that it has then and did not have before."""
    before = load_data(path, q=0.005).notes
    with h5py.File(path, "a") as file:
        for key, value in fields.items():
            file[key] = value
    data = load_data(path, q=0.005)
    assert (data.dt, data.start_frame) == (pytest.approx(0.1, rel=1e-12), 1)
    new = [note for note in data.notes if note not in before]
    assert all(note in describe_data(path)["notes"] for note in new)
    return new


@pytest.mark.parametrize("group", WRITERS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("valid", FRAMES),
        ("frame_mask", FRAMES.astype("u1")),
        ("frame_weights", np.linspace(0.5, 1, N)),
        ("bad_frames", np.array([3, 7])),
        ("pair_mask", np.ones((N, N), bool)),
    ],
)
def test_what_may_tell_which_frames_count_is_named(tmp_path, group, name, value):
    notes = notes_beside(WRITERS[group](tmp_path / "a.h5"), **{f"{group}{name}": value})
    assert notes == [f"{group}{name}: may select frames, not used; give data.mask_frames"]


@pytest.mark.parametrize("group", WRITERS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delta_t", 0.25),
        ("fps", 4.0),
        ("start_frame", 101),
        ("t", np.arange(101, 101 + N) * 0.1),
        ("timestamps", np.cumsum(np.linspace(0.1, 0.2, N))),
        ("delay_difference", np.arange(N) * 0.25),
        ("avg_frames", 3),
    ],
)
def test_other_times_are_named(tmp_path, group, name, value):
    path = WRITERS[group](tmp_path / "a.h5")
    if f"{group}{name}" == "/xpcs/avg_frames":
        return  # which this layout reads
    notes = notes_beside(path, **{f"{group}{name}": value})
    assert notes == [f"{group}{name}: differs from the times that are read, not used; check which are correct"]


@pytest.mark.parametrize("group", WRITERS)
def test_what_says_the_same_or_nothing_is_not_named(tmp_path, group):
    same = {
        "valid": np.ones(N, bool),
        "weights": np.ones(N),
        "roi_mask_of_pixels": np.eye(N),
        "mask": np.ones((3, 5)),
        "delta_t": 0.1,
        "frame_period": 0.05,
        "fps": 10.0,
        "start_frame": 1,
        "t": np.arange(1, N + 1) * 0.1,
        "age": np.arange(N) * 0.1,
        "delay_difference": np.arange(N),
        "stride": 1,
        "taus": np.geomspace(0.1, 10, N),
    }
    assert (
        notes_beside(WRITERS[group](tmp_path / "a.h5"), **{f"{group}{name}": one for name, one in same.items()}) == []
    )


def test_a_link_out_of_the_folder_is_passed_over(tmp_path):
    path = apsu(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["/entry/instrument/detector_1/timestamps"] = h5py.ExternalLink("../elsewhere/raw.h5", "/timestamps")
    assert load_data(path, q=0.005).dt == 0.1


def test_maps_of_another_entry_are_named(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", MAPS)
    with h5py.File(path, "a") as file:
        file.copy("entry", "entry2")
        file["entry3/data"] = 1.0
    assert "read: /entry; maps of entry2 are not read" in load_data(path, q=0.005).notes


def test_directions_named_in_radians_are_said(tmp_path):
    path = write_id02(tmp_path / "a.h5", MAPS)
    with h5py.File(path, "a") as file:
        group = file["/entry_0000/correlations"]
        for old, new in (("phi_-45", "phi_-0.7854"), ("phi_10", "phi_0.1745")):
            group.move(old, new)
    assert any(
        "names of directions: taken as degrees, but the angles look like" in n for n in describe_data(path)["notes"]
    )


@pytest.mark.parametrize("name", ["bin_frame_number", "bin_frame"])
def test_frames_of_chx_that_were_binned_need_their_lags_or_dt(tmp_path, name):
    path = write_chx(tmp_path / "a.h5", MAPS, tausb=None, md={"frame_time": 0.1, name: 4})
    for call in (lambda path: load_data(path, q=0.005), check_data, describe_data):
        with pytest.raises(DataError, match=rf"tausb is missing, and md@{name} = 4: each frame of g12b may be"):
            call(path)
    assert load_data(path, q=0.005, dt=0.4).dt == 0.4
    assert load_data(write_chx(tmp_path / "b.h5", MAPS, tausb=None, md={"frame_time": 0.1, name: 1}), q=0.005).dt == 0.1


@pytest.mark.parametrize("write", [apsu, legacy])
def test_maps_of_fewer_frames_than_the_file_counts_are_named(tmp_path, write):
    end = {apsu: ("/xpcs/twotime/config/end_frame", 0), legacy: ("/xpcs/data_end_todo", 0)}[write][0]
    for frames, said in ((N, False), (N + 1, False), (N + 15, True)):
        path = write(tmp_path / f"{frames}.h5")
        with h5py.File(path, "a") as file:
            file[end] = frames
        notes = [note for note in load_data(path, q=0.005).notes if "if the first were, the ages are too small" in note]
        assert bool(notes) is said
        assert not said or f"found {frames} camera frames for {N} frames of the maps, of 1 each" in notes[0]


def test_legacy_maps_that_are_numbered_from_0_are_refused(tmp_path):
    bins = [0.005, 0.005, 0.008, 0.008], [-45.0, 10.0, -45.0, 10.0]
    path = write_legacy(tmp_path / "a.h5", dict(enumerate(MAPS)), *bins, process=np.arange(1, 5)[:, None])
    for call in (load_data, check_data):
        with pytest.raises(DataError, match="found bin number 0, expected 1 to 4"):
            call(path)
