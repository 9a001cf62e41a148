"""A measurement given from Python obeys the section `data` of a configuration as a file does, once."""

import numpy as np
import pytest
from data_files import make_map, write_apsu

from heterodyne_data import TwoTimeData, load_data, select_data
from heterodyne_spec import ConfigError, DataError

PHI = [-175.0, -5.0, 5.0, 90.0, 178.0]


def written(path, empty=None, **changes):
    """Write a file of five angles and eight frames; the map of angle `empty` holds zeros."""
    maps = {i + 1: np.triu(make_map(8, seed=i)) * (i != empty) for i in range(len(PHI))}
    return write_apsu(path, maps, q=[0.005], phi=PHI, mapping=np.arange(len(PHI)), **changes)


def given(n=8, phi=(-175.0, 5.0, 90.0), **changes):
    """Return a measurement from arrays; the map of angle i has seed i."""
    c2 = np.stack([make_map(n, seed) for seed in range(len(phi))])
    return TwoTimeData(**({"c2": c2, "q": 0.005, "phi": phi, "dt": 0.1} | changes))


def same(one, other):
    """Compare two measurements, all but their notes."""
    for name in ("c2", "t", "phi", "valid", "weight"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.q, one.dt, one.start_frame) == (other.q, other.dt, other.start_frame)
    assert one.provenance == other.provenance


@pytest.mark.parametrize(
    "asked",
    [
        {"phi": [90]},
        {"phi": [[170, -170]]},
        {"phi": [185.2, 5]},
        {"frames": [2, 6]},
        {"mask_frames": [3]},
        {"frames": [2, 6], "mask_frames": [3, 8], "phi": [[-10, 10]], "frame_weights": [1, 1, 0.5, 1, 0]},
        {"q": 0.00501, "dt": 0.1},
    ],
)
def test_a_measurement_is_cut_as_its_file_is(tmp_path, asked):
    path = written(tmp_path / "a.h5", begin=4)
    from_file = select_data(path, {"data": asked})
    same(select_data(load_data(path), {"data": asked}), from_file)
    same(load_data(path, config={"data": asked}), from_file)


def test_a_measurement_read_under_a_configuration_is_not_cut_by_it_again(tmp_path):
    config = {"data": {"phi": [5, 90], "frames": [3, 8], "mask_frames": [4], "frame_weights": [1, 1, 1, 1, 1, 2]}}
    whole = written(tmp_path / "a.h5")
    data = load_data(whole, config=config)
    assert select_data(data, config) is data
    cut = select_data(load_data(whole), config)
    assert select_data(cut, config) is cut
    # What only the configuration of the reading asked for stays as it is.
    assert select_data(data, {"data": {"phi": [90]}}).valid.tolist() == [[True, False, True, True, True, True]]
    again = select_data(select_data(data, {"data": {"phi": [90]}}), {"data": {**config["data"], "phi": [90]}})
    assert (again.phi.tolist(), again.start_frame, again.n_t) == ([90.0], 3, 6)


def test_an_angle_without_values_that_was_left_out_is_not_asked_for_again(tmp_path):
    path = written(tmp_path / "a.h5", empty=2)
    config = {"data": {"phi": [-5, 5]}}
    data = load_data(path, config=config)
    assert data.phi.tolist() == [-5.0]
    assert select_data(data, config) is data


def test_frames_count_from_the_first_of_the_measurement_and_keep_their_ages():
    data = given(t=0.1 * np.arange(101, 109))
    cut = select_data(data, {"data": {"frames": [3, 7], "mask_frames": [4]}})
    np.testing.assert_array_equal(cut.t, data.t[2:7])
    assert cut.start_frame == 103
    assert cut.valid.tolist() == [[True, False, True, True, True]] * 3
    np.testing.assert_array_equal(cut.c2, data.c2[:, 2:7, 2:7])
    assert "cut to frames 3 to 7 of the measurement given" in cut.notes
    assert "frames masked as requested: 4" in cut.notes
    deeper = select_data(cut, {"data": {"frames": [2, 4]}})
    assert (deeper.start_frame, deeper.provenance["frames"]) == (104, (4, 6))


