"""What stands beside the maps: units, times and flags under other names, as datasets and as attributes."""

import json

import h5py
import numpy as np
import pytest
from data_files import four_maps, make_map, write_apsu, write_chx, write_scikit_beam

from heterodyne_data import describe_data, load_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError

N, DT = 7, 0.1
FIELDS = {"c2": four_maps(N), "q": [0.005, 0.005, 0.008, 0.008], "phi": [-45.0, 10.0, -45.0, 10.0], "dt": DT}
LATE = (np.arange(N) + 101) * DT
HALF = np.arange(N) < 4


def npz(path, **fields):
    fields = {name: value for name, value in (FIELDS | fields).items() if value is not None}
    np.savez(path, **fields)
    return path


def hdf5(path, attributes, **fields):
    """Write the arrays, with attributes as ``key@name``; of the file without a key."""
    with h5py.File(path, "w") as file:
        for name, value in (FIELDS | fields).items():
            if value is not None:
                file[name] = value
        for name, value in attributes.items():
            where, _, attribute = name.rpartition("@")
            file[where or "/"].attrs[attribute] = value
    return path


def refusal(path, **options):
    """Return the one line in which a fit, a description and a check refuse a file."""
    said = set()
    for call in (load_data, describe_data, check_data):
        with pytest.raises(DataError) as caught:
            call(path, q=0.005, **options) if call is load_data else call(path)
        said.add(str(caught.value))
    (one,) = said
    assert "\n" not in one
    return one


@pytest.mark.parametrize("where", ["", "c2"])
def test_attributes_are_fields_wherever_they_stand(tmp_path, where):
    missing = {"q": None, "phi": None, "dt": None}
    facts = {"q": np.array(FIELDS["q"]) * 10, "q_unit": "1/nm", "phi": FIELDS["phi"], "dt": 100.0, "dt_unit": "ms"}
    facts |= {"start_frame": 101, "valid": HALF, "weight": np.arange(1.0, N + 1)}
    data = load_data(hdf5(tmp_path / "a.h5", {f"{where}@{k}": v for k, v in facts.items()}, **missing), q=0.005)
    assert (data.q, data.dt, data.phi.tolist()) == (0.005, 0.1, [-45.0, 10.0])
    assert data.t[0] == pytest.approx(10.1)
    assert data.valid.tolist() == [HALF.tolist()] * 2
    assert data.weight[0].tolist() == list(range(1, N + 1))


@pytest.mark.parametrize(
    ("attributes", "fields", "text"),
    [
        ({"@dt": 0.5}, {}, "dt: found a dataset and, different, an attribute of /, expected the same"),
        ({"@q_unit": "1/nm", "q@units": "1/Å"}, {}, "q: found .*expected one of them"),
        ({"@units": "1/nm"}, {}, "units: is not the unit of a field that is read"),
        ({"@start_frame": 101}, {"t": LATE - 10}, "t, start_frame: found t that begins at frame 1 and start_frame ="),
        ({"@mask_frames": [3, 4]}, {}, "mask_frames: found 3-4, which may be counted from 0 or from 1"),
    ],
)
def test_attributes_that_contradict_or_cannot_be_obeyed_are_refused(tmp_path, attributes, fields, text):
    with pytest.raises(DataError, match=text):
        load_data(hdf5(tmp_path / "a.h5", attributes, **fields), q=0.005)


@pytest.mark.parametrize("place", ["/xpcs/qmap@q_unit", "/xpcs/qmap@units", "/@q_unit"])
def test_units_of_groups_are_obeyed(tmp_path, place):
    path = write_apsu(tmp_path / "a.h5", q=[0.05, 0.08])
    where, _, name = place.rpartition("@")
    with h5py.File(path, "r+") as file:
        file[where].attrs[name] = "nm^-1"
    assert load_data(path, q=0.005).q == 0.005


