"""Half matrices, baselines, dead frames and damaged maps, as files bring them."""

import tracemalloc

import h5py
import numpy as np
import pytest
from data_files import make_map, write_one, write_phis
from hypothesis import given
from hypothesis import strategies as st

from heterodyne_data import TwoTimeData, cleaning, describe_data, fills, load_data
from heterodyne_data.describing import check_data
from heterodyne_data.ordinary import is_ordinary
from heterodyne_data.repeated import repeated_values
from heterodyne_spec import DataError

FULL = make_map(6)


@pytest.mark.parametrize("stored", [np.triu(FULL), np.tril(FULL), FULL], ids=["upper", "lower", "full"])
def test_halves_are_completed_and_full_maps_are_not_doubled(tmp_path, stored):
    data = load_data(write_one(tmp_path / "a.h5", stored))
    np.testing.assert_array_equal(data.c2[0], FULL)
    assert any("completed" in note for note in data.notes) == (stored is not FULL)


def test_nan_counts_as_an_empty_half(tmp_path):
    stored = FULL.copy()
    stored[np.tril_indices(6, -1)] = np.nan
    np.testing.assert_array_equal(load_data(write_one(tmp_path / "a.h5", stored)).c2[0], FULL)


def test_different_halves_are_refused_with_the_place(tmp_path):
    stored = FULL.copy()
    stored[4, 1] = 2.0
    with pytest.raises(DataError, match=r"a.h5: /xpcs.*c2_00001: both halves have values but differ at frames 2 and 5"):
        load_data(write_one(tmp_path / "a.h5", stored))


def test_a_fill_value_does_not_hide_that_halves_differ(tmp_path):
    stored = make_map(N_FILL)
    stored[NEAR == 5] = 9999
    stored[4, 1] += 0.05
    with pytest.raises(DataError, match="both halves have values but differ at frames 2 and 5"):
        load_data(write_one(tmp_path / "a.h5", stored))


def test_single_nan_pair_stays_excluded(tmp_path):
    stored = np.triu(FULL)
    stored[1, 4] = np.inf
    data = load_data(write_one(tmp_path / "a.h5", stored))
    assert np.isnan(data.c2[0, 1, 4])
    assert np.isnan(data.c2[0, 4, 1])
    assert data.valid.all()
    assert "phi = 10: infinite values taken as NaN" in data.notes
    assert "phi = 10: 1 individual pair is missing and left out" in data.notes


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_dead_frames_are_found_before_the_baseline_is_shifted(tmp_path, level, nothing):
    stored = make_map(8, level=level)
    stored[2] = stored[:, 2] = nothing
    data = load_data(write_one(tmp_path / "a.h5", np.triu(stored)), frames=[2, 8])
    assert np.flatnonzero(~data.valid[0]).tolist() == [1]
    assert np.isnan(data.c2[0, 1]).all()
    assert "phi = 10: dead frames left out: 3" in data.notes
    np.testing.assert_allclose(data.c2[0, 2:, 2:], make_map(8, level=1.0)[3:, 3:], rtol=1e-6)


def test_baseline_is_said_and_can_be_given(tmp_path):
    zero, one = write_one(tmp_path / "0.h5", make_map(level=0.0)), write_one(tmp_path / "1.h5", FULL)
    assert "baseline 0 found: 1 added to all maps" in load_data(zero).notes
    assert "baseline 1 found" in load_data(one).notes
    assert "baseline 1 as given" in load_data(zero, baseline=1).notes
    np.testing.assert_array_equal(load_data(zero, baseline=1).c2[0], make_map(level=0.0))
    np.testing.assert_array_equal(load_data(one, baseline=0).c2[0], FULL + 1)


