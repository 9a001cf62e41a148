"""Files of ID02 and of xpcs-correlator: units, ages, axes, what is refused."""

import h5py
import numpy as np
import pytest
from data_files import (
    ID02,
    four_maps,
    write_id02,
    write_xpcs_correlator,
)

from heterodyne_data import describe_data, load_data
from heterodyne_spec import DataError


@pytest.mark.parametrize(("write", "key"), [(write_id02, f"{ID02}/phi_-45/parameters/q"), (write_xpcs_correlator, "q")])
def test_q_of_esrf_files_is_converted_from_the_unit_that_they_state(tmp_path, write, key):
    data = load_data(write(tmp_path / "a.h5"), q=0.005)
    assert data.q == 0.005
    assert f"{key}: converted from nm^-1 to 1/Å" in data.notes
    with pytest.raises(DataError, match=f"{key}: states no unit, expected 1/Å, 1/nm or 1/m; add it as the attribute"):
        load_data(write(tmp_path / "b.h5", q_unit=None), q=0.005)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"q_unit": "2th_deg"}, "parameters/q: found the unit '2th_deg'"),
        ({"twotime/ttcf": np.ones((2, 6, 5))}, r"ttcf: found shape \(2, 6, 5\), expected \(n, N, N\)"),
        ({"parameters/q": [0.05]}, "found 2 maps and 1 q, expected one each per map"),
        ({"twotime/t1": [0, 0.1, 0.2, 0.4, 0.5, 0.6]}, "t1, t2: found different times"),
        ({"twotime/t1": [0, 1, 2, 4, 5, 6], "twotime/t2": None}, "found a step of 2 s after frame 3"),
        ({"twotime/t1": None}, "no usable time between frames: found .*t1 is missing"),
        (
            {"twotime/t1": None, "twotime/t2": None, "twotime/age": np.arange(6.0), "twotime/lag": np.arange(6.0)},
            "phi_-45/twotime/ttcf: its axes are age and lag, expected t1 and t2: .* ttcf_format='t1,t2'$",
        ),
    ],
)
def test_id02_missing_and_contradicting_fields_are_refused_in_one_line(tmp_path, changes, text):
    with pytest.raises(DataError, match=text) as caught:
        load_data(write_id02(tmp_path / "a.h5", **changes), q=0.005)
    assert "\n" not in str(caught.value)