def test_a_unit_of_the_metadata_of_chx_is_obeyed(tmp_path):
    path = write_chx(tmp_path / "a.h5", bins={i: [0.05, phi] for i, phi in enumerate((-45, 10, 60, 90))})
    with h5py.File(path, "r+") as file:
        file["md"].attrs["q_unit"] = "nm^-1"
    assert load_data(path).q == 0.005


@pytest.mark.parametrize("name", ["age", "times", "Time", "timestamps", "T", "t1", "t2"])
def test_ages_under_another_name_are_read_as_ages(tmp_path, name):
    data = load_data(npz(tmp_path / "a.npz", **{name: LATE}), q=0.005)
    np.testing.assert_allclose(data.t, LATE, rtol=1e-12)
    assert f"{name}: taken as the ages of the frames" in data.notes


@pytest.mark.parametrize("name", ["Start_frame", "startframe"])
def test_the_first_frame_is_read_however_it_is_spelled(tmp_path, name):
    assert load_data(npz(tmp_path / "a.npz", **{name: 101}), q=0.005).t[0] == pytest.approx(10.1)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"t": LATE, "age": LATE - 5}, "age: found first frame 51 .* but elsewhere first frame 101"),
        ({"t1": LATE * 5}, r"t1: found a step of 0\.5 s after frame ., expected 0\.1 s"),
        ({"dt": None, "t1": np.arange(N)}, "t1: states no unit and may be in frames or seconds; add the unit"),
        ({"t0": 10.0}, r"t0: found 10 s, but the first frame is at 0\.1 s; store the ages of the frames in s as t"),
        ({"begin_frame": 100}, "begin_frame: found 100, but the first frame is number 1: it may count from 0 or"),
        (
            {"frame_numbers": np.arange(101, 101 + N)},
            "frame_numbers: found 101 to 107, expected consecutive frames from number 1",
        ),
        ({"stride_frame": 5}, "stride_frame: found 5, so dt may be that of the camera or of the maps"),
        ({"frame_time": 0.5}, r"frame_time, dt: found 0\.5 and 0\.1 s, expected one time between frames"),
        ({"lag_steps": np.arange(N) * 7}, "lag_steps: found steps of 7, expected 1"),
        (
            {"start_frame": 1.5},
            r"start_frame: found 1\.5 frames, expected an integer, 1 or more; correct the file$",
        ),
    ],
)
def test_times_under_another_name_that_contradict_are_refused(tmp_path, fields, text):
    path = npz(tmp_path / "a.npz", **fields)
    with pytest.raises(DataError, match=text):
        load_data(path, q=0.005)


def test_times_under_another_name_that_agree_are_no_matter(tmp_path):
    agreeing = {"age": LATE, "t0": 10.1, "begin_frame": 100, "first_frame": 101, "stride": 1, "frame_time": DT}
    agreeing |= {"frame_numbers": np.arange(101, 101 + N), "lags": np.arange(N) * DT}
    data = load_data(npz(tmp_path / "a.npz", t=LATE, **agreeing), q=0.005)
    assert data.start_frame == 101
    assert not any("not used" in note for note in data.notes)


def test_what_nobody_reads_is_listed(tmp_path):
    data = load_data(npz(tmp_path / "a.npz", c2_err=four_maps(N), baseline=0, roi_mask=np.eye(9)), q=0.005)
    assert "not used: baseline, c2_err, roi_mask" in data.notes


@pytest.mark.parametrize(
    "fields",
    [
        {name: [3, 4]}
        for name in ("bad_frames", "dead_frames", "mask_frame", "bad_frame_list", "exclude", "masked_frames")
    ]
    + [{name: HALF} for name in ("frame_mask", "Mask", "bad_frames", "masks", "is_valid")]
    + [{"weights_frames": np.arange(N)}, {"valid_frames": [1, 2, 3]}, {"bad_frame_list": "[3, 4]"}],
)
def test_what_may_tell_which_frames_count_is_refused_with_the_way_out(tmp_path, fields):
    (name,) = fields
    said = refusal(npz(tmp_path / "a.npz", **fields))
    assert f": {name}: " in said
    assert "data.mask_frames" in said


