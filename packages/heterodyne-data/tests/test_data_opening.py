"""Files that others write, that others left, and that are compressed in ways of their own: each told by its name."""

import errno
import subprocess
import sys

import h5py
import numpy as np
import pytest
from data_files import APSU_MAPS, make_map, write_one

from heterodyne_data import load_data
from heterodyne_spec import BusyError, DataError

WRITER = """
import os, sys, h5py
file = h5py.File(sys.argv[1], "w", libver="latest")
c2 = [[1.0, 1.1, 1.2], [1.1, 1.0, 1.3], [1.2, 1.3, 1.0]]
for key, value in {"c2": c2, "q": 0.005, "phi": 10.0, "dt": 0.1}.items():
    file[key] = value
if sys.argv[2] == "swmr":
    file.swmr_mode = True
file.flush()
if sys.argv[3] == "killed":
    os._exit(9)
print("open", flush=True)
sys.stdin.read()
"""


def killed(path, mode):
    subprocess.run([sys.executable, "-c", WRITER, str(path), mode, "killed"], check=False)
    return path


@pytest.mark.parametrize(
    ("mode", "text"), [("own", "open for writing in another program"), ("swmr", "marked as being")]
)
def test_a_file_that_is_being_written_is_busy(tmp_path, mode, text):
    path = tmp_path / "a.h5"
    command = [sys.executable, "-c", WRITER, str(path), mode, "alive"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(BusyError, match=text):
            load_data(path)
        writer.stdin.close()
    load_data(path)


def test_what_a_killed_writer_leaves_is_told_from_damage(tmp_path):
    with pytest.raises(
        BusyError, match="if that was killed, check that the file is complete and clear the mark with h5clear -s"
    ):
        load_data(killed(tmp_path / "swmr.h5", "swmr"))
    with pytest.raises(DataError, match="was not closed by the program that wrote it") as caught:
        load_data(killed(tmp_path / "own.h5", "own"))
    assert not isinstance(caught.value, BusyError)


def refuse_locks(monkeypatch, number):
    """Have HDF5 fail to lock any file as it does with this error of the system."""
    whole = h5py.File

    def without_locks(*args, locking=None, **given):
        if locking is not False:
            said = f"Unable to synchronously open file (unable to lock file, errno = {number}, error message = '...')"
            raise OSError(number, said)
        return whole(*args, locking=False, **given)

    monkeypatch.setattr(h5py, "File", without_locks)


def test_a_file_system_without_locks_is_read_without(tmp_path, monkeypatch):
    path = write_one(tmp_path / "a.h5", make_map())
    for number in (errno.ENOLCK, errno.EOPNOTSUPP):
        with monkeypatch.context() as patched:
            refuse_locks(patched, number)
            np.testing.assert_array_equal(load_data(path).c2[0], make_map())
    refuse_locks(monkeypatch, errno.EAGAIN)
    with pytest.raises(BusyError, match="open for writing in another program"):
        load_data(path)


def write_filtered(path, number):
    """Write a file whose map says that it is compressed by this filter."""
    path = write_one(path, None)
    with h5py.File(path, "r+") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((6, 6))
        made.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
        group = file.require_group(APSU_MAPS)
        dataset = h5py.h5d.create(group.id, b"c2_00001", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((6, 6)), made)
        dataset.write_direct_chunk((0, 0), make_map().tobytes())
    return path


def test_a_filter_that_is_not_installed_is_named_with_what_to_install(tmp_path):
    with pytest.raises(
        DataError, match=r"c2_00001: is compressed with filter 399 \(.*\), which is not installed; pip "
    ):
        load_data(write_filtered(tmp_path / "a.h5", 399))


def test_bitshuffle_is_read_where_its_filters_are_installed(tmp_path):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    path = write_one(tmp_path / "a.h5", None)
    with h5py.File(path, "r+") as file:
        file.create_dataset(f"{APSU_MAPS}/c2_00001", data=make_map(), **hdf5plugin.Bitshuffle())
    read = "from heterodyne_data import load_data; import sys; print(load_data(sys.argv[1]).c2.sum())"
    done = subprocess.run([sys.executable, "-c", read, str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(make_map().sum())


@pytest.mark.parametrize("name", ["t", "t1", "time", "frame", "valid", "mask"])
def test_a_dimension_of_netcdf_without_values_is_no_field(tmp_path, name):
    path, n = tmp_path / "a.nc", 6
    with h5py.File(path, "w") as file:
        file["c2"], file["q"], file["phi"], file["dt"] = [make_map(n), make_map(n, 1)], 0.005, [10.0, 20.0], 0.1
        mere = file.create_dataset(name, (n,), ">f4")
        mere.make_scale(f"This is a netCDF dimension but not a netCDF variable.{n:10d}")
        file["c2"].dims[2].attach_scale(mere)
    data = load_data(path)
    assert (data.dt, data.start_frame, data.notes) == (0.1, 1, ("baseline 1 found",))
    assert data.valid.all()
