"""A measurement that is written comes back the same, in every layout."""

import contextlib
import random

import h5py
import numpy as np
import pytest
from data_files import APSU_MAPS, LEGACY_MAPS, make_map
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heterodyne_data import TwoTimeData, describe_data, load_data, save_data
from heterodyne_spec import DataError

LAYOUTS = ("aps-u", "aps-legacy", "npz")


@st.composite
def measurements(draw):
    """Draw measurements with masked and dead frames, NaN pairs, and any start."""
    n_phi, n_t = draw(st.integers(1, 3)), draw(st.integers(4, 8))
    c2 = np.stack([make_map(n_t, draw(st.integers(0, 99)), dtype=draw(st.sampled_from("fd"))) for _ in range(n_phi)])
    valid = np.ones((n_phi, n_t), dtype=bool)
    for i in range(n_phi):
        for frame in draw(st.sets(st.integers(2, n_t - 1), max_size=n_t - 3)):
            valid[i, frame] = False
        j = draw(st.integers(2, n_t - 1))
        c2[i, 1, j] = c2[i, j, 1] = draw(st.sampled_from([1.0, np.nan]))
    dt = draw(st.floats(1e-5, 10))
    start = draw(st.one_of(st.integers(0, 10**6), st.fractions(0, 1000, max_denominator=50), st.floats(0, 1000)))
    phi = sorted(draw(st.sets(st.integers(-179, 180), min_size=n_phi, max_size=n_phi)))
    t = (float(start) + np.arange(n_t)) * dt
    return TwoTimeData(c2=c2, q=draw(st.floats(1e-3, 0.1)), phi=phi, t=t, dt=dt, valid=valid)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=measurements())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_round_trip(tmp_path, layout, data):
    path = tmp_path / "a"
    save_data(path, data, layout)
    again = load_data(path)
    assert again.q == data.q
    assert again.phi.tolist() == data.phi.tolist()
    assert again.dt == pytest.approx(data.dt, rel=1e-14)
    np.testing.assert_allclose(again.t, data.t, rtol=1e-12, atol=2e-6 * data.dt)
    assert np.array_equal(again.valid, data.valid)
    used = data.valid[:, :, None] & data.valid[:, None, :]
    np.testing.assert_array_equal(again.c2[used], data.c2[used].astype(np.float32))
    assert np.isnan(again.c2[~used]).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_window_saved_and_loaded_keeps_its_age_to_the_last_digit(tmp_path, layout):
    whole = TwoTimeData(c2=make_map(9), q=0.005, phi=10.0, dt=0.1)
    save_data(tmp_path / "whole", whole, layout)
    part = load_data(tmp_path / "whole", frames=[4, 8])
    save_data(tmp_path / "part", part, layout)
    again = load_data(tmp_path / "part")
    np.testing.assert_array_equal(again.t, part.t)
    assert again.start_frame == 4
    assert again.provenance["frames"] == (1, 5)
    assert describe_data(tmp_path / "part")["start_frame"] == 4


def test_files_are_as_beamlines_write_them(tmp_path):
    data = TwoTimeData(c2=make_map(5, dtype="f8"), q=0.005, phi=10.0, t=np.arange(7, 12) * 0.1)
    save_data(tmp_path / "a.h5", data)
    save_data(tmp_path / "b.hdf", data, layout="aps-legacy")
    with h5py.File(tmp_path / "a.h5") as new, h5py.File(tmp_path / "b.hdf") as old:
        for c2 in (new[f"{APSU_MAPS}/c2_00001"], old[f"{LEGACY_MAPS}/g2_00001"]):
            assert c2.dtype == np.float32
            np.testing.assert_array_equal(c2[...], np.triu(data.c2[0].astype("f4")))
        assert new["/xpcs/twotime/config/begin_frame"][()] == 6
        assert old["/xpcs/data_begin_todo"][...].tolist() == [[7]]


def test_writing_replaces_the_file_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    path.write_text("before")
    data = TwoTimeData(c2=make_map(5), q=0.005, phi=10.0, dt=0.1)

    def fail(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("heterodyne_data.layouts.aps_u.write_maps", fail)
        with pytest.raises(DataError, match=r"a.h5: cannot be written .No space left on device"):
            save_data(path, data)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]
    save_data(path, data)
    assert load_data(path).n_t == 5
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize(
    ("name", "layout", "text"),
    [
        ("a.h5", "aps_u", "layout: found 'aps_u', expected aps-u, aps-legacy, npz; did you mean 'aps-u'?"),
        ("missing/a.h5", "aps-u", "missing does not exist"),
        (".", "aps-u", "is a folder"),
    ],
)
def test_targets_that_cannot_be_written_are_named(tmp_path, name, layout, text):
    with pytest.raises(DataError) as caught:
        save_data(tmp_path / name, TwoTimeData(c2=make_map(5), q=0.005, phi=10.0, dt=0.1), layout)
    assert text in str(caught.value)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_damage_shows_as_another_error(tmp_path, layout):
    """Bytes changed or cut off: the file is read, or refused in one line."""
    path = tmp_path / "a"
    save_data(path, TwoTimeData(c2=np.stack([make_map(9), make_map(9, 1)]), q=0.005, phi=[0, 90], dt=0.1), layout)
    whole = path.read_bytes()
    for seed in range(30):
        chance = random.Random(seed)
        damaged = bytearray(whole if seed % 3 else whole[: chance.randrange(len(whole))])
        for _ in range(chance.choice([1, 3, 20]) if damaged else 0):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        for use in (load_data, describe_data):
            with contextlib.suppress(DataError):
                use(path)
