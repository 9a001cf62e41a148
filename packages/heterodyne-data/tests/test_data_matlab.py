"""Arrays as MATLAB 7.3 and Julia store them: texts and booleans as numbers, vectors as columns, sizes for nothing."""

import h5py
import numpy as np
import pytest
from data_files import make_map

from heterodyne_data import load_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError

N = 7
PHI = [-45.0, 10.0]
KEPT = np.arange(N) != 3


def write(path, **changes):
    """Write what ``save -v7.3`` does; texts become arrays of their characters, booleans 0 and 1."""
    maps = np.stack([make_map(N, seed) for seed in range(2)])
    fields = {"c2": maps, "q": np.array([[0.005]]), "phi": np.array(PHI)[:, None], "dt": np.array([[0.1]])} | changes
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in fields.items():
            text, flags = isinstance(value, str), np.asarray(value).dtype.kind == "b"
            file[name] = np.array([[ord(letter)] for letter in value], "u2") if text else value * 1 if flags else value
            file[name].attrs["MATLAB_class"] = np.bytes_("char" if text else "logical" if flags else "double")
    return path


def test_texts_that_are_stored_as_numbers_are_units(tmp_path):
    data = load_data(
        write(tmp_path / "a.mat", q=np.array([[0.05]]), q_unit="1/nm", dt=np.array([[100.0]]), dt_unit="ms")
    )
    assert (data.q, data.dt) == (0.005, 0.1)
    np.testing.assert_array_equal(data.phi, PHI)
    with pytest.raises(DataError, match="q: found the unit 'furlong', expected"):
        load_data(write(tmp_path / "b.mat", q_unit="furlong"))


@pytest.mark.parametrize("valid", [KEPT, KEPT[:, None], KEPT[None], KEPT[:, None] & KEPT], ids=str)
def test_booleans_that_are_stored_as_numbers_are_flags(tmp_path, valid):
    path = write(tmp_path / "a.mat", valid=valid)
    data = load_data(path)
    np.testing.assert_array_equal(data.valid, [KEPT, KEPT])
    for k in range(2):
        np.testing.assert_array_equal(data.c2[k], np.where(KEPT[:, None] & KEPT, make_map(N, k), np.nan))


def test_numbers_that_are_no_flags_are_refused(tmp_path):
    path = write(tmp_path / "a.mat", valid=np.full((N, N), 2, "u1"))
    for call in (load_data, check_data):
        with pytest.raises(DataError, match="valid: found 2, expected booleans, true for valid entries"):
            call(path)


def test_weights_may_be_a_column(tmp_path):
    weight = np.linspace(0.5, 2.0, N)
    data = load_data(write(tmp_path / "a.mat", weight=weight[:, None]))
    np.testing.assert_array_equal(data.weight, [weight, weight])


def test_an_empty_array_is_none_and_its_sizes_are_no_values(tmp_path):
    path = write(tmp_path / "a.mat")
    with h5py.File(path, "a") as file:
        for name in ("valid", "mask", "weight", "t"):
            file[name] = np.array([0, 0], "u8")
            file[name].attrs["MATLAB_empty"] = np.uint8(1)
    data = load_data(path)
    assert data.valid.all()
    assert (data.weight == 1).all()
    assert data.t[0] == data.dt == 0.1
    assert not any("not used" in note for note in data.notes)
