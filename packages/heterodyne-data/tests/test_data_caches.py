"""Caches of other programs: which bin each map is, and when its window began."""

import json
import re

import numpy as np
import pytest
from data_files import make_map

from heterodyne_data import describe_data, load_data
from heterodyne_spec import DataError

N, DT = 6, 0.5
AXIS = np.arange(N) * DT


def write_cache(path, **changes):
    """Write a cache as homodyne and xpcsjax do: three maps, two q; None leaves a field out."""
    fields = {
        "c2_exp": np.stack([make_map(N, seed) for seed in range(3)]),
        "wavevector_q_list": np.array([0.005, 0.005, 0.008]),
        "phi_angles_list": np.array([20.0, -20.0, 20.0]),
        "t1": AXIS,
        "t2": AXIS,
    }
    fields |= changes
    np.savez_compressed(path, **{key: value for key, value in fields.items() if value is not None})
    return path


def stated(**facts):
    return np.array(json.dumps({"cache_version": "2.0", **facts}))


def note_on(data, word):
    return next(note for note in data.notes if word in note)


def test_every_map_has_its_own_q_and_angle(tmp_path):
    path = write_cache(tmp_path / "cached_c2_frames_1_6.npz")
    data = load_data(path, q=0.005)
    assert data.phi.tolist() == [-20.0, 20.0]
    np.testing.assert_array_equal(data.c2, [make_map(N, 1), make_map(N, 0)])
    assert data.provenance["layout"] == "analysis-cache"
    described = describe_data(path)
    assert [one["q"] for one in described["maps"]] == [0.005, 0.005, 0.008]
    assert described["dt"] == DT
    with pytest.raises(DataError, match=r"holds several, 0\.005, 0\.008 1/Å"):
        load_data(path)


@pytest.mark.parametrize("begins", [0.0, DT])
def test_times_of_a_window_begin_at_0_or_dt_and_its_age_is_said_to_be_unknown(tmp_path, begins):
    data = load_data(write_cache(tmp_path / "a.npz", t1=AXIS + begins, t2=AXIS + begins), q=0.005)
    np.testing.assert_allclose(data.t, np.arange(1, N + 1) * DT, rtol=1e-14)
    assert f"begins at {begins:g} s: its first frame is taken as frame 1" in note_on(data, "t1")


def test_first_frame_that_the_cache_states_is_its_age(tmp_path):
    path = write_cache(tmp_path / "a.npz", cache_metadata_json=stated(start_frame=401, end_frame=406, dt=DT))
    data = load_data(path, q=0.005, frames=[2, 5])
    np.testing.assert_allclose(data.t, np.arange(402, 406) * DT, rtol=1e-14)
    assert "states first frame 401" in note_on(data, "t1")


def test_times_that_begin_later_are_ages(tmp_path):
    data = load_data(write_cache(tmp_path / "a.npz", t1=AXIS + 20 * DT, t2=AXIS + 20 * DT), q=0.005)
    assert data.start_frame == 20
    assert "taken as the age" in note_on(data, "t1")


@pytest.mark.parametrize("indexing", ["ij", "xy"])
def test_grids_of_times_of_older_caches_are_read(tmp_path, indexing):
    t1, t2 = np.meshgrid(AXIS, AXIS, indexing=indexing)
    data = load_data(write_cache(tmp_path / "a.npz", t1=t1, t2=t2), q=0.005)
    assert data.dt == DT


def test_python_objects_in_older_caches_are_not_touched(tmp_path):
    path = write_cache(tmp_path / "a.npz", cache_metadata=np.array({"start_frame": 401}, dtype=object))
    assert load_data(path, q=0.005).start_frame == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"t2": AXIS + DT}, "t1, t2: found different times"),
        ({"t2": AXIS[:-1]}, "t1, t2: found different times"),
        ({"t1": np.add.outer(AXIS, AXIS)}, "t1: found a grid that varies along both axes"),
        ({"t1": np.array(["a"] * N)}, "t1: found <U1 values, expected numbers"),
        ({"t1": AXIS**2, "t2": AXIS**2}, "found a step of"),
        ({"wavevector_q_list": None}, "wavevector_q_list: is missing"),
        ({"phi_angles_list": np.zeros(2)}, "found 3 maps, 3 q and 2 angles"),
        ({"c2_exp": np.zeros(3)}, r"c2_exp: found shape \(3,\)"),
        ({"cache_metadata_json": np.array("{")}, "not JSON"),
        ({"t1": None}, "no usable time between frames: found no t1 or t2"),
        (
            {"cache_metadata_json": stated(dt=0.1)},
            "t1, cache_metadata_json: found a step of 0.5 s and dt = 0.1 s.*give the time between frames: data.dt",
        ),
        (
            {"t1": AXIS + 7 * DT, "t2": AXIS + 7 * DT, "cache_metadata_json": stated(start_frame=3)},
            "t1: begins at frame 7, but cache_metadata_json states start_frame = 3",
        ),
    ],
)
def test_what_contradicts_itself_is_one_clear_line(tmp_path, changes, text):
    path = write_cache(tmp_path / "a.npz", **changes)
    with pytest.raises(DataError, match=text) as caught:
        load_data(path, q=0.005)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_given_dt_keeps_the_first_frame_where_the_times_are_uneven(tmp_path):
    """A cache whose times are at fault begins where one of faultless times does."""
    jitter = np.array([0, 1e-3, 0, 0, 0, 0])
    for begins, facts, first in ((0, {"start_frame": 100}, 100), (0, {}, 1), (1, {}, 1), (20, {}, 20)):
        t1 = AXIS + begins * DT + jitter
        path = write_cache(tmp_path / "a.npz", t1=t1, t2=t1, cache_metadata_json=stated(dt=DT, **facts))
        with pytest.raises(DataError, match=r"found a step of 0\.501 s"):
            load_data(path, q=0.005)
        np.testing.assert_allclose(load_data(path, q=0.005, dt=DT).t, np.arange(first, first + N) * DT, rtol=1e-14)
    path = write_heterodyne(tmp_path / "b.npz", t=np.arange(N) * DT + jitter)
    np.testing.assert_allclose(load_data(path, q=0.005, dt=DT).t, np.arange(1, N + 1) * DT, rtol=1e-14)


