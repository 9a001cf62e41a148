"""A measurement made from arrays: what is derived, what is cleaned, what is refused."""

import dataclasses
import pickle

import numpy as np
import pytest
from data_files import make_map

from heterodyne_data import TwoTimeData, load_data, pair_valid, select_data
from heterodyne_spec import DataError


def build(**changes):
    return TwoTimeData(**({"c2": make_map(5), "q": 0.005, "phi": 10.0, "dt": 0.1} | changes))


def test_one_map_with_a_scalar_angle_becomes_a_stack_and_ages_start_at_dt():
    data = build()
    assert data.c2.shape == (1, 5, 5)
    assert data.phi.tolist() == [10.0]
    np.testing.assert_allclose(data.t, [0.1, 0.2, 0.3, 0.4, 0.5], rtol=1e-15)
    assert (data.n_phi, data.n_t, data.start_frame, data.notes) == (1, 5, 1, ())
    assert data.valid.all()


def test_azimuths_are_those_that_files_give():
    data = build(c2=[make_map(5)] * 3, phi=np.float32([540, 45.1, 270]))
    assert data.phi.tolist() == [180.0, 45.1, -90.0]


def test_dt_and_start_frame_follow_from_t():
    data = build(t=np.arange(7, 12) * 0.02, dt=None)
    assert data.dt == pytest.approx(0.02, rel=1e-14)
    assert data.start_frame == 7


@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("f2", "f4")])
def test_floating_dtype_is_kept_and_half_precision_is_raised(given, kept):
    assert build(c2=np.ones((4, 4), given)).c2.dtype == kept


def test_arrays_that_need_no_cleaning_are_not_copied():
    c2 = make_map(5)[None]
    assert np.shares_memory(build(c2=c2).c2, c2)


def test_infinite_pairs_become_nan_in_a_copy():
    c2 = make_map(5)
    c2[1, 3] = c2[3, 1] = np.inf
    data = build(c2=c2)
    assert np.isnan(data.c2[0, 1, 3])
    assert np.isinf(c2[1, 3])
    assert data.valid.all()
    assert data.notes == ("phi = 10: 1 individual pair is missing and left out",)


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_dead_frame_is_taken_out_of_its_map_only(nothing):
    c2 = np.stack([make_map(5), make_map(5, seed=1)])
    c2[1, 2, :] = c2[1, :, 2] = nothing
    c2[1, 2, 2] = 1.0  # the diagonal does not keep a frame alive
    data = build(c2=c2, phi=[0.0, 90.0])
    assert data.valid.tolist() == [[True] * 5, [True, True, False, True, True]]
    assert np.isnan(data.c2[1, 2]).all()
    assert np.isnan(data.c2[1, :, 2]).all()
    assert data.notes == ("phi = 90: frames 3 of these maps left out, without a usable value",)


@pytest.mark.parametrize("empty", [0.0, -1.0, -999.0, 1e20, np.nan, np.inf])
@pytest.mark.parametrize("half", ["upper", "lower"])
def test_a_half_beside_an_empty_one_is_completed_and_said(empty, half):
    full = make_map(9)
    c2 = np.where(np.triu(np.ones((9, 9), bool)) == (half == "upper"), full, empty)
    np.fill_diagonal(c2, full.diagonal())
    before, data = c2.copy(), build(c2=c2)
    np.testing.assert_array_equal(data.c2[0], full)
    np.testing.assert_array_equal(c2, before)
    there = f", the other one is {empty:g} throughout" if empty and np.isfinite(empty) else ""
    assert data.notes == (f"phi = 10: {half} half completed to the full matrix{there}",)


@pytest.mark.parametrize("dead", [range(20, 28), [31]])
def test_frames_filled_with_one_value_are_dead_at_every_angle(dead):
    c2 = np.stack([make_map(40, seed) for seed in range(3)])
    c2[:, dead], c2[:, :, dead] = 1, 1
    data = build(c2=c2, phi=[0.0, 45.0, 90.0])
    assert [np.flatnonzero(~one).tolist() for one in data.valid] == [list(dead)] * 3
    assert (c2[:, dead] == 1).all()
    frames = "21-28" if len(dead) > 1 else "32"
    assert f"all angles: frames {frames} of these maps left out, without a usable value" in data.notes


def test_a_given_baseline_is_kept_through_cuts(tmp_path):
    np.savez(tmp_path / "a.npz", c2=make_map(9, level=0.0), q=0.005, phi=0.0, dt=0.1)
    data = load_data(tmp_path / "a.npz", baseline=1)
    cut = select_data(data, {"data": {"frames": [3, 8]}})
    np.testing.assert_array_equal(cut.c2[0], make_map(9, level=0.0)[2:8, 2:8])