def test_another_selection_of_a_window_counts_its_own_frames(tmp_path):
    data = load_data(written(tmp_path / "a.h5"), frames=[3, 8])
    cut = select_data(data, {"data": {"frames": [2, 5]}})
    assert (cut.start_frame, cut.provenance["frames"]) == (4, (4, 7))
    text = r"within 1 to 6; the measurement given \(frames 3 to 8 of a longer one, counted from 1 here\) has 6 frames"
    with pytest.raises(DataError, match=text):
        select_data(data, {"data": {"frames": [3, 8], "mask_frames": [4]}})


def test_the_order_of_the_angles_given_stays():
    data = given(phi=(90.0, -175.0, 5.0))
    cut = select_data(data, {"data": {"phi": [5, 90]}})
    assert cut.phi.tolist() == [90.0, 5.0]
    np.testing.assert_array_equal(cut.c2, data.c2[[0, 2]])


def test_masks_add_to_the_frames_that_are_not_valid():
    valid = np.ones((3, 8), dtype=bool)
    valid[0, 6] = False
    cut = select_data(given(valid=valid), {"data": {"frames": [2, 8], "mask_frames": [3]}})
    assert np.argwhere(~cut.valid).tolist() == [[0, 1], [0, 5], [1, 1], [2, 1]]


def test_weights_are_set_once_and_never_replaced():
    config = {"data": {"frames": [2, 4], "frame_weights": [1, 0.5, 1]}}
    cut = select_data(given(), config)
    assert cut.weight.tolist() == [[1, 0.5, 1]] * 3
    assert select_data(cut, config) is cut
    with pytest.raises(DataError, match="has weights, but the configuration requests others"):
        select_data(given(weight=np.full(8, 2.0)), config)
    with pytest.raises(DataError, match=r"frame_weights: .* expected numbers of shape \(8,\)"):
        select_data(given(), {"data": {"frame_weights": [1, 0.5, 1]}})


def test_a_map_without_values_in_the_window_is_left_out():
    c2 = np.array(given().c2)
    c2[1, 4:] = c2[1, :, 4:] = np.nan
    cut = select_data(given(c2=c2), {"data": {"frames": [5, 8]}})
    assert cut.phi.tolist() == [-175.0, 90.0]
    assert "phi = 5: the map has only NaN, zeros or a single value, left out" in cut.notes


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"q": 0.006}, "the data have q = 0.005 1/Å, but the configuration requests 0.006"),
        ({"q": 0.00501, "q_tolerance": 1e-3}, "the data have q = 0.005 1/Å, but the configuration requests 0.00501"),
        ({"dt": 7}, "the data have dt = 0.1 s, but the configuration requests 7 s"),
        ({"phi": [20]}, "no angle within 0.5 of 20 degrees, the measurement given has -175, 5, 90"),
        ({"frames": [1, 9]}, "within 1 to 8; the measurement given has 8 frames"),
        ({"mask_frames": [9]}, "expected frame numbers 1 to 8; the measurement given has 8 frames"),
        ({"mask_frames": list(range(1, 9))}, "found no usable pair of frames"),
    ],
)
def test_what_the_measurement_does_not_hold_is_refused(asked, text):
    with pytest.raises(DataError, match=text):
        select_data(given(), {"data": asked})


def test_without_a_selection_the_measurement_is_returned_as_it_is():
    data = given()
    assert select_data(data) is data
    assert select_data(data, {"data": {"q": 0.005, "dt": 0.1, "frames": [1, 8], "exclude_diagonals": 3}}) is data
    with pytest.raises(ConfigError, match=r"data\.frame"):
        select_data(data, {"data": {"frame": [1, 8]}})