def test_maps_that_disagree_on_the_baseline_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, c2=[make_map(level=0.0), FULL], q=0.005, phi=[0.0, 90.0], dt=0.1)
    with pytest.raises(DataError, match=r"the maps disagree.*0.06\d* at phi = 0, 1.06\d* at phi = 90; likely"):
        load_data(path)
    assert load_data(path, phi=[90]).n_phi == 1


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_map_without_values_is_left_out_and_said_and_an_error_when_all_are(tmp_path, nothing):
    path = tmp_path / "a.npz"
    empty = np.full((6, 6), nothing)
    np.savez(path, c2=[FULL, empty], q=0.005, phi=[0.0, 90.0], dt=0.1)
    data = load_data(path)
    assert data.phi.tolist() == [0.0]
    assert "phi = 90: the map has only NaN, zeros or a single value, left out" in data.notes
    with pytest.raises(DataError, match=r"c2\[1\]: found only NaN, zeros or one value, as in all 1 chosen maps"):
        load_data(path, phi=[90])


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (np.ones((4, 5)), r"c2_00001: found shape \(4, 5\), expected .* square map"),
        (np.ones((2, 4, 4)), r"c2_00001: found shape \(2, 4, 4\)"),
        (np.ones((2, 2)), "found 2 frames, expected at least 3"),
        (np.ones((4, 4), complex), "c2_00001: found complex128 values, expected real numbers"),
        (np.full((4, 4), "a", "S1"), r"c2_00001: found \|S1 values"),
    ],
)
def test_maps_of_other_shapes_and_kinds_are_refused(tmp_path, stored, text):
    with pytest.raises(DataError, match=text):
        load_data(write_one(tmp_path / "a.h5", stored))


def test_maps_of_different_size_are_refused(tmp_path):
    path = write_phis(tmp_path / "a.h5", [0.0, 90.0])
    with h5py.File(path, "a") as file:
        del file["/xpcs/twotime/correlation_map/c2_00002"]
        file["/xpcs/twotime/correlation_map/c2_00002"] = make_map(7)
    with pytest.raises(DataError, match=r"c2_00002: found shape \(7, 7\), expected \(6, 6\)"):
        load_data(path)


def test_half_precision_is_raised_and_float64_is_kept(tmp_path):
    assert load_data(write_one(tmp_path / "b.h5", make_map(dtype="f8"))).c2.dtype == np.float64
    assert load_data(write_one(tmp_path / "c.h5", make_map())).c2.dtype == np.float32
    assert load_data(write_one(tmp_path / "d.h5", make_map(dtype="f2"))).c2.dtype == np.float32


N_FILL = 40
NEAR = np.abs(np.subtract.outer(np.arange(N_FILL), np.arange(N_FILL)))


@pytest.mark.parametrize("value", [-1.0, -999.0, 1e20, 65535.0, 7.25])
@pytest.mark.parametrize(("where", "pairs"), [(NEAR == 5, 35), (NEAR > 8, 496)], ids=["few", "most"])
def test_values_that_stand_in_for_missing_ones_are_left_out_and_said(tmp_path, value, where, pairs):
    c2 = make_map(N_FILL)
    c2[where] = value
    data = load_data(write_one(tmp_path / "a.h5", np.triu(c2)))
    np.testing.assert_array_equal(np.isnan(data.c2[0]), where)
    np.testing.assert_array_equal(data.c2[0][~where], c2[~where])
    # Counted once, whoever has blanked them.
    for notes in (data.notes, TwoTimeData(c2=c2, q=data.q, phi=[10], dt=0.1).notes):
        assert f"phi = 10: pairs of {value:g}, far from all others, are treated as missing" in notes
        assert [note for note in notes if f": {pairs} " in note] == [
            f"phi = 10: {pairs} individual pairs are missing and left out"
        ]


def test_two_fill_values_of_one_map_are_both_left_out(tmp_path):
    c2 = make_map(N_FILL)
    c2[NEAR == 5], c2[NEAR == 7], c2[3, 4], c2[4, 3] = -1, 1e20, 1.9, 1.9
    data = load_data(write_one(tmp_path / "a.h5", c2))
    np.testing.assert_array_equal(np.isnan(data.c2[0]), (NEAR == 5) | (NEAR == 7))
    assert data.c2[0, 3, 4] == np.float32(1.9)  # an outlier is measured, once and no whole number


def decaying(n, noise, rate):
    """Return a map that decays to 1 within 1/rate frames."""
    age = np.arange(n)
    drawn = np.triu(np.random.default_rng(0).normal(0, noise, (n, n)))
    return 1 + 0.25 * np.exp(-rate * np.abs(age[:, None] - age)) + drawn + np.triu(drawn, 1).T


COARSE = {
    "hundredths": decaying(64, 0.003, 1.5).round(2),
    "thousandths": decaying(64, 0.0003, 1.5).round(3),
    "noise of photons": decaying(64, 0.3, 0.1).round(1),
    "no noise": decaying(48, 0, 1.5).astype("f4"),
}
"""Maps of few different values, all measured."""