@pytest.mark.parametrize("name", ["Valid", "valid_frames"])
def test_flags_whose_meaning_is_certain_are_obeyed(tmp_path, name):
    assert load_data(npz(tmp_path / "a.npz", **{name: HALF}), q=0.005).valid[0].tolist() == HALF.tolist()


def test_frame_weights_are_weights(tmp_path):
    weight = np.arange(1.0, N + 1)
    assert load_data(npz(tmp_path / "a.npz", frame_weights=weight), q=0.005).weight[0].tolist() == weight.tolist()


def cache(path, **changes):
    fields = {"c2_exp": four_maps(N), "wavevector_q_list": FIELDS["q"], "phi_angles_list": FIELDS["phi"]}
    fields |= {"t1": np.arange(N) * DT, "t2": np.arange(N) * DT} | changes
    np.savez(path, **fields)
    return path


def other_cache(path, **changes):
    return npz(path, **({"t": np.arange(N), "dt": None, "source_mtime": 1.0} | changes))


@pytest.mark.parametrize(
    ("write", "fields", "age"),
    [
        (cache, {"start_frame": 101}, 10.1),
        (cache, {"t1": np.arange(N) * 100.0, "t2": np.arange(N) * 100.0, "t_unit": "ms"}, 0.1),
        (other_cache, {"dt": DT}, 0.1),
        (other_cache, {"t": np.arange(N) * 100.0, "t_unit": "ms"}, 0.1),
        (other_cache, {"t": LATE, "dt": DT}, 10.1),
    ],
)
def test_caches_are_read_by_what_stands_beside_the_maps(tmp_path, write, fields, age):
    data = load_data(write(tmp_path / "a.npz", **fields), q=0.005)
    assert (data.dt, data.t[0]) == (pytest.approx(DT), pytest.approx(age))


@pytest.mark.parametrize(
    ("write", "fields", "text"),
    [
        (cache, {"dt": 0.5}, r"t1, dt: found a step of 0\.1 s and dt = 0\.5 s, expected the same; write the cache"),
        (
            cache,
            {"start_frame": 101, "cache_metadata_json": json.dumps({"start_frame": 51})},
            "cache_metadata_json, start_frame: found first frames 51 and 101",
        ),
        (cache, {"t": LATE}, "t: found first frame 101 .* but elsewhere first frame 1 "),
        (other_cache, {"t": LATE, "dt": 0.5}, r"t, dt: found a step of 0\.1 s and dt = 0\.5 s"),
    ],
)
def test_caches_that_contradict_themselves_are_refused(tmp_path, write, fields, text):
    with pytest.raises(DataError, match=text):
        load_data(write(tmp_path / "a.npz", **fields), q=0.005)


def test_units_of_a_file_of_scikit_beam(tmp_path):
    path = write_scikit_beam(tmp_path / "a.h5", q=[0.05, 0.05, 0.08, 0.08], dt=100.0)
    with h5py.File(path, "r+") as file:
        file.attrs["q_unit"], file.attrs["dt_unit"] = "1/nm", "ms"
    data = load_data(path, q=0.005)
    assert (data.q, data.dt) == (0.005, 0.1)