def test_id02_entries_are_not_mixed_and_directions_without_an_azimuth_have_none(tmp_path):
    path = write_id02(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file.move(f"{ID02}/phi_10", f"{ID02}/vertical")
    assert [one["phi"] for one in describe_data(path)["maps"]] == [-45.0, None, -45.0, None]
    with h5py.File(path, "a") as file:
        file.copy("/entry_0000", "/entry_0001")
    with pytest.raises(DataError, match="found results in entry_0000, entry_0001, expected one entry"):
        load_data(path)


@pytest.mark.parametrize(
    ("axis", "dt", "start"),
    [(np.arange(6) * 3 + 1.5, 0.3, 1), (np.arange(6) + 0.5, 0.1, 1), (np.arange(6) * 3 + 31.5, 0.3, 11)],
)
def test_xpcs_correlator_counts_camera_frames_and_puts_bins_at_their_middle(tmp_path, axis, dt, start):
    upper = np.triu(np.ones((6, 6), bool))
    path = write_xpcs_correlator(tmp_path / "a.h5", np.where(upper, four_maps(), np.nan), t1=axis, t2=axis)
    data = load_data(path, q=0.005)
    np.testing.assert_array_equal(data.c2, four_maps()[:2])
    assert (data.dt, data.start_frame) == (pytest.approx(dt), start)


MIDDLES = np.arange(6) + 10.5


@pytest.mark.parametrize("turned", [np.asarray, np.transpose])
def test_grids_of_times_are_the_axes_that_they_repeat(tmp_path, turned):
    one, two = np.meshgrid(MIDDLES, MIDDLES)
    data = load_data(write_xpcs_correlator(tmp_path / "a.h5", t1=turned(one), t2=turned(two)), q=0.005)
    assert (data.dt, data.start_frame) == (0.1, 11)
    np.savez(tmp_path / "a.npz", c2=four_maps()[0], q=0.005, phi=0.0, t=turned(one) * 0.1)
    assert load_data(tmp_path / "a.npz").t[0] == pytest.approx(1.05)
    with pytest.raises(DataError, match="t1: found a grid that varies along both axes"):
        load_data(write_xpcs_correlator(tmp_path / "b.h5", t1=one + two, t2=None), q=0.005)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"start_frame": 1}, r"t1, start_frame: found t1 that begins at frame 11 and start_frame = 1"),
        ({"t": np.arange(1, 7) * 0.1}, r"t1, t: found first frame 11 and steps of 0.1 s and .* 1 and"),
        ({"t": np.arange(11, 17) * 0.2}, r"t1, t: found first frame .* 0.1 s and .* 0.2 s, expected the same times"),
    ],
)
def test_first_ages_of_xpcs_correlator_that_contradict_each_other_are_refused(tmp_path, fields, text):
    path = write_xpcs_correlator(tmp_path / "a.h5", t1=MIDDLES, t2=MIDDLES, **fields)
    for read in (lambda: load_data(path, q=0.005), lambda: describe_data(path)):
        with pytest.raises(DataError, match=text):
            read()
    assert load_data(path, q=0.005, dt=0.1).dt == 0.1
    agreeing = {"start_frame": 11, "t": np.arange(11, 17) * 0.1}
    data = load_data(write_xpcs_correlator(tmp_path / "b.h5", t1=MIDDLES, t2=MIDDLES, **agreeing), q=0.005)
    assert data.start_frame == 11


def test_axes_of_xpcs_correlator_in_different_units_are_compared_as_times(tmp_path):
    def write(name, one, two, **units):
        return write_xpcs_correlator(tmp_path / name, t1=one, t2=two, **units)

    t = np.arange(1, 7) * 0.1
    same = write("a.h5", t, 1000 * t, **{"t1@units": "s", "t2@units": "ms"})
    assert load_data(same, q=0.005).t[0] == pytest.approx(0.1)
    with pytest.raises(DataError, match="t1, t2: found different times"):
        load_data(write("b.h5", t, t, **{"t1@units": "s", "t2@units": "ms"}), q=0.005)
    # Either axis may tell for both.
    assert load_data(write("c.h5", t, t, **{"t2@units": "s"}), q=0.005).t[0] == pytest.approx(0.1)


def test_xpcs_correlator_without_t1_needs_its_axes_named_and_its_times_given(tmp_path):
    unnamed = write_xpcs_correlator(tmp_path / "a.h5", t1=None, t2=None, ttcf_format=None)
    with pytest.raises(DataError, match="ttcf: neither t1 nor ttcf_format states whether its axes are t1 and t2"):
        load_data(unnamed, q=0.005)
    named = write_xpcs_correlator(tmp_path / "b.h5", t1=None, t2=None)
    with pytest.raises(DataError, match="found t1 is missing, and dt is that of the camera, expected"):
        load_data(named, q=0.005)
    assert load_data(named, q=0.005, dt=0.1).t[0] == 0.1
    aged = write_xpcs_correlator(tmp_path / "c.h5", t1=None, t2=None, t=np.arange(11, 17) * 0.1)
    assert load_data(aged, q=0.005).t[0] == pytest.approx(1.1)


def test_xpcs_correlator_maps_of_age_and_lag_are_refused_by_name(tmp_path):
    path = write_xpcs_correlator(tmp_path / "a.h5", t1=None, t2=None, ttcf_format="age,lag", age=np.arange(6.0))
    with pytest.raises(DataError, match=r"ttcf: its axes are age and lag, expected t1 and t2"):
        load_data(path, q=0.005)
