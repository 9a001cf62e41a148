"""HDF5 files on a disk that fills up: one clear error, the process goes on, nothing is left."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from results import make_result

from heterodyne_data import FittedData, NLSQResult, TwoTimeData, load_data, save_data
from heterodyne_data.storage import writing_hdf5
from heterodyne_spec import DataError, OutputError


@contextmanager
def room(size: int) -> Iterator[None]:
    """Have the system refuse, with a part of what is written taken, what goes beyond `size` bytes of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    values = np.arange(10_000.0).reshape(100, 100)
    with writing_hdf5(tmp_path / "a.h5") as file:
        file.create_dataset("maps/c2", data=values, chunks=True, compression="lzf")
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["maps/c2"][()], values)


@pytest.mark.parametrize("size", [0, 100, 5_000, 40_000, 80_000])
def test_a_full_disk_is_an_error_with_its_number(size: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(2, 100, 100))
    result = make_result(
        maps=(noise, np.zeros((2, 100, 100))), data=FittedData(0.0054, np.array([0.0, 90.0]), 100, 1, 0.1)
    )
    result.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with room(size), pytest.raises(OutputError, match=r"cannot be written .*nothing was changed") as stop:
        result.save(tmp_path)
    assert stop.value.errno == errno.EFBIG
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert NLSQResult.load(tmp_path).maps is not None
    assert NLSQResult.load(tmp_path, maps=False).maps is None


@pytest.mark.parametrize("layout", ["aps-u", "aps-legacy", "npz"])
@pytest.mark.parametrize("size", [0, 3_000, 20_000])
def test_a_measurement_that_does_not_fit_on_the_disk_leaves_the_one_before(
    layout: str, size: int, tmp_path: Path
) -> None:
    path = tmp_path / ("a.npz" if layout == "npz" else "a.h5")
    c2 = 1 + np.random.default_rng(0).uniform(size=(2, 50, 50))
    data = TwoTimeData(c2=(c2 + c2.swapaxes(1, 2)) / 2, q=0.0054, phi=np.array([0.0, 90.0]), dt=0.1)
    save_data(path, data, layout)
    with room(size), pytest.raises(DataError, match="cannot be written"):
        save_data(path, data, layout)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    np.testing.assert_allclose(load_data(path).c2, data.c2, rtol=1e-6)