def test_map_of_zeros_is_refused():
    with pytest.raises(DataError, match="no usable pair of frames"):
        build(c2=np.zeros((4, 4)))


def test_exact_zeros_off_the_diagonal_are_missing_and_said():
    """Programs leave 0 at lags that they do not compute; the diagonal is never fitted, and keeps what it has."""
    c2 = make_map(8)
    lag = np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    c2[(lag == 3) | (lag == 5) | (lag == 0)] = 0
    data = build(c2=c2)
    assert np.array_equal(np.isnan(data.c2[0]), (lag == 3) | (lag == 5))
    assert any("8 individual pairs are missing and left out" in note for note in data.notes)


def test_pair_validity_needs_a_finite_pair_of_two_valid_frames():
    c2 = make_map(5)
    c2[0, 1] = c2[1, 0] = np.nan
    pairs = pair_valid(build(c2=c2, valid=[True, True, True, True, False]))[0]
    assert not pairs[0, 1]
    assert not pairs[4].any()
    assert pairs[2, 3]
    assert np.array_equal(pairs, pairs.T)


def test_frame_whose_only_partners_are_masked_is_not_valid():
    c2 = make_map(4)
    c2[0, 1:3] = c2[1:3, 0] = np.nan
    assert build(c2=c2, valid=[True, True, True, False]).valid.tolist() == [[False, True, True, False]]


def test_numbers_may_be_arrays_without_dimensions():
    data = build(q=np.array(0.005), dt=np.float32(0.5), phi=np.array(10.0))
    assert (data.q, data.dt) == (0.005, 0.5)


def test_replace_and_pickle_keep_everything():
    data = build(notes=["one"], provenance={"file": "a.h5"})
    for copy in (dataclasses.replace(data, q=0.006), pickle.loads(pickle.dumps(data))):
        assert copy.notes == ("one",)
        assert copy.provenance == {"file": "a.h5"}
        assert np.array_equal(copy.c2, data.c2)


ASYMMETRIC = make_map(5)
ASYMMETRIC[1, 3] += 0.01
ONE_ZERO = make_map(5)
ONE_ZERO[1, 3] = 0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"c2": np.ones((3, 4))}, r"c2: found shape \(3, 4\), expected \(n_phi, N, N\)"),
        ({"c2": np.ones((2, 2))}, "c2: found 2 frames, expected at least 3"),
        ({"c2": np.ones((4, 4), complex)}, "c2: found complex128 values, expected real numbers"),
        ({"c2": ASYMMETRIC}, "both halves have values but differ at frames 2 and 4"),
        ({"c2": ONE_ZERO}, r"differ at frames 2 and 4 \(0 and 1.0\d*\)"),
        ({"c2": np.ones((4, 4), int)}, "c2: found int64 values, expected floats"),
        ({"c2": np.rint(1000 * make_map(5))}, r"c2 \(phi = 10\): found only integers, expected floats"),
        ({"c2": 100 * make_map(5)}, r"c2: the medians off the diagonal are 10\d.* at phi = 10, .*: c2 is scaled"),
        ({"c2": make_map(5) - 1}, r"are 0.0\d* at phi = 10, expected near 1: .* c2 - 1; give c2 \+ 1"),
        ({"c2": [make_map(5), make_map(5) - 1], "phi": [0, 9]}, r"1.0\d* at phi = 0, 0.0\d* at phi = 9, .* c2 \+ 1"),
        ({"c2": np.full((4, 4), np.nan)}, "found no usable pair of frames"),
        ({"valid": [True, False, False, False, False]}, "found no usable pair of frames"),
        ({"valid": [1, 1, 1, 1, 1]}, "valid: found int64"),
        ({"valid": [True]}, r"expected booleans of shape \(1, 5\)"),
        ({"q": -1.0}, "q: found -1.0, expected one finite number"),
        ({"q": 0.0}, "q: found 0.0, .* q must be positive"),
        ({"q": [0.1]}, r"q: found \[0.1\]"),
        ({"phi": [1.0, 2.0]}, "expected 1 finite angles"),
        ({"phi": np.nan}, "expected 1 finite angles"),
        ({"phi": 36000.0}, "phi: found 36000 degrees, expected -360 to 360"),
        ({"c2": [make_map(5)] * 3, "phi": [0, 540, -180]}, r"maps 2 and 3 have the same phi = 180 \(modulo 360\)"),
        ({"dt": 0.0}, "dt: found 0.0, expected a positive number"),
        ({"dt": None}, "t, dt: found neither"),
        ({"t": [1.0, 2.0]}, r"t: found shape \(2,\), expected \(5,\)"),
        ({"t": [0.1, 0.2, 0.31, 0.4, 0.5]}, "t: found a step of 0.11 s after frame 2, expected 0.1 s"),
        ({"t": np.arange(5) * 0.2}, "t: found a step of 0.2 s after frame [1-4], expected 0.1 s"),
        ({"t": np.arange(-1, 4) * 0.1}, "t: found ages that are negative"),
        ({"t": np.zeros(5), "dt": None}, "t: found a step of 0 s after frame 1, times must increase"),
        ({"t": [0.5, 0.4, 0.3, 0.2, 0.1], "dt": None}, "t: found a step of -0.1 s after frame 1, times must increase"),
    ],
)
def test_every_refusal_is_one_line_that_says_what_to_do(changes, text):
    with pytest.raises(DataError, match=text) as caught:
        build(**changes)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)


