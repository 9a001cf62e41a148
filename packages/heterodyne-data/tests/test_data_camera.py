"""Maps made of frames of a camera: near names, what is assumed, numbers that contradict each other, missing maps."""

import re

import h5py
import numpy as np
import pytest
from data_files import (
    ID02,
    LEGACY_MAPS,
    four_maps,
    make_map,
    write_apsu,
    write_chx,
    write_id02,
    write_legacy,
    write_nxxpcs,
    write_xpcs_correlator,
)

from heterodyne_data import describe_data, load_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError

N, CONFIG = 6, "/xpcs/twotime/config"


def new(path, **config):
    """Write an APS-U file with more in its configuration."""
    write_apsu(path, **{name: config.pop(name) for name in ("begin", "stride", "average") if name in config})
    return added(path, {f"{CONFIG}/{name}": value for name, value in config.items()})


def old(path, **fields):
    """Write a legacy file with more in /xpcs."""
    maps = {k: np.triu(make_map(seed=k)) for k in range(1, 5)}
    write_legacy(path, maps, [0.005] * 4, [10.0, 30.0, 50.0, 70.0])
    return added(path, {f"/xpcs/{name}": np.array([[value]]) for name, value in fields.items()})


def added(path, fields):
    with h5py.File(path, "r+") as file:
        for key, value in fields.items():
            file[key] = value
    return path


@pytest.mark.parametrize(
    ("write", "numbers", "text"),
    [
        (new, {"begin": 50, "end_frame": 54}, "begin_frame, .*end_frame: found 4 camera frames for 6 frames of the ma"),
        (new, {"end_frame": 60}, "found 60 camera frames for 6 frames of the maps, of 1 each: each may contain more"),
        (
            new,
            {"stride": 2, "average": 3, "end_frame": 30},
            "found 30 camera frames for 6 frames of the maps, of 6 each, expected 36",
        ),
        (
            old,
            {"data_begin_todo": 101, "data_end_todo": 104},
            "data_begin_todo, .*data_end_todo: found 4 camera frames",
        ),
        (old, {"data_end_todo": 60}, "found 60 camera frames for 6 frames of the maps, of 1 each"),
        (old, {"avg_frames": 1, "avg_frame_burst": 4}, "avg_frames, /xpcs/avg_frame_burst: found 1 and 4: frames were"),
    ],
)
def test_numbers_of_frames_that_contradict_the_maps_are_refused(tmp_path, write, numbers, text):
    path = write(tmp_path / "a.h5", **numbers)
    for call in (lambda: load_data(path, q=0.005), lambda: describe_data(path), lambda: check_data(path)):
        with pytest.raises(DataError, match=text + ".*give the time between frames: data.dt"):
            call()
    assert load_data(path, q=0.005, dt=0.7).dt == 0.7


@pytest.mark.parametrize("end", [0, -1, 5, 6, 7])
def test_numbers_of_frames_that_may_be_counted_so_are_taken(tmp_path, end):
    """The end of the run, the last frame, or the one after it; and batches that were not filled."""
    assert load_data(new(tmp_path / "a.h5", end_frame=end), q=0.005).dt == 0.1
    assert load_data(old(tmp_path / "a.hdf", stride_frames=2, avg_frames=2, data_end_todo=30)).dt == pytest.approx(0.4)


def test_legacy_near_names_are_read_and_what_is_assumed_is_said(tmp_path):
    data = load_data(old(tmp_path / "a.hdf", stride_frame=2, avg_frame=3, data_begin=61))
    assert (data.dt, data.t[0]) == (pytest.approx(0.6), pytest.approx(6.6))
    for usual, near in (
        ("stride_frames", "stride_frame"),
        ("avg_frames", "avg_frame"),
        ("data_begin_todo", "data_begin"),
    ):
        assert f"/xpcs/{usual} is missing: /xpcs/{near} used instead" in data.notes
    silent = load_data(old(tmp_path / "b.hdf")).notes
    assert any("stride_frames, /xpcs/avg_frames are missing: assumed to be 1" in note for note in silent)
    assert "/xpcs/data_begin_todo is missing: ages counted from the first frame of the maps" in silent


def said_by_all(path, text):
    """Check that a fit, a description and a check say the same of what is missing."""
    q = min(one["q"] for one in describe_data(path)["maps"])
    for notes in (load_data(path, q=q).notes, describe_data(path)["notes"]):
        assert any(re.search(text, note) for note in notes), notes


