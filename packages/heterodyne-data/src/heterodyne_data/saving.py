"""From a measurement to a file, in a layout that other programs read."""

from __future__ import annotations

import json
from pathlib import Path

from heterodyne_data.layouts import WRITABLE
from heterodyne_data.layouts.base import WritableLayout
from heterodyne_data.two_time import MERGED, TwoTimeData
from heterodyne_spec import DataError, OutputError, did_you_mean, write_atomically


def save_data(path: str | Path, data: TwoTimeData, layout: str = "aps-u") -> None:
    """Write a measurement; `load_data` returns it with the same ages, angles and valid frames, maps in float32.

    The file is written completely or not at all. Invalid frames become NaN
    rows and columns.

    Angles are ascending. Only "npz" stores `data.weight`: with the
    others, give the weights again when reading (`frame_weights`).

    Parameters
    ----------
    path : file to write; an existing one is replaced.
    data : the measurement.
    layout : "aps-u", "aps-legacy" (both HDF5) or "npz".

    Raises
    ------
    DataError
        The layout is unknown, or the file cannot be written.
    """
    path = Path(path)
    writers = {known.NAME: known for known in WRITABLE}
    if layout not in writers:
        raise DataError(
            f"{path}: layout: found {layout!r}, expected {', '.join(writers)}; {did_you_mean(str(layout), writers)}"
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"the folder {path.parent} does not exist"
        raise DataError(f"{path}: {what}, expected the path of a file in an existing folder; correct it")
    try:
        write_atomically(path, lambda temporary: _write(temporary, data, writers[layout]))
    except OutputError as error:
        raise DataError(str(error)) from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _write(path: Path, data: TwoTimeData, layout: WritableLayout) -> None:
    layout.write(path, data)
    if MERGED not in data.provenance:
        return
    # Imported here because it takes a while.
    import h5py

    if h5py.is_hdf5(path):
        # What a mean was made from is nowhere in these layouts.
        with h5py.File(path, "r+") as file:
            file.attrs[MERGED] = json.dumps(data.provenance[MERGED])