@pytest.mark.parametrize("baseline", [0, 1])
@pytest.mark.parametrize("c2", COARSE.values(), ids=COARSE)
def test_rounded_values_are_data_and_fill_values_among_them_are_not(tmp_path, c2, baseline):
    lag = np.abs(np.subtract.outer(np.arange(len(c2)), np.arange(len(c2))))
    # A pair of exactly 0 is missing: what is rounded to 0 cannot be told from it.
    where, spoiled = lag == 5, c2 if baseline == 1 else c2 - 0.98
    assert fills.fill_values(spoiled) == []
    assert not fills.stuck_frames(spoiled).any()
    if baseline == 1:
        np.testing.assert_array_equal(load_data(write_one(tmp_path / "a.h5", c2)).c2[0], c2)
    for value in (-999.0, 9999.0, 1e20) + ((-1.0,) if spoiled.min() > -0.2 + baseline else ()):
        assert fills.fill_values(np.where(where, value, spoiled).astype(c2.dtype)) == [np.float32(value)]


@pytest.mark.parametrize("digits", [2, 9])
@pytest.mark.parametrize("mean", [0.1, 0.3, 1])
@pytest.mark.parametrize("pixels", [10, 30, 100])
def test_few_photons_are_no_fill_values(pixels, mean, digits):
    """Maps of few photons have few different values, far apart."""
    for seed in range(20):
        photons = np.random.default_rng(seed).poisson(mean, (60, pixels))
        brightness = np.maximum(photons.mean(axis=1), 1 / pixels)
        c2 = (photons @ photons.T / pixels / np.outer(brightness, brightness)).round(digits)
        assert fills.fill_values(c2) == []
        assert not fills.stuck_frames(c2).any()


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("empty", [-1.0, -999.0, 1e20])
@pytest.mark.parametrize("half", [np.triu, np.tril])
def test_a_half_of_a_fill_value_is_empty(tmp_path, half, empty, level):
    full = make_map(9, level=level)
    path = write_one(tmp_path / "a.h5", np.where(half(np.ones((9, 9), bool)), full, np.float32(empty)))
    data = load_data(path)
    np.testing.assert_allclose(data.c2[0], full + 1 - level, rtol=1e-6)
    assert any(f"completed to the full matrix, the other one is {empty:g} throughout" in note for note in data.notes)
    assert describe_data(path)["populated_elements"] == ("upper_half" if half is np.triu else "lower_half")


def test_frames_filled_with_one_are_dead_at_every_angle(tmp_path):
    c2 = np.stack([np.triu(decaying(80, 0.01, 0.05 * k)) for k in range(1, 5)])
    for dead in (slice(20, 28), 50):
        c2[:, dead], c2[:, :, dead] = 1, 1
    c2 = np.triu(c2)
    np.savez(tmp_path / "a.npz", c2=c2, q=0.005, phi=[0.0, 30.0, 60.0, 90.0], dt=0.1)
    data = load_data(tmp_path / "a.npz", frames=[11, 80])
    assert [np.flatnonzero(~valid).tolist() for valid in data.valid] == [[*range(10, 18), 40]] * 4
    assert "all angles: dead frames left out: 21-28, 51" in data.notes


@given(st.integers(7, 40), st.integers(0, 2**16), st.sampled_from(["uniform", "lognormal", "standard_cauchy"]))
def test_what_was_measured_is_no_fill_value(n, seed, kind):
    noise = getattr(np.random.default_rng(seed), kind)(size=(n, n))
    assert fills.fill_values(1 + np.triu(noise) + np.triu(noise, 1).T) == []


def test_zeros_of_maps_with_baseline_0_are_missing_too(tmp_path):
    c2 = make_map(N_FILL, level=-0.02)
    c2[NEAR == 5] = 0
    data = load_data(write_one(tmp_path / "a.h5", c2))
    np.testing.assert_array_equal(np.isnan(data.c2[0]), NEAR == 5)
    assert "baseline 0 found: 1 added to all maps, pairs of exactly 0 are treated as missing" in data.notes


