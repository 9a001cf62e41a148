"""Which maps are chosen by q and phi, which frames by windows and masks."""

import numpy as np
import pytest
from data_files import make_map, write_apsu, write_legacy, write_one, write_phis
from hypothesis import given
from hypothesis import strategies as st

from heterodyne_data import load_data
from heterodyne_data.describing import check_data
from heterodyne_data.selection import distance, in_range, wrap
from heterodyne_spec import ConfigError, DataError

angles = st.floats(-1000, 1000)


def several_q(path, q, phi):
    """Write a legacy file with one bin per (q, phi)."""
    return write_legacy(path, {k + 1: np.triu(make_map(seed=k)) for k in range(len(q))}, q, phi)


def test_several_q_are_listed_and_never_mixed(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    with pytest.raises(DataError, match=r"the file holds several, 0.005, 0.008 1/Å; give the one to fit"):
        load_data(path)
    with pytest.raises(DataError, match=r"none within 0.02 \(relative\) of 0.006, the file has 0.005, 0.008 1/Å"):
        load_data(path, q=0.006)
    data = load_data(path, q=0.00502)
    assert data.q == 0.005
    assert "q = 0.008 1/Å left out (2 maps)" in data.notes


def test_slightly_different_q_of_one_ring_are_averaged_and_said(tmp_path):
    data = load_data(several_q(tmp_path / "a.hdf", [0.00500, 0.00502], [0.0, 90.0]))
    assert data.q == pytest.approx(0.00501, rel=1e-12)
    assert "q of the chosen bins ranges from 0.005 to 0.00502 1/Å; their mean is used" in data.notes


CLOSE = ([0.0050, 0.0050, 0.00505, 0.00505], [180.0, 0.0, -180.0, 0.0])


@pytest.mark.parametrize(("q", "meant", "seeds"), [(0.005, 0.005, (1, 0)), (0.00504, 0.00505, (3, 2))])
def test_of_two_rings_within_the_tolerance_the_nearer_is_taken_by_whoever_is_told_q(tmp_path, q, meant, seeds):
    path = several_q(tmp_path / "a.hdf", *CLOSE)
    data, checked = load_data(path, q=q), check_data(path, {"data": {"q": q}})
    assert (data.q, data.phi.tolist()) == (meant, [0.0, 180.0])
    for c2, seed in zip(data.c2, seeds, strict=True):
        np.testing.assert_array_equal(c2, make_map(seed=seed))
    left_out = next(note for note in data.notes if "left out" in note)
    assert "within the tolerance, but farther from" in left_out
    assert left_out in checked.notes
    assert checked.refused == ()


def test_two_rings_within_the_tolerance_are_ambiguous_where_none_is_nearer(tmp_path):
    path = several_q(tmp_path / "a.hdf", *CLOSE)
    for q in (None, 0.005025):
        with pytest.raises(DataError, match=r"same phi = \S+, q is ambiguous among 0.005, 0.00505 1/Å; give the one"):
            load_data(path, q=q)
    # Each can be fitted by itself.
    checked = check_data(path)
    assert checked.refused == ()
    assert any(note.startswith("q = 0.00505 1/Å: q = 0.005 1/Å within") for note in checked.notes)


def test_an_angle_given_twice_at_one_q_is_not_chosen_from(tmp_path):
    path = several_q(tmp_path / "a.hdf", [0.005] * 3, [45.0, 90.0, 45.0])
    for phi in (None, [45]):
        with pytest.raises(DataError, match=r"g2_00001 and .*g2_00003 have the same phi = 45 and the same q.* average"):
            load_data(path, phi=phi)
    assert load_data(path, phi=[90]).phi.tolist() == [90.0]


def test_bins_at_no_positive_q_are_left_out_of_others(tmp_path):
    data = load_data(several_q(tmp_path / "a.hdf", [0.005, 0.0, 0.005], [0.0, 0.0, 90.0]))
    assert (data.q, data.phi.tolist()) == (0.005, [0.0, 90.0])
    assert "q = 0 1/Å left out, q must be positive" in data.notes


def test_angles_are_wrapped_and_ascending(tmp_path):
    data = load_data(write_phis(tmp_path / "a.h5", [270.0, 10.0, -180.0, 0.0]))
    assert data.phi.tolist() == [-90.0, 0.0, 10.0, 180.0]
    np.testing.assert_array_equal(data.c2[0], make_map(seed=0))
    np.testing.assert_array_equal(data.c2[3], make_map(seed=2))


def test_empty_bins_of_the_asked_q_are_noted(tmp_path):
    data = load_data(several_q(tmp_path / "a.hdf", [0.005, 0.005, 0.008], [0.0, 90.0, 90.0]), q=0.008)
    assert "no map at phi = 0 for this q, only for others (empty bins)" in data.notes


@pytest.mark.parametrize(
    ("phi", "chosen"),
    [
        (None, [-175, -5, 5, 90, 178]),
        ("all", [-175, -5, 5, 90, 178]),
        (90, [90]),
        ([90.4, -5, -5.2], [-5, 90]),
        ([185.0], [-175]),
        ([[-10, 10]], [-5, 5]),
        ([[170, -170]], [-175, 178]),
        ([[170, 190]], [-175, 178]),
        ([[90, 90]], [90]),
        ([[-180, 180]], [-175, -5, 5, 90, 178]),
        ([[0, 720]], [-175, -5, 5, 90, 178]),
        ([[350, 361], 90], [-5, 90]),
        (np.array([[-10.0, 10.0]]), [-5, 5]),
    ],
)
def test_angles_and_ranges(tmp_path, phi, chosen):
    path = write_phis(tmp_path / "a.h5", [-175.0, -5.0, 5.0, 90.0, 178.0])
    assert load_data(path, phi=phi).phi.tolist() == chosen


@pytest.mark.parametrize(
    ("phi", "text"),
    [
        ([20], "no angle within 0.5 of 20 degrees, the file has -5, 90"),
        ([[20, 30]], "no angle between 20 and 30 degrees, the file has -5, 90"),
        ("some", "found 'some', expected all, angles or ranges"),
        ([[1, 2, 3]], r"found \[1, 2, 3\], expected all, angles or ranges"),
        ([float("nan")], "found nan"),
        ([], "found an empty list"),
    ],
)
def test_angle_that_matches_nothing_lists_the_angles(tmp_path, phi, text):
    with pytest.raises(DataError, match=text):
        load_data(write_phis(tmp_path / "a.h5", [90.0, -5.0]), phi=phi)


@given(angles)
def test_wrapping_keeps_the_direction_and_is_idempotent(phi):
    wrapped = wrap(phi)
    assert -180 < wrapped <= 180
    assert distance(phi, wrapped) < 1e-9
    assert wrap(wrapped) == wrapped


@given(angles, st.floats(0, 360), st.floats(0, 1), st.integers(-3, 3))
def test_range_contains_what_lies_in_it_whatever_the_turns(low, width, part, turns):
    assert in_range(low + part * width + 360 * turns, low, low + width)


@given(angles, st.floats(0, 350), st.floats(0.01, 0.99))
def test_range_excludes_what_lies_outside(low, width, part):
    gap = 360 - width
    assert not in_range(low + width + part * gap, low, low + width)


@pytest.mark.parametrize("frames", [[0, 5], [1, 9], [5, 5], [6, 2], [1], [1.5, 4], ["a", 2]])
def test_window_outside_the_file_says_what_it_has(tmp_path, frames):
    path = write_one(tmp_path / "a.h5", np.triu(make_map(8)))
    with pytest.raises(DataError, match=r"expected .*; the file has 8"):
        load_data(path, frames=frames)


def test_window_needs_three_frames(tmp_path):
    with pytest.raises(DataError, match="expected at least 3 frames"):
        load_data(write_one(tmp_path / "a.h5", np.triu(make_map(8))), frames=[4, 5])


def test_masked_frames_are_in_the_numbering_of_the_file_and_keep_their_values(tmp_path):
    path = write_one(tmp_path / "a.h5", np.triu(make_map(8)))
    data = load_data(path, frames=[3, 8], mask_frames=[4, 8, 1])
    assert data.valid.tolist() == [[True, False, True, True, True, False]]
    assert np.isfinite(data.c2).all()
    assert "frames masked as requested: 4, 8" in data.notes
    assert "frames to mask outside the window: 1" in data.notes


@pytest.mark.parametrize("wrong", [0, 9, 2.5, "x"])
def test_masked_frame_that_the_file_has_not_is_an_error(tmp_path, wrong):
    with pytest.raises(DataError, match="expected frame numbers 1 to 8"):
        load_data(write_one(tmp_path / "a.h5", np.triu(make_map(8))), mask_frames=[2, wrong])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"q": -1}, "q: found -1, expected one finite number, q must be positive; the file has q = 0.005"),
        ({"q": "0.005"}, "q: found '0.005'"),
        ({"q_tolerance": -0.1}, "q_tolerance: found -0.1"),
        ({"dt": 0}, "dt: found 0, expected a positive number"),
        ({"baseline": 2}, "baseline: found 2, expected 0 or 1"),
        ({"mask_frames": range(1, 9)}, "found no usable pair of frames"),
    ],
)
def test_arguments_are_checked(tmp_path, arguments, text):
    with pytest.raises(DataError, match=text):
        load_data(write_one(tmp_path / "a.h5", np.triu(make_map(8))), **arguments)


