"""Which bin a map belongs to, and at what age it starts, in each layout."""

import numpy as np
import pytest
from data_files import make_map, write_apsu, write_legacy, write_one, write_phis

from heterodyne_data import describe_data, load_data
from heterodyne_spec import DataError


def bins_of(path):
    """Return {last two digits of the key: (label, q, phi)}."""
    return {one["key"][-2:]: (one["label"], one["q"], one["phi"]) for one in describe_data(path)["maps"]}


def test_apsu_empty_bin_and_stored_order_do_not_shift_q_and_phi(tmp_path):
    # Bin (0.005, 10) is empty: label 2 is the third place of the grid; maps are stored 3, 1, 2.
    path = write_apsu(
        tmp_path / "a.h5",
        {k: np.triu(make_map(seed=k)) for k in (1, 2, 3)},
        mapping=np.array([0, 2, 3], "u1"),
        bins=[3, 1, 2],
    )
    assert bins_of(path) == {"01": (3, 0.008, 10.0), "02": (1, 0.005, -45.0), "03": (2, 0.008, -45.0)}
    data = load_data(path, q=0.008)
    np.testing.assert_array_equal(data.c2[0], make_map(seed=3))
    np.testing.assert_array_equal(data.c2[1], make_map(seed=1))
    assert data.provenance["labels"] == (2, 3)