def test_maps_that_the_file_lists_and_lacks_are_named(tmp_path):
    path = write_apsu(tmp_path / "a.h5", {k: np.triu(make_map(seed=k)) for k in (1, 2, 4)}, bins=[1, 2, 3, 4])
    said_by_all(
        path, r"processed_bins: 1 map of 4 missing, the file may be incomplete: bin 3 \(q = 0\.008 .*, phi = -45°\)"
    )
    path = old(tmp_path / "b.hdf")
    added(path, {"/xpcs/qphi_bin_to_process": np.arange(1, 5)[:, None]})
    with h5py.File(path, "r+") as file:
        del file[f"{LEGACY_MAPS}/g2_00003"], file[f"{LEGACY_MAPS}/g2_00004"]
    said_by_all(path, r"qphi_bin_to_process: 2 maps of 4 missing, .*: bin 3 \(.*phi = 50°\), bin 4 \(.*phi = 70°\)$")
    keys = {f"c2_{k:03d}": make_map(seed=k) for k in (1, 2, 3)}
    said_by_all(
        write_nxxpcs(tmp_path / "c.h5", keys, "data_exchange_keys"), r"dynamic_q_list: 1 map of 4 missing.*bin 4 "
    )
    path = write_id02(tmp_path / "d.h5")
    added(path, {f"{ID02}/phi_60/parameters/q": [0.05, 0.08]})
    said_by_all(path, "correlations: 1 direction without two-time maps, may be incomplete: phi_60")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"tausb": np.arange(N) * 1.0, "images": 6},
            r"tausb, md@number of images: found lags of 10 camera frames.*6 images",
        ),
        ({"tausb": np.arange(2, N) * 0.1}, r"tausb: found a first lag of 0\.2 s and others 0\.1 s apart"),
    ],
)
def test_lags_of_chx_that_count_something_else_are_refused(tmp_path, changes, text):
    md = {"frame_time": 0.1, "beg": 0, "end": N, "number of images": changes.pop("images", N)}
    with pytest.raises(DataError, match=text):
        load_data(write_chx(tmp_path / "a.h5", md=md, **changes), q=0.005)


@pytest.mark.parametrize("begin", [0, 99, 100])
@pytest.mark.parametrize("binned", [1, 2, 3, 4])
@pytest.mark.parametrize("half", [0.0, 0.5])
def test_binned_frames_have_one_age_in_all_layouts(tmp_path, begin, binned, half):
    """That of the end of their last frame of the camera, whether the middle is counted in numbers or in times."""
    middle = begin + (binned - 1) / 2 + half + binned * np.arange(N)
    one = load_data(write_xpcs_correlator(tmp_path / "a.h5", t1=middle, t2=middle), q=0.005)
    other = load_data(new(tmp_path / "b.h5", begin=begin, average=binned), q=0.005)
    np.testing.assert_allclose(one.t, other.t, rtol=1e-12)
    assert one.t[0] == pytest.approx((begin + binned) * 0.1)


@pytest.mark.parametrize(
    ("form", "text"), [("lag,age", "its axes are age and lag"), ("t1-t2", "found ttcf_format = 't1-t2'")]
)
def test_sides_of_maps_in_other_words_are_refused(tmp_path, form, text):
    with pytest.raises(DataError, match=f"ttcf: {text}"):
        load_data(write_xpcs_correlator(tmp_path / "a.h5", ttcf_format=form), q=0.005)


def test_names_of_lists_tell_which_is_q_and_must_agree(tmp_path):
    dims = [f"/xpcs/qmap/dynamic_v_list_dim{k}" for k in (0, 1)]
    path = write_apsu(tmp_path / "a.h5", q=[-45.0, 10.0], phi=[0.005, 0.008])
    with h5py.File(path, "r+") as file:
        file[dims[0]].attrs["name"], file[dims[1]].attrs["name"] = "phi", "q"
    assert load_data(path, q=0.008).phi.tolist() == [-45.0, 10.0]
    added(path, {"/xpcs/qmap/map_names": ["q", "phi"]})
    with pytest.raises(DataError, match=r"map_names, .*dim0@name: found q, phi and phi, q, expected the same"):
        load_data(path)


def test_directions_without_an_azimuth_are_refused_with_how_to_name_them(tmp_path):
    path = write_id02(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        for name in list(file[ID02]):
            file[ID02].move(name, name.replace("phi_", "sector"))
    with pytest.raises(DataError, match=r"name the directions by their azimuth in degrees, as phi_45$"):
        load_data(path, q=0.005)


def test_maps_without_azimuths_are_refused_with_where_to_store_them(tmp_path):
    for path, where in (
        (write_xpcs_correlator(tmp_path / "a.h5", phi=None), "store the azimuth of each map in degrees as phi"),
        (write_nxxpcs(tmp_path / "b.h5", four_maps(), phi=None), "add their azimuths in degrees as .*dynamic_phi_list"),
    ):
        with pytest.raises(DataError, match=where):
            load_data(path, q=0.005)