STATED = {
    "q": 0.008,
    "q_tolerance": 0.01,
    "phi": [10],
    "frames": [2, 6],
    "dt": 0.5,
    "mask_frames": [3],
    "frame_weights": [1, 1, 0.5, 1, 0],
}


def test_configuration_is_used_for_what_the_caller_leaves_out(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    data = load_data(path, config={"data": STATED})
    assert (data.q, data.phi.tolist(), data.dt, data.start_frame) == (0.008, [10.0], 0.5, 2)
    assert data.valid.tolist() == [[True, False, True, True, True]]
    assert data.weight.tolist() == [[1, 1, 0.5, 1, 0]]
    assert "frame weights as given, from 0 to 1" in data.notes
    file = tmp_path / "config.yaml"
    file.write_text("data: {q: 8e-3, phi: [[0, 20]]}\n")
    assert load_data(path, config=file).phi.tolist() == [10.0]


def test_explicit_argument_wins_over_the_configuration(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    mine = {"q": 0.005, "phi": "all", "frames": [1, 4], "dt": 0.2, "mask_frames": [], "frame_weights": np.ones(4)}
    data = load_data(path, **mine, config={"data": STATED})
    assert (data.q, data.phi.tolist(), data.dt, data.n_t) == (0.005, [-45.0, 10.0], 0.2, 4)
    assert data.valid.all()
    assert data.weight.tolist() == [[1] * 4] * 2
    with pytest.raises(DataError, match=r"none within 0\.01"):
        load_data(path, q=0.0049, config={"data": STATED})
    assert load_data(path, q=0.0049, q_tolerance=0.03, frame_weights=1, config={"data": STATED}).q == 0.005


def test_weights_must_fit_the_window_and_the_configuration_must_be_valid(tmp_path):
    path = write_apsu(tmp_path / "a.h5")
    with pytest.raises(DataError, match=r"a.h5: frame_weights: found int64 of shape \(3,\), expected .* \(4,\)"):
        load_data(path, q=0.005, frames=[1, 4], config={"data": {"frame_weights": [1, 1, 1]}})
    with pytest.raises(ConfigError, match=r"data.qq: found unknown key.*data.frame_weights: found \[-1\]"):
        load_data(path, config={"data": {"frame_weights": [-1], "qq": 1}})