def test_apsu_index_arrays_of_small_dtypes_do_not_overflow(tmp_path):
    # 20 x 16 bins: places beyond 255 in uint16, counters and labels beyond 255 for uint8 arithmetic.
    q, phi = np.linspace(0.003, 0.03, 20), np.linspace(-170, 170, 16)
    big = write_apsu(
        tmp_path / "big.h5",
        {300: np.triu(make_map())},
        q=q,
        phi=phi,
        mapping=np.arange(320, dtype="u2"),
        bins=np.arange(1, 321, dtype="u2"),
    )
    assert bins_of(big) == {"00": (300, q[299 // 16], phi[299 % 16])}
    # 255 in uint8 is the last place of 16 x 16 bins, and 255 + 1 overflows.
    small = write_apsu(
        tmp_path / "small.h5",
        {255: np.triu(make_map())},
        q=q[:16],
        phi=phi,
        mapping=np.arange(256).astype("u1"),
        bins=np.arange(1, 256, dtype="u1"),
    )
    assert bins_of(small) == {"55": (255, q[254 // 16], phi[254 % 16])}


def test_apsu_without_mapping_says_that_it_assumes_no_empty_bins(tmp_path):
    data = load_data(write_apsu(tmp_path / "a.h5", mapping=None), q=0.008)
    assert data.phi.tolist() == [-45.0, 10.0]
    assert any("dynamic_index_mapping is missing" in note for note in data.notes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"bins": [1, 2, 3, 5]}, "processed_bins: found bin number 5, expected 1 to 4"),
        ({"bins": [0, 1, 2, 3]}, "processed_bins: found bin number 0, expected 1 to 4"),
        ({"bins": [1, 2]}, r"counted by .*processed_bins\): found bin number 3, expected 1 to 2"),
        ({"mapping": [0, 1, 2, 4]}, "dynamic_index_mapping: found bin number 4, expected 0 to 3"),
        ({"mapping": [0.5, 1, 2, 3]}, "found non-integers"),
        ({"bins": None}, "processed_bins: is missing"),
        ({"q": ["a", "b"]}, "dynamic_v_list_dim0: found object values, expected numbers"),
        ({"stride": [1, 2]}, "stride_frame: found 2 numbers, expected one"),
        ({"stride": 0}, "stride_frame: found 0 frames, expected an integer, 1 or more"),
        ({"stride": 0.5}, "stride_frame: found 0.5 frames, expected an integer, 1 or more"),
        ({"average": 1.5}, "avg_frame: found 1.5 frames, expected an integer, 1 or more"),
        ({"begin": 3.5}, "begin_frame: found 3.5 frames, expected an integer"),
        ({"begin": -1}, "begin_frame: found -1, a first frame counted from the end of the run"),
    ],
)
def test_apsu_inconsistent_bins_are_refused(tmp_path, changes, text):
    with pytest.raises(DataError, match=text):
        load_data(write_apsu(tmp_path / "a.h5", **changes), q=0.005)


Q, PHI = [0.005, 0.005, 0.008, 0.008], [-45.0, 10.0, -45.0, 10.0]


def legacy(path, numbers, **extra):
    return write_legacy(path, {k: np.triu(make_map(seed=k)) for k in numbers}, Q, PHI, **extra)


def test_legacy_number_is_the_label_when_there_are_gaps(tmp_path):
    path = legacy(tmp_path / "a.hdf", [1, 3, 4], process=np.array([[1], [3], [4]], "u8"))
    assert bins_of(path) == {"01": (1, 0.005, -45.0), "03": (3, 0.008, -45.0), "04": (4, 0.008, 10.0)}


def test_legacy_number_is_a_counter_when_it_runs_over_the_processed_bins(tmp_path):
    path = legacy(tmp_path / "a.hdf", [1, 2, 3], process=np.array([[4], [1], [3]], "u8"))
    assert bins_of(path) == {"01": (4, 0.008, 10.0), "02": (1, 0.005, -45.0), "03": (3, 0.008, -45.0)}
    assert "counted over" in load_data(path, q=0.005).notes[0]


def test_legacy_number_is_the_label_without_a_list_of_processed_bins(tmp_path):
    path = legacy(tmp_path / "a.hdf", [1, 2, 3])
    assert bins_of(path) == {"01": (1, 0.005, -45.0), "02": (2, 0.005, 10.0), "03": (3, 0.008, -45.0)}


def test_legacy_number_that_is_no_processed_bin_is_a_counter_though_maps_are_missing(tmp_path):
    path = legacy(tmp_path / "a.hdf", [1, 2], process=np.array([[3], [4], [2]], "u8"))
    assert bins_of(path) == {"01": (3, 0.008, -45.0), "02": (4, 0.008, 10.0)}


def test_legacy_numbers_that_may_be_labels_or_places_are_refused(tmp_path):
    path = legacy(tmp_path / "a.hdf", [1, 2, 3], process=np.array([[4], [1], [3], [2]], "u8"))
    with pytest.raises(DataError, match="bin labels or places in that list"):
        load_data(path)


def test_legacy_label_beyond_the_list_of_bins_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"labels of /xpcs/dqlist\): found bin number 7, expected 1 to 4"):
        load_data(legacy(tmp_path / "a.hdf", [1, 7]))


def test_both_layouts_give_the_same_ages(tmp_path):
    """Raw frames of 0.1 s, every 2nd of them averaged over 3, 12 skipped: dt = 0.6 s, first age 1.2 + 0.6 s."""
    new = load_data(write_one(tmp_path / "a.h5", np.triu(make_map()), stride=2, average=3, begin=12))
    old = load_data(write_legacy(tmp_path / "b.hdf", {1: np.triu(make_map())}, [0.005], [10.0], begin=13, stride=6))
    expected = 12 * 0.1 + np.arange(1, 7) * 0.6
    for data in (new, old):
        np.testing.assert_allclose(data.t, expected, rtol=1e-14)
        assert data.dt == pytest.approx(0.6, rel=1e-15)
        assert data.start_frame == 3
    np.testing.assert_array_equal(new.t, old.t)


def test_window_keeps_its_absolute_age(tmp_path):
    path = write_one(tmp_path / "a.h5", np.triu(make_map(9)), begin=5)
    whole, part = load_data(path), load_data(path, frames=[3, 7])
    np.testing.assert_array_equal(part.t, whole.t[2:7])
    np.testing.assert_array_equal(part.c2, whole.c2[:, 2:7, 2:7])
    assert part.start_frame == 8
    assert part.provenance["frames"] == (3, 7)


def test_ages_late_in_a_long_run_carry_no_accumulated_error(tmp_path):
    data = load_data(write_one(tmp_path / "a.h5", np.triu(make_map(4)), begin=10_000_000, frame_time=0.1))
    np.testing.assert_array_equal(data.t, np.arange(10_000_001, 10_000_005) * 0.1)


def test_given_dt_replaces_the_one_in_the_file_and_scales_the_ages(tmp_path):
    data = load_data(write_one(tmp_path / "a.h5", np.triu(make_map(4)), begin=2), dt=0.5)
    np.testing.assert_allclose(data.t, [1.5, 2.0, 2.5, 3.0], rtol=1e-15)
    assert "dt = 0.5 s as given, the file has 0.1 s" in data.notes


@pytest.mark.parametrize(("frame_time", "found"), [(None, "is missing"), (0.0, "= 0"), (np.nan, "= nan")])
def test_file_without_a_usable_dt_says_how_to_give_it(tmp_path, frame_time, found):
    path = write_one(tmp_path / "a.h5", np.triu(make_map(4)), frame_time=frame_time)
    with pytest.raises(DataError, match=f"frame_time {found}.* data.dt in the configuration, --dt on the command line"):
        load_data(path)
    assert load_data(path, dt=0.1).dt == 0.1
    assert describe_data(path)["dt"] is None


def test_npz_stack_with_several_q_and_either_time_field(tmp_path):
    maps = np.stack([make_map(5, seed) for seed in range(3)])
    path = tmp_path / "a.npz"
    np.savez(path, c2=maps, q=[0.005, 0.005, 0.008], phi=[20.0, -20.0, 20.0], t=np.arange(3, 8) * 0.1)
    data = load_data(path, q=0.005)
    assert data.phi.tolist() == [-20.0, 20.0]
    np.testing.assert_array_equal(data.c2, maps[[1, 0]])
    np.testing.assert_allclose(data.t, np.arange(3, 8) * 0.1, rtol=1e-15)
    np.savez(path, c2=np.asfortranarray(maps[0]), q=0.005, phi=20.0, dt=0.2)
    data = load_data(path, frames=[2, 4])
    np.testing.assert_array_equal(data.c2[0], maps[0, 1:4, 1:4])
    np.testing.assert_allclose(data.t, [0.4, 0.6, 0.8], rtol=1e-15)


def test_a_list_of_maps_without_any_bin_known_is_refused(tmp_path):
    with pytest.raises(DataError, match="no map has a finite q and phi"):
        load_data(write_phis(tmp_path / "a.h5", [np.nan]))
