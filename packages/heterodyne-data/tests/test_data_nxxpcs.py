"""NXxpcs files: which bin a map belongs to, its orientation and baseline, what is refused."""

import h5py
import numpy as np
import pytest
from data_files import (
    NX_MAPS,
    PHI,
    Q,
    four_maps,
    make_map,
    q_last,
    write_apsu,
    write_nxxpcs,
)

from heterodyne_data import describe_data, load_data
from heterodyne_spec import DataError


def test_nxxpcs_words_are_read_in_any_spelling(tmp_path):
    maps = np.stack([np.tril(c2)[::-1] for c2 in four_maps()])
    words = {"time_origin_location": "Lower-Left", "populated_elements": "Upper half"}
    data = load_data(write_nxxpcs(tmp_path / "a.h5", maps, **words), q=0.005)
    np.testing.assert_array_equal(data.c2, four_maps()[:2])


@pytest.mark.parametrize("half", ["all", "upper_half", "lower_half"])
@pytest.mark.parametrize("mode", ["one_array_q_first", "one_array_q_last", "data_exchange_keys"])
def test_nxxpcs_origin_at_the_lower_left_is_turned_over_and_halves_completed(tmp_path, half, mode):
    """In the stored picture time runs upwards, so the line t1 = t2 rises and "upper" is above it."""
    cut = {"all": np.asarray, "upper_half": np.tril, "lower_half": np.triu}[half]
    stored = np.stack([cut(c2)[::-1] for c2 in four_maps()])
    names = {f"{i + 1}": c2 for i, c2 in enumerate(stored)}
    maps = {"one_array_q_last": q_last(stored), "data_exchange_keys": names}.get(mode, stored)
    path = write_nxxpcs(
        tmp_path / "a.h5", maps, mode, time_origin_location="lower_left", populated_elements=half, baseline_reference=1
    )
    description = describe_data(path)
    assert (description["time_origin_location"], description["populated_elements"]) == ("lower_left", half)
    assert description["notes"] == []
    for frames in ([1, 6], [1, 3], [3, 6]):
        window = slice(frames[0] - 1, frames[1])
        data = load_data(path, q=0.005, frames=frames)
        np.testing.assert_array_equal(data.c2, four_maps()[:2, window, window])


