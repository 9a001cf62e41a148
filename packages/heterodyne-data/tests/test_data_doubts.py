"""Maps whose values are no correlation that decays, or are there twice: refused, or said with the way out."""

import numpy as np
import pytest
from data_files import write_scikit_beam

from heterodyne_data import TwoTimeData, load_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError

N, PHI = 40, [-45.0, 10.0]
LAG = np.abs(np.subtract.outer(np.arange(N), np.arange(N)))


def noisy(seed=0, contrast=0.25, noise=0.004, decay=4.0):
    """Return c2 that decays within some frames, with noise."""
    error = np.random.default_rng(seed).normal(scale=noise, size=(N, N))
    return 1 + contrast * np.exp(-LAG / decay) + np.triu(error) + np.triu(error, 1).T


def write(path, *maps, **changes):
    np.savez(path, c2=maps, q=0.005, phi=PHI[: len(maps)], dt=0.1, **changes)
    return path


def notes_of(path):
    """Return the notes of a fit, which a check has as well."""
    notes = load_data(path).notes
    assert set(notes) <= set(check_data(path).notes)
    return notes


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        (lambda c2: c2 + 1, "2", "1: they have not decayed, or are c2 + 1, the sum of several, or scaled"),
        (lambda c2: 2 * c2, "2", "1: they have not decayed, or are c2 + 1, the sum of several, or scaled"),
        (lambda c2: 0.9 * c2, "0.9", "1: they have not decayed, or are c2 + 1, the sum of several, or scaled"),
    ],
)
def test_maps_that_do_not_level_off_at_their_baseline_are_named(tmp_path, change, level, words):
    said = [note for note in notes_of(write(tmp_path / "a.npz", change(noisy()), change(noisy(1)))) if "level" in note]
    assert len(said) == 1
    assert said[0].startswith(f"the maps level off at {level}")
    assert said[0].endswith(f"not at {words}")
    assert not any("level off" in note for note in notes_of(write(tmp_path / "b.npz", noisy(), noisy(1))))


def test_a_contrast_of_percent_is_refused(tmp_path):
    for call in (load_data, check_data):
        with pytest.raises(DataError, match=r"c2 \(phi = -45\): short lags are 1\d.* above the median, expected a con"):
            call(write(tmp_path / "a.npz", 100 * (noisy(decay=1.5) - 1)))
    # Few speckles have a contrast above 1.
    assert load_data(write(tmp_path / "b.npz", noisy(contrast=2.5))).n_phi == 1


def test_maps_that_rise_with_lag_are_named(tmp_path):
    rising = 0.8 * (1 - np.exp(-LAG / 4)) + noisy() - 0.25 * np.exp(-LAG / 4)
    notes = notes_of(write(tmp_path / "a.npz", noisy(1), rising))
    assert any(note.startswith("phi = 10: short lags are at") and "a structure function" in note for note in notes)
    # A flow whose phase turns by half in every frame is as high at the second lag.
    turning = noisy() + 0.2 * np.cos(np.pi * LAG) * np.exp(-LAG / 9)
    assert not any("short lags" in note for note in notes_of(write(tmp_path / "b.npz", turning)))


def test_a_frame_that_is_stored_twice_is_named(tmp_path):
    c2 = noisy()
    c2[30], c2[:, 30] = c2[29], c2[:, 29]
    c2[30, 30] = c2[29, 29]
    notes = notes_of(write(tmp_path / "a.npz", c2, noisy(1)))
    assert any(
        note.startswith("phi = -45: frames 31 of these maps have the values of the previous frame") for note in notes
    )
    # Without noise, a sample that has come to rest.
    age = np.minimum(np.arange(N), 20)
    still = 1 + 0.25 * np.exp(-np.abs(np.subtract.outer(age, age)) / 4)
    assert not any("the previous frame" in note for note in notes_of(write(tmp_path / "b.npz", still)))


def test_a_map_that_is_there_twice_is_named(tmp_path):
    notes = notes_of(write(tmp_path / "a.npz", noisy(), noisy()))
    assert "the maps at phi = -45 and 10 have the same values: stored twice, or with a wrong azimuth" in notes
    clean = noisy(noise=0)
    assert not any("the same values" in note for note in notes_of(write(tmp_path / "b.npz", clean, clean)))


@pytest.mark.parametrize("turn", [lambda c2: c2[::-1], lambda c2: c2[:, ::-1]])
def test_a_steady_flow_without_noise_that_is_upside_down_is_refused(tmp_path, turn):
    steady = noisy(noise=0)
    path = write_scikit_beam(tmp_path / "a.h5", turn(steady)[None], q=[0.005], phi=[10.0])
    for call in (load_data, check_data):
        with pytest.raises(DataError, match="the line of equal times runs from the lower left to the upper right"):
            call(path)
    with pytest.raises(DataError, match="the line of equal times runs from the lower left"):
        TwoTimeData(c2=turn(steady), q=0.005, phi=10.0, dt=0.1)
    np.testing.assert_array_equal(TwoTimeData(c2=steady, q=0.005, phi=10.0, dt=0.1).c2[0], steady)


@pytest.mark.parametrize("count", [30, 90])
def test_a_few_pairs_of_one_value_among_noise_are_missing(tmp_path, count):
    c2, filled = noisy(), np.zeros((N, N), bool)
    filled[np.triu_indices(N, 1)] = np.random.default_rng(5).permutation(N * (N - 1) // 2) < count
    filled |= filled.T
    data = load_data(write(tmp_path / "a.npz", np.where(filled, 1.0, c2)))
    np.testing.assert_array_equal(data.c2[0], np.where(filled, np.nan, c2))
    assert f"phi = -45: {count} individual pairs are missing and left out" in data.notes


@pytest.mark.parametrize(("photons", "said"), [(0.05, True), (3.0, False)])
def test_zeros_of_few_photons_may_be_measured(tmp_path, photons, said):
    frames = np.random.default_rng(3).poisson(photons, (N, 400)).astype(float)
    c2 = frames @ frames.T / 400 / np.outer(frames.mean(axis=1), frames.mean(axis=1))
    c2[0, 1] = c2[1, 0] = 0.0
    notes = notes_of(write(tmp_path / "a.npz", c2))
    assert "phi = -45: pairs of exactly 0 are treated as missing" in notes
    assert any("pairs of exactly 0 may be measured" in note for note in notes) is said