@given(st.integers(3, 9), st.integers(1, 4), st.integers(0, 2**16), st.sampled_from(["upper_half", "lower_half"]))
def test_tiles_of_any_size_complete_the_same_matrix(n, tile, seed, half):
    """The tile size is a matter of speed only."""
    full = make_map(n, seed)
    c2 = np.triu(full) if half == "upper_half" else np.tril(full)
    before, cleaning.TILE = cleaning.TILE, tile
    try:
        assert cleaning.populated_elements(c2) == half
        cleaning.complete_half(c2, half)
        np.testing.assert_array_equal(c2, full)
        assert cleaning.populated_elements(c2) == "all"
        cleaning.check_symmetric(c2, "c2")
        c2[n - 1, 0] += 1
        with pytest.raises(DataError, match=f"frames 1 and {n}"):
            cleaning.check_symmetric(c2, "c2")
        c2[n - 1, 0] = np.nan
        with pytest.raises(DataError, match=f"frames 1 and {n}"):
            cleaning.check_symmetric(c2, "c2")
        c2[0, n - 1] = np.nan
        cleaning.check_symmetric(c2, "c2")
        assert cleaning.excluded_pairs(c2, np.ones(n, dtype=bool)) == 1
    finally:
        cleaning.TILE = before


def test_loading_needs_little_more_than_the_maps(tmp_path):
    n = 1200
    path = tmp_path / "a.npz"
    np.savez(path, c2=np.stack([make_map(n, s) for s in range(4)]), q=1, phi=range(4), dt=1)
    tracemalloc.start()
    try:
        size = load_data(path).c2.nbytes
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Four maps, one on its way in, and small blocks.
    assert peak < 1.5 * size


def decayed(to, contrast, n=48, noise=0.02):
    """Return c2 whose correlation has decayed to this share of the contrast at the longest lag."""
    age = np.arange(n) / (n - 1)
    drawn = np.triu(np.random.default_rng(1).normal(0, noise, (n, n)))
    return 1 + contrast * np.exp(np.log(to) * np.abs(age[:, None] - age)) + drawn + np.triu(drawn, 1).T


def write_levels(path, *maps):
    np.savez(path, c2=maps, q=0.005, phi=np.arange(len(maps)) * 30.0, dt=0.1)
    return path


@pytest.mark.parametrize("contrast", [0.2, 0.6, 0.9, 1.3])
@pytest.mark.parametrize("baseline", [0, 1])
def test_the_baseline_is_where_the_least_correlated_pairs_are(tmp_path, contrast, baseline):
    c2 = decayed(0.05, contrast)
    data = load_data(write_levels(tmp_path / "a.npz", c2 - (1 - baseline)))
    np.testing.assert_allclose(data.c2[0], c2, rtol=1e-12)


@pytest.mark.parametrize(
    ("c2", "low"),
    [
        (decayed(0.9, 0.7) - 1, 0.63),
        (decayed(0.98, 0.9) - 1, 0.88),
        (decayed(0.05, 0.25) / 2, 0.5),
    ],
    ids=["c2 - 1 that stays at its contrast", "and at a large one", "scaled"],
)
def test_levels_of_neither_are_refused_with_both_readings(tmp_path, c2, low):
    text = r"the maps level off at 0\.\d+ at phi = 0, neither near 0 nor near 1: c2 - 1 with .*, or c2 that is"
    path = write_levels(tmp_path / "a.npz", c2)
    for read in (load_data, lambda path: check_data(path)):
        with pytest.raises(DataError, match=text) as caught:
            read(path)
    assert float(str(caught.value).split("level off at ")[1].split()[0]) == pytest.approx(low, abs=0.03)
    with pytest.raises(DataError, match=text):
        TwoTimeData(c2=c2, q=0.005, phi=0.0, dt=0.1)
    assert load_data(path, baseline=0).c2[0, 0, 9] == c2[0, 9] + 1
    assert describe_data(path)["baseline_reference"] is None


def test_a_baseline_a_little_below_1_is_c2(tmp_path):
    c2 = decayed(0.5, 0.1) - 0.07
    np.testing.assert_array_equal(load_data(write_levels(tmp_path / "a.npz", c2)).c2[0], c2)


