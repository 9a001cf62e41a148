"""From a measurement to a file, in a layout that other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heterodyne_data.layouts import WRITABLE
from heterodyne_data.layouts.base import WritableLayout
from heterodyne_data.stored import MERGED, merged_in
from heterodyne_data.two_time import TwoTimeData
from heterodyne_spec import DataError, OutputError, count_noun, did_you_mean, write_atomically


def save_data(path: str | Path, data: TwoTimeData | Sequence[TwoTimeData], layout: str = "aps-u") -> None:
    """Write a measurement, or one for each of several q.

    `load_data` returns it with the same ages, angles and valid frames, maps in float32.

    The file is written completely or not at all. Invalid frames become NaN
    rows and columns.

    Angles are ascending. Only "npz" stores `data.weight`: with the
    others, give the weights again when reading (`frame_weights`).

    Parameters
    ----------
    path : file to write; an existing one is replaced.
    data : the measurement, or several with different q, and the same azimuths and ages.
    layout : "aps-u", "aps-legacy" (both HDF5) or "npz".

    Raises
    ------
    DataError
        The layout is unknown, the measurements are not those of one file, or the file cannot be written.
    """
    path, several = Path(path), [data] if isinstance(data, TwoTimeData) else list(data)
    _check_one_file(path, several)
    writers = {known.NAME: known for known in WRITABLE}
    if layout not in writers:
        raise DataError(
            f"{path}: layout: found {layout!r}, expected {', '.join(writers)}; {did_you_mean(str(layout), writers)}"
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"the folder {path.parent} does not exist"
        raise DataError(f"{path}: {what}, expected the path of a file in an existing folder; correct it")
    try:
        write_atomically(path, lambda temporary: _write(temporary, several, writers[layout]))
    except OutputError as error:
        raise DataError(str(error)) from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _check_one_file(path: Path, data: Sequence[TwoTimeData]) -> None:
    """Refuse measurements that no file holds together."""
    if not data:
        raise DataError(f"{path}: no measurement to write; give one, or one for each q")
    first, q = data[0], [one.q for one in data]
    same = all(np.array_equal(one.phi, first.phi) and np.array_equal(one.t, first.t) for one in data)
    if len(set(q)) < len(q) or not same:
        found = f"{count_noun(len(q), 'measurement')} with q = {', '.join(f'{value:g}' for value in q)}"
        wanted = "a different q each, and the same azimuths and ages"
        raise DataError(f"{path}: found {found}, expected {wanted}; write a file for each")


def _write(path: Path, data: Sequence[TwoTimeData], layout: WritableLayout) -> None:
    layout.write(path, data)
    if not (merged := merged_in(data)):
        return
    # Imported here because it takes a while.
    import h5py

    if h5py.is_hdf5(path):
        # What a mean was made from is nowhere in these layouts.
        with h5py.File(path, "r+") as file:
            file.attrs[MERGED] = merged
