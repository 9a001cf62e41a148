"""Ages that cannot be are refused by whoever reads; a given time between frames wins over all of them."""

import json

import h5py
import numpy as np
import pytest
from data_files import (
    four_maps,
    make_map,
    write_chx,
    write_id02,
    write_legacy,
    write_nxxpcs,
    write_one,
    write_xpcs_correlator,
)

from heterodyne_data import TwoTimeData, describe_data, load_data, save_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError, validate

N, DT = 6, 0.1
AXIS = np.arange(1, N + 1) * DT


def npz(path, **times):
    np.savez(path, c2=make_map(N), q=0.005, phi=10.0, **times)
    return path


def whole(path, **changes):
    return write_one(path, make_map(N), **changes)


def two_detectors(path):
    path = write_nxxpcs(path, four_maps(N))
    with h5py.File(path, "r+") as file:
        file["/entry/instrument/other/frame_time"] = 0.3
        file["/entry/instrument/other/frame_time"].attrs["units"] = "s"
    return path


def two_times(path):
    path = write_legacy(path, {1: make_map(N)}, [0.005], [10.0])
    with h5py.File(path, "r+") as file:
        file["/entry/instrument/detector_1/frame_time"] = 0.5
    return path


def many_detectors(path):
    path = write_nxxpcs(path, four_maps(N))
    with h5py.File(path, "r+") as file:
        for k in range(64):
            file[f"/entry/instrument/module_{k}/frame_time"] = 0.1
    return path