def test_rounding_is_no_asymmetry():
    c2 = make_map(5, dtype="f8")
    c2[1, 3] *= 1 + 1e-6
    assert build(c2=c2).c2[0, 1, 3] == c2[1, 3]


@pytest.mark.parametrize(
    ("given", "weight"),
    [
        (None, [[1] * 5, [1] * 5]),
        (2, [[2] * 5, [2] * 5]),
        ([0, 1, 2, 3, 4], [[0, 1, 2, 3, 4]] * 2),
        ([[0, 1, 2, 3, 4], [1] * 5], [[0, 1, 2, 3, 4], [1] * 5]),
    ],
)
def test_weight_has_one_number_per_map_and_frame(given, weight):
    data = build(c2=np.stack([make_map(5)] * 2), phi=[0.0, 90.0], weight=given)
    assert data.weight.dtype == np.float64
    assert data.weight.tolist() == weight
    assert dataclasses.replace(data, q=0.006).weight.tolist() == weight
    assert data.valid.all()


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        ([1, 2], r"weight: found int64 of shape \(2,\), expected numbers of shape \(5,\)"),
        ([[1], [1, 2]], "weight: found parts of different shapes"),
        ([True] * 5, "weight: found bool"),
        ([1, 1, -1, 1, 1], "weight: found -1, expected finite numbers, 0 or larger"),
        (np.nan, "weight: found nan"),
        ([0, 0, 0, 0, 1], "weight: found fewer than two weights above 0"),
    ],
)
def test_weight_that_no_fit_can_use_is_refused(weight, text):
    with pytest.raises(DataError, match=text):
        build(weight=weight)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"c2": [np.ones((4, 4)), np.ones((5, 5))]},
            r"c2: found parts of shapes \(4, 4\), \(5, 5\), expected \(n_phi, N, N\)",
        ),
        ({"c2": np.ones((2, 8, 7))}, r"c2: found shape \(2, 8, 7\), expected \(n_phi, N, N\)"),
        ({"phi": "all"}, r"phi: found <U3 of shape \(\), expected 1 angles"),
        ({"phi": [[0, 1], [2]]}, "phi: found parts of different shapes, expected 1 angles"),
        ({"t": [[1], [1, 2]]}, r"t: found parts of different shapes, expected \(4,\), one age"),
        ({"valid": [[True], [True, False]]}, r"valid: found parts of different shapes, expected booleans"),
    ],
)
def test_arrays_of_wrong_shapes_are_told_with_their_shapes(given, text):
    with pytest.raises(DataError, match=text):
        TwoTimeData(**({"c2": np.ones((4, 4)), "q": 0.005, "phi": 0.0, "dt": 0.1} | given))


@pytest.mark.parametrize("given", [np.ones((2, 4, 4)), None, {"c2": 1}])
def test_what_is_neither_a_file_nor_a_measurement_is_told_how_to_become_one(given):
    with pytest.raises(DataError, match=r"expected the path of a file, or a measurement: TwoTimeData\(c2="):
        select_data(given)


def test_masked_entries_are_missing():
    c2 = make_map(6)
    hidden = np.zeros((6, 6), bool)
    hidden[1, 4] = hidden[4, 1] = True
    data = build(c2=np.ma.masked_array(c2, mask=hidden))
    assert np.array_equal(np.isnan(data.c2[0]), hidden)


@pytest.mark.parametrize("lift", [0.4, -0.4, 0.0])
def test_a_hot_frame_is_named(lift):
    age = np.arange(80)
    c2 = 1 + 0.2 * np.exp(-np.abs(np.subtract.outer(age, age)) / (5 + age[:, None] / 4 + age / 4))
    noise = np.triu(np.random.default_rng(0).normal(0, 0.02, c2.shape), 1)
    c2 += noise + noise.T
    c2[16], c2[:, 16] = c2[16] + lift, c2[:, 16] + lift
    told = [note for note in build(c2=c2).notes if "frames 17 of these maps stand out" in note]
    assert len(told) == bool(lift)
    assert not build(c2=c2, valid=age != 16).notes