def test_what_means_nothing_here_is_not_followed(tmp_path):
    """A link beside the maps to elsewhere, or to nowhere, is no matter where its name is none that is read."""
    path = hdf5(tmp_path / "a.h5", {})
    with h5py.File(path, "r+") as file:
        file["raw"] = h5py.ExternalLink("../elsewhere.h5", "/x")
        file["gone"] = h5py.SoftLink("/nowhere")
        file["more"] = h5py.SoftLink("/c2")
    assert not any("not used" in note for note in load_data(path, q=0.005).notes)
    with h5py.File(path, "r+") as file:
        file["start_frame"] = h5py.SoftLink("/nowhere")
    assert "start_frame: is a link to /nowhere" in refusal(path)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"dt": 1.0, "fps": 10.0}, "fps, dt: found 10 frames per second and 1 s between frames; correct them"),
        ({"dt": 1.0, "frame_rate": 10}, "frame_rate, dt: found 10 frames per second"),
        ({"dt": 1.0, "dt_ms": 100.0}, "dt_ms, dt: found 0.1 and 1 s, expected the same; correct them"),
        (
            {"dt_ms": 100.0},
            "dt_ms: found 0.1 s under a name that is not read; store the time between frames in s as dt",
        ),
        (
            {"dt": 0.1, "t_ms": np.arange(101, 107) * 100.0},
            "t_ms: found first frame 101 and steps of 0.1 s",
        ),
        ({"dt": 0.1, "frames": [101, 106]}, "frames: found 101 to 106, but 6 frames from number 1 on: they may count"),
        ({"dt": 0.1, "frame_range": [100, 106]}, "frame_range: found 100 to 106, but 6 frames from number 1 on"),
        ({"dt": 0.1, "waiting_time": 12.0}, "waiting_time: found 12 s, but the first frame is at 0.1 s"),
    ],
)
def test_times_under_names_that_tell_their_meaning_are_compared(tmp_path, fields, text):
    path = tmp_path / "a.npz"
    np.savez(path, c2=[make_map()], q=0.005, phi=[10.0], **fields)
    for call in (load_data, check_data):
        with pytest.raises(DataError, match=text):
            call(path)


def test_times_under_names_that_tell_their_meaning_may_agree(tmp_path):
    path = tmp_path / "a.npz"
    same = {"fps": 10.0, "dt_ms": 100.0, "t_ms": np.arange(1, 7) * 100.0, "frames": [1, 6], "window": [0, 6]}
    np.savez(path, c2=[make_map()], q=0.005, phi=[10.0], dt=0.1, **same)
    data = load_data(path)
    assert (data.dt, data.start_frame) == (0.1, 1)
    assert not any("t_ms" in note or "fps" in note for note in data.notes)


def test_a_rate_among_the_attributes_of_the_file_is_compared(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["c2"], file["q"], file["phi"], file["dt"] = [make_map()], 0.005, [10.0], 1.0
        file.attrs["fps"] = 10.0
    with pytest.raises(DataError, match="fps, dt: found 10 frames per second and 1 s"):
        load_data(path)


@pytest.mark.parametrize("first", [0, 1])
def test_ages_that_may_be_numbers_of_frames_are_named(tmp_path, first):
    path, ages = tmp_path / "a.npz", first + np.arange(6)
    np.savez(path, c2=[make_map()], q=0.005, phi=[10.0], t=ages)
    note = f"t: {first}, {first + 1}, ... taken as seconds; if these are frame numbers, give dt and remove t"
    assert note in load_data(path).notes
    assert note in describe_data(path)["notes"]
    np.savez(path, c2=[make_map()], q=0.005, phi=[10.0], t=ages, t_unit="s")
    assert note not in load_data(path).notes


def test_ages_of_few_digits_tell_how_well_the_step_is_known(tmp_path):
    path = tmp_path / "a.npz"
    for start, said in ((1, False), (100_001, True)):
        np.savez(path, c2=[make_map()], q=0.005, phi=[10.0], t=(np.float32(0.1) * (start + np.arange(6))).astype("f4"))
        data = load_data(path)
        assert data.dt == 0.1
        assert any("its step of 0.1 s has a relative uncertainty of" in note for note in data.notes) is said


def test_other_maps_beside_those_that_are_read_are_named(tmp_path):
    path = tmp_path / "a.npz"
    maps = np.stack([make_map()])
    np.savez(path, two_time=maps, g2=maps + 0.1, q=0.005, phi=[10.0], dt=0.1)
    data = load_data(path)
    np.testing.assert_array_equal(data.c2, maps)
    assert "not used: g2" in data.notes