def test_one_map_that_decays_to_0_tells_it_for_all(tmp_path):
    maps = decayed(0.9, 0.7), decayed(0.05, 0.7)
    data = load_data(write_levels(tmp_path / "a.npz", *(one - 1 for one in maps)))
    np.testing.assert_allclose(data.c2, maps, rtol=1e-12)
    said = "baseline 0 found, also assumed at phi = 0, where the maps do not decay to it: 1 added to all maps"
    assert said in data.notes


def test_maps_that_disagree_are_likely_c2_less_1(tmp_path):
    with pytest.raises(DataError, match=r"the maps disagree.*likely all are c2 - 1 with a contrast above 0\.5"):
        load_data(write_levels(tmp_path / "a.npz", decayed(0.9, 1.2) - 1, decayed(0.05, 0.7) - 1))


def test_a_short_run_and_few_photons_are_no_lower_level(tmp_path):
    """c2 of 40 frames is below 1 by its own mean, and most pairs of few photons are far below it."""
    photons = np.random.default_rng(0).poisson(0.5, (40, 400))
    brightness = photons.mean(axis=1)
    c2 = photons @ photons.T / 400 / np.outer(brightness, brightness)
    assert "baseline 1 found" in load_data(write_levels(tmp_path / "a.npz", c2)).notes
    assert "baseline 1 found" in load_data(write_levels(tmp_path / "b.npz", decayed(1e-6, 0.2) - 0.03)).notes


@pytest.mark.parametrize("value", [1.0, 0.5, 2.0, 1.25, 1e-6])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_many_pairs_of_one_value_among_noise_are_missing_and_said(tmp_path, value, dtype):
    c2 = decayed(0.05, 0.3, n=60).astype(dtype)
    lag = np.abs(np.subtract.outer(np.arange(60), np.arange(60)))
    c2[lag > 30] = value
    data = load_data(write_levels(tmp_path / "a.npz", c2))
    np.testing.assert_array_equal(np.isnan(data.c2[0]), lag > 30)
    said = f"phi = 0: pairs of {value:g}, many of exactly this value among noise, are treated as missing"
    assert said in data.notes
    assert said in TwoTimeData(c2=c2, q=0.005, phi=0.0, dt=0.1).notes


def test_a_block_that_was_never_written_is_missing_in_maps_of_c2_less_1_too(tmp_path):
    c2 = decayed(0.05, 0.3, n=700) - 1
    c2[:200, 500:], c2[500:, :200] = 1, 1
    data = load_data(write_levels(tmp_path / "a.npz", c2))
    assert int(np.isnan(data.c2).sum()) == 2 * 200 * 200


@pytest.mark.parametrize(
    "c2",
    [
        decaying(200, 0, 0.3),
        decaying(200, 0, 3.0) * (1 + 0.01 * np.sin(np.add.outer(np.arange(200), np.arange(200)) / 40)),
        decayed(0.05, 0.3, n=60).round(2),
        decayed(0.05, 0.3, n=60).astype("f2"),
        np.where(np.abs(np.subtract.outer(np.arange(60), np.arange(60))) == 50, 1.0, decayed(0.05, 0.3, n=60)),
    ],
    ids=["no noise", "no noise, ageing", "rounded", "of 16 bits", "ten pairs"],
)
def test_values_that_repeat_for_another_reason_are_kept(c2):
    assert repeated_values(c2) == []


@pytest.mark.parametrize("mean", [0.1, 0.3, 1, 10])
@pytest.mark.parametrize("pixels", [10, 30, 100, 1000])
def test_few_photons_are_no_repeated_values(pixels, mean):
    for seed in range(5):
        photons = np.random.default_rng(seed).poisson(mean, (120, pixels))
        brightness = np.maximum(photons.mean(axis=1), 1 / pixels)
        assert repeated_values(photons @ photons.T / pixels / np.outer(brightness, brightness)) == []


def write_packed(path, stored, **attributes):
    with h5py.File(path, "w") as file:
        file["c2"], file["q"], file["phi"], file["dt"] = stored, 0.005, [10.0], 0.1
        for name, value in attributes.items():
            file["c2"].attrs[name] = value
    return path


