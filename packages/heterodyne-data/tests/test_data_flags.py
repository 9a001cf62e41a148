"""Arrays beside the maps of a stack that say what counts: obeyed, or refused; what has no part in it is noted."""

import numpy as np
import pytest
from data_files import Q, four_maps, make_map, write_scikit_beam, write_xpcs_correlator

from heterodyne_data import TwoTimeData, describe_data, load_data, save_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError

N = 7
FRAMES = np.arange(N) != 3
EACH = np.ones((4, N), bool)
EACH[2, 5] = EACH[3, 1] = False
PAIRS = np.ones((4, N, N), bool)
PAIRS[2, 1, 4] = PAIRS[2, 4, 1] = False
WEIGHT = np.linspace(0.5, 2.0, N)


def npz(path, **arrays):
    np.savez(path.with_suffix(".npz"), c2=four_maps(N), q=Q, phi=[0.0, 90.0, 0.0, 90.0], dt=0.1, **arrays)
    return path.with_suffix(".npz")


def scikit_beam(path, **arrays):
    return write_scikit_beam(path, four_maps(N), phi=[0.0, 90.0, 0.0, 90.0], **arrays)


def correlator(path, **arrays):
    return write_xpcs_correlator(path, four_maps(N), phi=[0.0, 90.0, 0.0, 90.0], **arrays)


@pytest.mark.parametrize("write", [npz, scikit_beam, correlator])
@pytest.mark.parametrize(("valid", "frames"), [(FRAMES, [FRAMES, FRAMES]), (EACH.astype("u1"), EACH[2:])])
def test_frames_that_are_not_valid_are_missing(tmp_path, write, valid, frames):
    data = load_data(write(tmp_path / "a.h5", valid=valid), q=0.008)
    np.testing.assert_array_equal(data.valid, frames)
    for k, kept in enumerate(frames):
        np.testing.assert_array_equal(data.c2[k], np.where(kept[:, None] & kept, make_map(N, 2 + k), np.nan))
    assert f"valid: applied, {(valid == 0).sum()} of {valid.size} frames invalid and left out" in data.notes
    # Counted in the file, whatever window is read.
    cut = load_data(write(tmp_path / "b.h5", valid=valid), q=0.008, frames=[2, 6])
    np.testing.assert_array_equal(cut.valid, np.array(frames)[:, 1:6])


@pytest.mark.parametrize("half", [np.ones((N, N), bool), np.triu(np.ones((N, N), bool))], ids=["full", "half"])
def test_pairs_that_are_not_valid_are_missing(tmp_path, half):
    data = load_data(npz(tmp_path / "a", valid=PAIRS & half), q=0.008)
    np.testing.assert_array_equal(np.isnan(data.c2), ~PAIRS[2:])
    assert data.valid.all()
    assert "valid: applied, invalid pairs are treated as missing" in data.notes


@pytest.mark.parametrize("weight", [WEIGHT, np.stack([WEIGHT + k for k in range(4)])])
def test_weights_of_frames_are_those_of_the_fit(tmp_path, weight):
    path = npz(tmp_path / "a", weights=weight)
    wanted = np.broadcast_to(weight, (4, N))[2:, 1:6]
    data = load_data(path, q=0.008, frames=[2, 6])
    np.testing.assert_array_equal(data.weight, wanted)
    assert any(note.startswith("weights: applied, weights of the frames from 0.5 to ") for note in data.notes)
    given = load_data(path, q=0.008, frames=[2, 6], frame_weights=[1, 2, 1, 1, 1])
    assert given.weight[0].tolist() == [1, 2, 1, 1, 1]
    assert "the weights in the file are replaced by data.frame_weights" in given.notes


def test_weights_are_kept_by_a_file_that_has_a_place_for_them(tmp_path):
    data = TwoTimeData(c2=make_map(N), q=0.005, phi=10.0, dt=0.1, weight=WEIGHT)
    save_data(tmp_path / "a.npz", data, "npz")
    np.testing.assert_array_equal(load_data(tmp_path / "a.npz").weight, data.weight)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        (
            {"valid": np.ones(5, bool)},
            r"valid: found shape \(5,\), expected \(7,\) or \(4, 7\) for frames, or",
        ),
        ({"valid": FRAMES + 1}, "valid: found 2, expected booleans, true for valid entries"),
        ({"valid": np.zeros(N, bool)}, "valid: found no valid frame"),
        ({"mask": FRAMES}, "mask: unclear whether true means used or left out; store it as valid"),
        ({"mask": PAIRS}, "mask: unclear whether"),
        ({"mask_frames": [3, 4]}, "mask_frames: found 3-4, which may be counted from 0 or from 1"),
        ({"weight": -WEIGHT}, "weight: found -0.5, expected finite numbers, 0 or larger"),
        ({"weight": WEIGHT, "weights": WEIGHT}, "weight, weights: found both, expected only one"),
        ({"weight": np.ones((N, N))}, r"weight: found float64 of shape \(7, 7\), expected numbers of shape \(7,\)"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_by_whoever_reads(tmp_path, arrays, text):
    path = npz(tmp_path / "a", **arrays)
    for read in (lambda: load_data(path, q=0.005), lambda: describe_data(path), lambda: check_data(path)):
        with pytest.raises(DataError, match=text):
            read()


def test_flags_of_maps_that_are_no_floats_do_not_hide_what_these_are(tmp_path):
    np.savez(tmp_path / "a.npz", c2=np.ones((N, N), int), q=0.005, phi=0.0, dt=0.1, valid=FRAMES)
    for read in (load_data, describe_data):
        with pytest.raises(DataError, match="c2: found int64 values, expected floats"):
            read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("mask", "note"),
    [
        (np.zeros(N, bool), "mask: has a single value, nothing is left out"),
        (np.eye(300), "mask: found shape (300, 300), neither of frames nor of pairs: not used"),
    ],
)
def test_a_mask_that_changes_nothing_is_noted(tmp_path, mask, note):
    data = load_data(npz(tmp_path / "a", mask=mask), q=0.005)
    assert note in data.notes
    np.testing.assert_array_equal(data.c2, four_maps(N)[:2])


@pytest.mark.parametrize("name", ["keep", "on", "good", "flag", "good_frames"])
def test_booleans_of_frames_or_pairs_are_not_passed_over_whatever_they_are_called(tmp_path, name):
    for flags in (FRAMES, PAIRS):
        path = npz(tmp_path / "a", **{name: flags})
        for call in (lambda path: load_data(path, q=0.008), check_data):
            with pytest.raises(DataError, match=f"{name}: may select frames, but is not read under this"):
                call(path)
    assert load_data(npz(tmp_path / "a", **{name: np.ones(N, bool)}), q=0.008).valid.all()
    assert load_data(npz(tmp_path / "a", roi_on=FRAMES), q=0.008).valid.all()


@pytest.mark.parametrize("name", ["outliers", "dropped", "rejected", "skip_frames", "good_frames", "nan_frames"])
def test_numbers_of_frames_under_other_names_are_refused_with_the_way_out(tmp_path, name):
    with pytest.raises(DataError, match=f"{name}: found 2, 5, which may be counted from 0 or from 1; remove it"):
        load_data(npz(tmp_path / "a", **{name: [2, 5]}), q=0.008)