FAULTS = {
    "more detectors than there are": (many_detectors, r"/entry/instrument: found 65 detectors with a frame_time", 1),
    "times of ID02 without a unit": (lambda p: write_id02(p, four_maps(N), t_unit=None), r"t1: states no unit", 1),
    "two times between frames, legacy": (two_times, r"exposure_period, .*frame_time: found 0\.1 and 0\.5 s", 1),
    "first frame counted from the end": (lambda p: whole(p, begin=-80), r"begin_frame: found -80", 1),
    "the same, of averaged frames": (lambda p: whole(p, begin=-80, average=100), r"begin_frame: found -80", 1),
    "the same, legacy": (
        lambda p: write_legacy(p, {1: make_map(N)}, [0.005], [10.0], begin=-79),
        r"data_begin_todo: found -79",
        1,
    ),
    "frame time below 0": (lambda p: whole(p, frame_time=-0.1), r"frame_time: found -0\.1 s, expected a positive", 1),
    "infinite frame time": (lambda p: whole(p, frame_time=np.inf), r"frame_time: found inf s, expected a positive", 1),
    "frame time below 0, NXxpcs": (
        lambda p: write_nxxpcs(p, four_maps(N), frame_time=-0.1),
        r"frame_time: found -0\.1 s, expected a positive",
        1,
    ),
    "half a stride": (lambda p: whole(p, stride=0.5), r"stride_frame: found 0\.5 frames", 1),
    "two periods of CHX without lags": (
        lambda p: write_chx(p, four_maps(N), tausb=None, md={"frame_time": 0.1, "acquire period": "0.2"}),
        r"md: found frame_time = 0\.1 s and acquire period = 0\.2 s, expected one time between frames",
        1,
    ),
    "t1 in s that does not fit the period of the camera": (
        lambda p: write_xpcs_correlator(p, four_maps(N), t1=AXIS * 1.5, t2=AXIS * 1.5, **{"t1@units": "s"}),
        r"t1, dt: found a step of 0\.15 s and 0\.1 s between camera frames, expected a whole multiple",
        1,
    ),
    "t1 in s without a unit": (
        lambda p: write_xpcs_correlator(p, four_maps(N), t1=AXIS * 1, t2=AXIS * 1),
        r"t1: found steps of 0\.1 without a unit, expected whole camera frames",
        1,
    ),
    "t1 in whole s without a unit": (
        lambda p: write_xpcs_correlator(p, four_maps(N), t1=AXIS * 20, t2=AXIS * 20, dt=2.0),
        r"t1: found steps of 2 without a unit: camera frames or, with dt = 2 s, seconds",
        1,
    ),
    "t1 in s of binned frames without a unit": (
        lambda p: write_xpcs_correlator(p, four_maps(N), t1=AXIS * 10 - 0.55, t2=AXIS * 10 - 0.55),
        r"t1: begins at 0\.45 without a unit",
        1,
    ),
    "times since 1970": (lambda p: npz(p, t=1.76e9 + AXIS), r"t: found ages up to 1760000001 s, 55.8 years", 1),
    "many frames before the first": (lambda p: whole(p, begin=10**10), "age of the first frame: found 1e", 1),
    "jitter": (lambda p: npz(p, t=AXIS + 7 + np.array([0, 1e-4, 0, 0, 0, 0])), "found a step of 0.1001 s", 71),
    "t and dt that disagree": (
        lambda p: npz(p, t=AXIS, dt=0.2),
        "found a step of 0.1 s after frame ., expected 0.2",
        1,
    ),
    "descending": (lambda p: npz(p, t=AXIS[::-1]), "times must increase", 1),
    "negative": (lambda p: npz(p, t=AXIS - 1), "found ages that are negative", 1),
    "dt of 0": (lambda p: npz(p, dt=0.0), "dt: found 0, expected a positive number", 1),
    "lags and period that disagree": (
        lambda p: write_chx(p, four_maps(N), tausb=np.arange(N) * 0.125),
        "found a first lag of 0.125 s and 0.1 s between frames",
        1,
    ),
    "detectors that disagree": (two_detectors, "expected one time between frames", 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_times_that_cannot_be_are_refused_alike_and_a_given_dt_wins(tmp_path, name):
    write, text, first = FAULTS[name]
    path = write(tmp_path / "a.npz")
    said = set()
    for call in (lambda p: load_data(p, q=0.005), describe_data, check_data):
        with pytest.raises(DataError, match=text) as caught:
            call(path)
        said.add(str(caught.value))
    assert len(said) == 1
    assert "or give the time between frames: data.dt" in said.pop()
    data = load_data(path, q=0.005, dt=0.5)
    np.testing.assert_allclose(data.t, (np.arange(N) + first) * 0.5, rtol=1e-6)
    note = next(note for note in data.notes if "the file's own times are not used" in note)
    assert f"dt = 0.5 s as given, the first frame is number {first}" in note
    assert describe_data(path, {"data": {"dt": 0.5}})["dt"] == 0.5
    assert check_data(path, {"data": {"dt": 0.5}}).notes


@pytest.mark.parametrize("layout", ["aps-u", "aps-legacy"])
@pytest.mark.parametrize("first", [0.0, 0.25])
def test_a_first_frame_younger_than_dt_is_read_as_it_was_written(tmp_path, layout, first):
    """With a mark: other programs count from the end with numbers below 0."""
    t = (first + np.arange(N)) * DT
    save_data(tmp_path / "a.h5", TwoTimeData(c2=make_map(N), q=0.005, phi=10.0, t=t), layout=layout)
    np.testing.assert_allclose(load_data(tmp_path / "a.h5").t, t, atol=1e-12)


def test_a_count_from_0_where_1_is_usual_skips_no_frame(tmp_path):
    assert load_data(write_legacy(tmp_path / "a.hdf", {1: make_map(N)}, [0.005], [10.0], begin=0)).start_frame == 1


def test_legacy_files_with_the_metadata_of_the_new_ones_have_a_time_base(tmp_path):
    path = write_legacy(tmp_path / "a.hdf", {1: make_map(N)}, [0.005], [10.0])
    with h5py.File(path, "r+") as file:
        del file["/measurement"]
        file["/entry/instrument/detector_1/frame_time"] = 0.05
        file["/xpcs/avg_frames"] = 2
    assert load_data(path).dt == pytest.approx(0.1)


def test_calendar_times_from_python_are_refused():
    with pytest.raises(DataError, match="expected seconds since the start of the sample, not a date"):
        TwoTimeData(c2=make_map(N), q=0.005, phi=10.0, t=1.76e9 + AXIS)


def cache(path, times, **facts):
    facts = {"cache_metadata_json": np.array(json.dumps(facts))} if facts else {}
    maps = make_map(len(times))[None]
    np.savez(path, c2_exp=maps, wavevector_q_list=[0.005], phi_angles_list=[10.0], t1=times, t2=times, **facts)
    return path


def camera(path, times):
    maps = four_maps(len(times))
    return write_xpcs_correlator(path, maps, t1=times, t2=times, **{"t1@units": "s", "t2@units": "s"})


STORES_TIMES = {
    "npz": lambda p, t: (np.savez(p, c2=make_map(len(t)), q=0.005, phi=10.0, t=t), p)[1],
    "npz with dt": lambda p, t: (np.savez(p, c2=make_map(len(t)), q=0.005, phi=10.0, t=t, dt=DT), p)[1],
    "cache": cache,
    "cache with dt": lambda p, t: cache(p, t, dt=DT),
    "ID02": lambda p, t: write_id02(p, four_maps(len(t)), **{"twotime/t1": t, "twotime/t2": t}),
    "xpcs-correlator": camera,
    "Python": None,
}


@pytest.mark.parametrize("name", STORES_TIMES)
@pytest.mark.parametrize(
    ("first", "dtype", "kept"), [(1, "f4", "f4"), (9001, "f4", "f4"), (1, "f2", "f2"), (1, "f4", "f8")]
)
def test_times_in_short_floats_are_read_as_the_grid_that_they_mean(tmp_path, name, first, dtype, kept):
    """Also where a program has widened them."""
    ages = (np.arange(48) + first) * DT
    stored, write = ages.astype(dtype).astype(kept), STORES_TIMES[name]
    if write is None:
        data = TwoTimeData(c2=make_map(48), q=0.005, phi=10.0, t=stored)
    else:
        data = load_data(write(tmp_path / "a.npz", stored), q=0.005)
    assert data.dt == DT
    np.testing.assert_allclose(data.t, ages, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_uneven_times_are_refused_however_they_are_stored(dtype):
    uneven = np.arange(1, 49) * DT
    uneven[20] += 1e-3 * DT
    with pytest.raises(DataError, match=r"found a step of 0\.1001"):
        TwoTimeData(c2=make_map(48), q=0.005, phi=10.0, t=uneven.astype(dtype))
    slow = (np.arange(48) + 9001) * DT * (1 + 1e-4)
    # Every step is that of dt to the digits of float32 at this age; all of them together are not.
    with pytest.raises(DataError, match=r"found a (mean )?step of 0\.1000\d+ s"):
        TwoTimeData(c2=make_map(48), q=0.005, phi=10.0, t=slow.astype(dtype), dt=DT)


def test_uneven_times_that_float32_holds_are_uneven():
    """Whole numbers are no rounding of anything."""
    for ages in (np.arange(48.0) + 1e7 + (np.arange(48) > 20), np.arange(48.0) + 1 + (np.arange(48) > 20) / 1024):
        with pytest.raises(DataError, match="found a step of"):
            TwoTimeData(c2=make_map(48), q=0.005, phi=10.0, t=ages)
    exact = TwoTimeData(c2=make_map(48), q=0.005, phi=10.0, t=np.arange(1, 49) / 1024)
    assert exact.dt == 1 / 1024


@pytest.mark.parametrize("dt", [1 / 30, 0.0123456, 2e-6, 7.0, 300.0])
def test_a_step_in_float32_is_as_good_as_its_digits(dt):
    data = TwoTimeData(c2=make_map(48), q=0.005, phi=10.0, t=(np.arange(1, 49) * dt).astype("f4"))
    assert data.dt == pytest.approx(dt, rel=2e-7)
    np.testing.assert_allclose(data.t, np.arange(1, 49) * dt, rtol=2e-7)


def binned_chx(path, n=28, **changes):
    """Write a CHX file without lags of `n` frames; `changes` are of md."""
    md = {"frame_time": 0.02, "acquire period": 0.02, "beg": 1, "end": 1 + n} | changes
    return write_chx(path, four_maps(n), tausb=None, md=md)


@pytest.mark.parametrize(
    ("md", "text"),
    [
        ({"number of images": 120}, r"tausb is missing, and md@number of images = 120 for 28 frames of g12b"),
        ({"beg": 0, "end": 112}, r"tausb is missing, and md@end - beg = 112 for 28 frames"),
        ({"number of images": 20}, r"md@number of images: found 20, expected 28 or more"),
    ],
)
def test_the_period_of_the_camera_is_not_that_of_maps_that_may_be_binned(tmp_path, md, text):
    path = binned_chx(tmp_path / "a.h5", **md)
    with pytest.raises(DataError, match=text + r".*or give the time between frames: data\.dt"):
        load_data(path, q=0.005)
    first = 2 if "beg" not in md else 1
    np.testing.assert_allclose(load_data(path, q=0.005, dt=0.08).t, (first + np.arange(28)) * 0.08, rtol=1e-14)
    assert load_data(binned_chx(tmp_path / "b.h5", **{"number of images": 30}), q=0.005).dt == 0.02


def test_sums_of_images_tell_of_bins_too(tmp_path):
    path = binned_chx(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["imgsum"] = np.ones(120)
    with pytest.raises(DataError, match="shape of imgsum = 120 for 28 frames"):
        load_data(path, q=0.005)


@pytest.mark.parametrize("listed", [[3, 4, 9], "[3, 4, 9]", []])
def test_bad_frames_of_a_file_are_noted_and_not_left_out(tmp_path, listed):
    beside = {} if isinstance(listed, str) else {"bad_frame_list": np.array(listed, float)}
    md = {"frame_time": 0.1, "beg": 0, "end": N} | ({"bad_frame_list": listed} if isinstance(listed, str) else {})
    data = load_data(write_chx(tmp_path / "a.h5", four_maps(N), md=md, **beside), q=0.005)
    notes = [note for note in data.notes if "bad_frame_list: 3 camera frames (3-4, 9, counted from 0)" in note]
    assert len(notes) == bool(listed) and all("data.mask_frames" in note for note in notes)
    assert data.valid.all()


CONFIG = "/xpcs/twotime/config"


def test_numbers_of_the_configuration_of_aps_u_may_be_attributes(tmp_path):
    path = whole(tmp_path / "a.h5", stride=None, average=None, begin=None)
    with h5py.File(path, "r+") as file:
        file.create_group(CONFIG).attrs.update({"stride_frame": 3, "avg_frame": "2", "begin_frame": np.array([12])})
    data = load_data(path)
    np.testing.assert_allclose(data.t, (3 + np.arange(N)) * 0.6, rtol=1e-14)
    assert not any("is missing" in note or "are missing" in note for note in data.notes)
    with h5py.File(path, "r+") as file:
        file[CONFIG].attrs["stride_frame"] = "three"
    with pytest.raises(DataError, match=r"config@stride_frame: found 'three', expected a number"):
        load_data(path)


def test_a_configuration_that_is_missing_is_said(tmp_path):
    path = whole(tmp_path / "a.h5", stride=None, average=None, begin=None)
    notes = load_data(path).notes
    steps, first = f"{CONFIG}/stride_frame, {CONFIG}/avg_frame are missing", f"{CONFIG}/begin_frame is missing"
    assert f"{steps}: assumed to be 1; dt may be that of the camera, not of the maps" in notes
    assert f"{first}: ages counted from the first frame of the maps" in notes
    assert not any("missing" in note for note in load_data(whole(tmp_path / "b.h5")).notes)


def test_the_number_of_the_first_frame_beside_maps_counts(tmp_path):
    data = load_data(npz(tmp_path / "a.npz", dt=DT, start_frame=100.0))
    np.testing.assert_allclose(data.t, (100 + np.arange(N)) * DT, rtol=1e-14)
    assert "start_frame = 100: the age of the first frame is 100 dt" in data.notes
    # That of ages between two frames, and of one of age 0, as `TwoTimeData.start_frame` gives them.
    assert load_data(npz(tmp_path / "b.npz", t=AXIS + 20.5 * DT, start_frame=22)).t[0] == pytest.approx(2.15)
    assert load_data(npz(tmp_path / "c.npz", t=AXIS - DT, start_frame=0)).t[0] == 0
    with pytest.raises(DataError, match=r"start_frame: found 0\.5 frames, expected an integer, 1 or more"):
        load_data(npz(tmp_path / "d.npz", dt=DT, start_frame=0.5))
    contrary = npz(tmp_path / "e.npz", t=AXIS, start_frame=100)
    with pytest.raises(DataError, match="t, start_frame: found t that begins at frame 1 and start_frame = 100"):
        load_data(contrary)
    assert load_data(contrary, dt=DT).t[0] == pytest.approx(10.0)


@pytest.mark.parametrize(("begin", "number", "age"), [(41, 22, 2.15), (41 + 2 * 4096, 4118, 411.75), (0, 1, 0.1)])
def test_first_frames_between_two_numbers_are_the_same_to_all_who_read(tmp_path, begin, number, age):
    path = whole(tmp_path / "a.h5", begin=begin, stride=2, frame_time=0.05)
    described, data = describe_data(path), load_data(path)
    assert (described["start_frame"], data.start_frame, data.provenance["start_frame"]) == (number,) * 3
    assert described["start_age"] == data.t[0] == pytest.approx(age, rel=1e-14)
    assert f"dt: 0.1 s; first frame: {number}, age {age:g} s" in validate(path).facts


SHORT = np.float32(0.1)
SHORT_STEPS = {
    "aps-u": lambda p: whole(p, frame_time=SHORT),
    "aps-legacy": lambda p: write_legacy(p, {1: make_map(N)}, [0.005], [10.0], exposure=SHORT),
    "npz": lambda p: npz(p.with_suffix(".npz"), dt=SHORT),
    "npz in ms": lambda p: npz(p.with_suffix(".npz"), dt=np.float32(100.1), dt_unit="ms"),
    "chx without lags": lambda p: write_chx(p, four_maps(N), tausb=None, md={"frame_time": SHORT}),
    "chx": lambda p: write_chx(p, four_maps(N), tausb=np.float32(AXIS - DT)),
    "nxxpcs": lambda p: write_nxxpcs(p, four_maps(N), frame_time=SHORT),
    "xpcs-correlator": lambda p: write_xpcs_correlator(p, four_maps(N), dt=SHORT),
}


@pytest.mark.parametrize("name", SHORT_STEPS)
def test_a_step_in_float32_is_the_decimal_that_it_stands_for(tmp_path, name):
    assert load_data(SHORT_STEPS[name](tmp_path / "a.h5"), q=0.005).dt == (0.1001 if "ms" in name else 0.1)


def test_a_step_given_in_float32_is_the_decimal_that_it_stands_for(tmp_path):
    assert load_data(whole(tmp_path / "a.h5", frame_time=None), dt=SHORT).dt == 0.1
    assert TwoTimeData(c2=make_map(N), q=np.float32(0.0054), phi=10.0, dt=SHORT).dt == 0.1


def test_times_at_fault_are_told_before_maps_that_cannot_be_chosen(tmp_path):
    path = tmp_path / "a.npz"
    maps = [make_map(), make_map(seed=1)]
    np.savez(path, c2=maps, q=0.005, phi=[10.0, 10.0], t=np.zeros(6))
    said = set()
    for call in (load_data, describe_data, check_data):
        with pytest.raises(DataError) as caught:
            call(path)
        said.add(str(caught.value))
    assert len(said) == 1
    assert "times must increase" in said.pop()