def test_first_frames_written_as_floats_count_and_others_are_refused_by_name(tmp_path):
    path = write_cache(tmp_path / "a.npz", cache_metadata_json=stated(start_frame=100.0))
    np.testing.assert_allclose(load_data(path, q=0.005).t, np.arange(100, 100 + N) * DT, rtol=1e-14)
    assert load_data(write_cache(tmp_path / "b.npz", cache_metadata_json=stated(start_frame=0)), q=0.005).t[0] == DT
    for wrong in (100.5, -3, "100", True, [100]):
        path = write_cache(tmp_path / "c.npz", cache_metadata_json=stated(start_frame=wrong))
        with pytest.raises(DataError, match=re.escape(f"start_frame = {wrong!r}, expected an integer, 1 or more")):
            load_data(path, q=0.005)


def write_heterodyne(path, **changes):
    """Write a cache as heterodyne does, beside the file that it was made from."""
    fields = {
        "source_mtime": np.array(1.7e9),
        "c2": np.stack([make_map(N, seed, dtype="f8") for seed in range(3)]),
        "q_values": np.array([0.005, 0.005, 0.008]),
        "phi": np.array([20.0, -20.0, 20.0]),
        "t": np.arange(N, dtype=float),
    }
    np.savez(path, **(fields | changes))
    return path


def test_heterodyne_counts_frames_where_its_origin_had_no_times(tmp_path):
    path = write_heterodyne(tmp_path / "run.h5.heterodyne_cache.npz")
    with pytest.raises(DataError, match=r"found t counting frames from 0 .*give it: data\.dt"):
        load_data(path, q=0.005)
    data = load_data(path, q=0.005, dt=DT)
    np.testing.assert_allclose(data.t, np.arange(1, N + 1) * DT, rtol=1e-14)
    assert "the first is frame 1" in note_on(data, "t counts")
    later = load_data(write_heterodyne(tmp_path / "b.npz", t=np.arange(999.0, 999.0 + N)), q=0.005, dt=DT)
    assert later.start_frame == 1000


def test_heterodyne_with_times_in_seconds(tmp_path):
    data = load_data(write_heterodyne(tmp_path / "a.npz", t=AXIS), q=0.008)
    assert (data.dt, data.start_frame, data.phi.tolist()) == (DT, 1, [20.0])
    np.testing.assert_array_equal(data.c2[0], make_map(N, 2, dtype="f8"))


def test_two_q_of_a_cache_must_agree(tmp_path):
    path = tmp_path / "cache.npz"
    fields = {
        "c2": np.stack([make_map()]),
        "q_values": [0.005],
        "phi": [10.0],
        "t": np.arange(6) * 0.1,
        "source_mtime": 1.0,
    }
    np.savez(path, **fields, q=0.005)
    assert load_data(path).q == 0.005
    np.savez(path, **fields, q=0.008)
    for call in (load_data, describe_data):
        with pytest.raises(DataError, match=r"q_values, q: found 0\.005 and 0.008 1/Å, expected the same"):
            call(path)


def test_frames_of_a_cache_that_are_not_those_of_its_maps_are_named(tmp_path):
    path = tmp_path / "cache.npz"
    fields = {"c2_exp": np.stack([make_map()]), "wavevector_q_list": [0.005], "phi_angles_list": [10.0]}
    fields |= {"t1": np.arange(6) * 0.1, "t2": np.arange(6) * 0.1}
    for last, said in ((106, False), (300, True)):
        np.savez(path, **fields, cache_metadata_json=json.dumps({"start_frame": 101, "end_frame": last}))
        data = load_data(path)
        assert data.start_frame == 101
        assert any("found frames 101 to 300, but maps of 6" in note for note in data.notes) is said