@pytest.mark.parametrize("name", ["_FillValue", "missing_value"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_stated_fill_values_are_missing(tmp_path, name, dtype):
    c2 = decayed(0.05, 0.3).astype(dtype)[None]
    c2[0, 3, 9], c2[0, 9, 3] = 1.1, 1.1
    data = load_data(write_packed(tmp_path / "a.h5", c2, **{name: c2.dtype.type(1.1)}))
    assert np.argwhere(np.isnan(data.c2[0])).tolist() == [[3, 9], [9, 3]]
    assert "phi = 10: by its attributes, 1.1 marks missing values" in data.notes


@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_stated_scale_and_offset_are_obeyed_in_any_type(tmp_path, dtype):
    meant = decayed(0.05, 0.3).round(3)
    stored = np.rint((meant - 1) * 1000).astype(dtype)[None]
    stored[0, 3, 9] = stored[0, 9, 3] = -32768
    facts = {"scale_factor": 0.001, "add_offset": 1.0, "_FillValue": np.dtype(dtype).type(-32768)}
    path = write_packed(tmp_path / "a.h5", stored, **facts)
    assert describe_data(path)["baseline_reference"] == 1
    data = load_data(path)
    kept = np.isfinite(data.c2[0])
    assert np.argwhere(~kept).tolist() == [[3, 9], [9, 3]]
    np.testing.assert_allclose(data.c2[0][kept], meant[kept], rtol=1e-12)


@pytest.mark.parametrize("scale", [0.0, np.nan, "ten", [1.0, 2.0]])
def test_a_scale_that_is_none_is_refused(tmp_path, scale):
    path = write_packed(tmp_path / "a.h5", decayed(0.05, 0.3)[None], scale_factor=scale)
    for read in (load_data, describe_data, check_data):
        with pytest.raises(DataError, match=r"c2@scale_factor: found .*correct the attribute"):
            read(path)


def test_a_part_of_c2_that_is_none_does_not_make_it_c2_less_1(tmp_path):
    c2 = decayed(0.5, 0.3)
    far = np.abs(np.subtract.outer(np.arange(48), np.arange(48))) > 24
    c2[far] = 1e-12 * c2[far]
    with pytest.raises(
        DataError, match=r"the lowest tenth of the map is near 1\.\d+e-12 .* and the median 1\.\d+ at phi"
    ):
        load_data(write_levels(tmp_path / "a.npz", c2))


@given(
    st.integers(3, 40),
    st.lists(
        st.sampled_from(["zero", "nan", "fill", "tail", "dark", "stuck", "half", "one", "whole", "shift"]),
        unique=True,
        max_size=2,
    ),
    st.integers(0, 2**32 - 1),
)
def test_an_ordinary_map_has_nothing_to_clean(n, faults, seed):
    rng = np.random.default_rng(seed)
    c2 = make_map(n)
    c2 += 0.01 * rng.normal(size=c2.shape)
    i, j = sorted(rng.choice(n, 2, replace=False).tolist())
    c2 = np.triu(c2) + np.triu(c2, 1).T
    made = {
        "zero": lambda: c2.__setitem__(([i, j], [j, i]), 0.0),
        "nan": lambda: c2.__setitem__(([i, j], [j, i]), np.nan),
        "fill": lambda: c2.__setitem__(([i, j], [j, i]), -1.0),
        "tail": lambda: c2.__setitem__(([i, j], [j, i]), 99.0),
        "dark": lambda: (c2.__setitem__(i, 0.0), c2.__setitem__((slice(None), i), 0.0)),
        "stuck": lambda: (c2.__setitem__(i, 1.5), c2.__setitem__((slice(None), i), 1.5)),
        "half": lambda: c2.__setitem__(np.tril_indices(n, -1), 0.0),
        "one": lambda: c2.__setitem__(slice(None), 1.25),
        "whole": lambda: c2.__setitem__(slice(None), np.rint(3 * c2)),
        "shift": lambda: c2.__isub__(1.0),
    }
    for fault in faults:
        made[fault]()
    np.fill_diagonal(c2, rng.choice([np.nan, 0.0, 1e3, 1.2]))
    if is_ordinary(c2):
        assert not cleaning.has_zeros(c2)

        assert np.isfinite(c2[~np.eye(n, dtype=bool)]).all()
        assert cleaning.populated_elements(c2) == "all"
        assert not (fills.fill_values(c2) or fills.stuck_frames(c2).any() or cleaning.dead_frames(c2).any())
        assert not (fills.only_whole(c2) or fills.one_value(c2))
    else:
        # Without a fault, a map is ordinary.
        assert set(faults) - {"shift"}