def test_nxxpcs_elements_other_than_stated_are_taken_as_found_and_said(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", np.triu(four_maps()), populated_elements="lower_half")
    np.testing.assert_array_equal(load_data(path, q=0.005).c2, four_maps()[:2])
    assert "all angles: lower half stated as populated, upper half found" in load_data(path, q=0.005).notes
    assert describe_data(path)["notes"] == [f"{NX_MAPS}[0]: populated_elements is lower_half, found upper_half"]


def test_nxxpcs_other_half_with_values_of_its_own_is_refused(tmp_path):
    maps = four_maps()
    maps[:, 4, 1] = 7
    with pytest.raises(DataError, match=r"both halves have values but differ at frames 2 and 5"):
        load_data(write_nxxpcs(tmp_path / "a.h5", maps, populated_elements="upper_half"), q=0.005)


@pytest.mark.parametrize("stored", [0, 1])
def test_nxxpcs_baseline_is_shifted_and_one_that_is_not_there_is_refused(tmp_path, stored):
    maps = four_maps(level=float(stored), dtype="f8")
    path = write_nxxpcs(tmp_path / "a.h5", maps, baseline_reference=stored)
    np.testing.assert_allclose(load_data(path, q=0.005).c2, four_maps(dtype="f8")[:2], rtol=1e-14)
    path = write_nxxpcs(tmp_path / "b.h5", maps, baseline_reference=1 - stored)
    with pytest.raises(
        DataError, match=rf"baseline: the file states {1 - stored}, but the medians .*; correct the file, or give"
    ):
        load_data(path, q=0.005)
    np.testing.assert_allclose(load_data(path, q=0.005, baseline=stored).c2, four_maps(dtype="f8")[:2], rtol=1e-14)
    assert describe_data(path)["notes"] == [f"{NX_MAPS}[0]: baseline_reference is {1 - stored}, found {stored}"]


def test_nxxpcs_maps_of_some_regions_go_by_the_map_of_regions(tmp_path):
    roi_map = np.array([[0, 1, 1], [3, 4, 0]], "u2")
    path = write_nxxpcs(tmp_path / "a.h5", four_maps()[[0, 2, 3]], roi_map=roi_map)
    assert [(one["label"], one["q"], one["phi"]) for one in describe_data(path)["maps"]] == [
        (1, 0.005, -45.0),
        (3, 0.008, -45.0),
        (4, 0.008, 10.0),
    ]
    gaps = {"c2_3": make_map(seed=2), "c2_10": make_map(seed=9), "c2_4": make_map(seed=3)}
    path = write_nxxpcs(tmp_path / "b.h5", gaps, "data_exchange_keys", q=[*Q, *[0.01] * 6], phi=[*PHI, *range(6)])
    assert [one["label"] for one in describe_data(path)["maps"]] == [3, 4, 10]
    np.testing.assert_array_equal(load_data(path, q=0.01).c2[0], make_map(seed=9))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"storage_mode": None},
            "@storage_mode: is missing, expected one_array_q_first, one_array_q_last, data_exchange",
        ),
        ({"storage_mode": "other"}, "@storage_mode: found 'other', expected"),
        ({"storage_mode": "data_exchange_keys"}, "found nothing, expected a group of maps whose names end in"),
        ({"storage_mode": "one_array_q_last"}, r"found shape \(4, 6, 6\), expected \(N, N, n\)"),
        ({"time_origin_location": None}, "@time_origin_location: is missing, expected upper_left, lower_left"),
        ({"time_origin_location": "upper_right"}, "@time_origin_location: found 'upper_right'"),
        ({"populated_elements": "half"}, "@populated_elements: found 'half', expected all, upper_half, lower_half"),
        ({"baseline_reference": 2}, "@baseline_reference: found '2', expected 0, 1"),
        ({"q": Q[:3], "phi": PHI[:3]}, "found 4 maps, 3 q and 0 regions, expected one map per region"),
        ({"phi": PHI[:3]}, "found 4 and 3 entries, expected one each per region"),
        ({"q": np.ones((4, 3))}, r"dynamic_q_list: found shape \(4, 3\), expected one q per region"),
        ({"q_units": "pixel"}, "dynamic_q_list: found the unit 'pixel', expected 1/Å, 1/nm or 1/m"),
        ({"phi_units": "K"}, "dynamic_phi_list: found the unit 'K', expected degrees or radians"),
        ({"time_units": "1/Å"}, "frame_time: found the unit '1/Å', expected s, ms, us or ns"),
        ({"frame_time": [0.1, 0.1]}, "frame_time: found 2 numbers, expected one"),
        ({"phi": None}, r"no map has a finite q and phi \(of 4, 4 have q and 0 phi\)"),
        ({"frame_time": None, "time_units": None}, "no usable time .* found no frame_time of a detector"),
    ],
)
def test_nxxpcs_missing_and_contradicting_fields_are_refused_in_one_line(tmp_path, changes, text):
    path = write_nxxpcs(tmp_path / "a.h5", four_maps(), **changes)
    with pytest.raises(DataError, match=text) as caught:
        load_data(path, q=0.005)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_nxxpcs_without_words_that_the_maps_tell_themselves_says_so(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", np.tril(four_maps()), baseline_reference=None, populated_elements=None)
    description = describe_data(path)
    assert (description["baseline_reference"], description["populated_elements"]) == (1, "lower_half")
    assert [note.rpartition("@")[2] for note in description["notes"]] == [
        "populated_elements is missing: seen from the maps",
        "baseline_reference is missing: seen from the maps",
    ]


def test_nxxpcs_detectors_that_disagree_on_the_frame_time_are_refused(tmp_path):
    path = write_nxxpcs(tmp_path / "a.h5", four_maps())
    with h5py.File(path, "a") as file:
        file["/entry/instrument/other/frame_time"] = 0.2
    with pytest.raises(DataError, match=r"eiger/frame_time = 0.1 s, .*other/frame_time = 0.2 s, expected one time"):
        load_data(path, q=0.005)


def test_placeholder_of_the_definition_does_not_hide_the_maps_of_an_apsu_file(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file[NX_MAPS] = np.zeros((2, 3))
    assert describe_data(path)["layout"] == "aps-u"
