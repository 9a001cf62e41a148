"""What must hold of a measurement that was accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import seeds
from common import Made
from making import Box, Maker
from refusal import Broken, check_equal, check_words, holds

from heterodyne_cli.inspection import as_document, listed, shown
from heterodyne_data import TwoTimeData, describe_data, load_data, save_data
from heterodyne_nlsq import survey_maps
from heterodyne_spec import DataError
from heterodyne_spec.lint.rule import run
from heterodyne_spec.lint.schema import FollowsSchema

FIELDS = ("c2", "t", "q", "phi", "dt", "valid", "weight")


def judge(made: Made, box: Box, maker: Maker) -> None:
    """Read a measurement in all ways that there are, and check what came of it."""
    description, data = read(made.path)
    check_description(description, data)
    check_data(data)
    if made.path.suffix != ".npz":
        check_stored(made.path, data)
    check_survey(made.path)
    check_pixels(made.path)
    check_saved(data, box.out / "again.h5", "aps-u")
    check_saved(data, box.out / "again.npz", "npz")
    if made.same:
        expected = sound(made.path.suffix, made.seed, box, maker)
        for name in FIELDS:
            check_equal(getattr(data, name), getattr(expected, name), f"{name} of the sound file")


def read(path: Path) -> tuple[dict[str, Any], TwoTimeData]:
    """Return the description and the measurement of the smallest q; 0.25 s where there is no time between frames."""
    description = describe_data(path)
    known = [one["q"] for one in description["maps"] if one["q"] is not None and one["phi"] is not None]
    dt = None if description["dt"] else 0.25
    return description, load_data(path, q=min(known, default=None), dt=dt)


def sound(suffix: str, name: str, box: Box, maker: Maker) -> TwoTimeData:
    """Return what the sound file gives."""
    path = box.out / f"sound{suffix}"
    path.write_bytes(seeds.npz_bytes(seeds.npz_fields()[name]) if suffix == ".npz" else maker.hdf5[name])
    return read(path)[1]


def check_description(description: dict[str, Any], data: TwoTimeData) -> None:
    """Check that the description follows its schema and fits the measurement."""
    problems = run([FollowsSchema("data")], json.loads(json.dumps(description, allow_nan=False)))
    holds(not problems, f"the description breaks its schema: {problems[:1]}")
    json.dumps(description, ensure_ascii=False).encode()
    holds(description["n_frames"] == data.n_t, "the description has another number of frames")
    check_words(description["notes"])


def check_data(data: TwoTimeData) -> None:
    """Check that shapes agree and all numbers are such that a fit can use them."""
    n_phi, n_t = data.n_phi, data.n_t
    holds(data.c2.shape == (n_phi, n_t, n_t) and n_phi >= 1 and n_t >= 3, f"c2 has the shape {data.c2.shape}")
    holds(data.c2.dtype in (np.float32, np.float64), f"c2 is {data.c2.dtype}")
    holds(not np.isinf(data.c2).any(), "c2 holds infinities")
    check_symmetric(data)
    holds(data.valid.shape == data.weight.shape == (n_phi, n_t), "valid or weight have another shape")
    holds(data.valid.any(axis=1).all(), "an angle without a valid frame")
    pairs = np.isfinite(data.c2) & data.valid[:, :, None] & data.valid[:, None] & ~np.eye(n_t, dtype=bool)
    holds((pairs.any(axis=2) == data.valid).all(), "a valid frame without a finite pair, or the other way round")
    holds(np.isfinite(data.t).all() and data.t[0] >= 0 and (np.diff(data.t) > 0).all(), "ages that do not increase")
    holds(np.isfinite(data.dt) and data.dt > 0, f"dt = {data.dt}")
    holds(np.allclose(np.diff(data.t), data.dt, rtol=1e-4), "ages that do not go in steps of dt")
    holds(np.isfinite(data.q) and data.q >= 0, f"q = {data.q}")
    holds(np.isfinite(data.phi).all() and (np.abs(data.phi) <= 180).all(), f"phi = {data.phi}")
    holds((np.diff(data.phi) > 0).all(), f"phi does not ascend: {data.phi}")
    check_words(data.notes)
    json.dumps(data.provenance, ensure_ascii=False).encode()


def check_symmetric(data: TwoTimeData) -> None:
    """Check that maps are symmetric to what rounding leaves, NaN included."""
    other = np.swapaxes(data.c2, 1, 2)
    holds(np.array_equal(np.isnan(data.c2), np.isnan(other)), "NaN on one side of a map only")
    off = np.where(np.eye(data.n_t, dtype=bool), 0, np.nan_to_num(data.c2))
    scale = np.abs(off).max(initial=0)
    holds((np.abs(off - np.swapaxes(off, 1, 2)) <= 1.001e-4 * scale).all(), "a map that is not symmetric")


def check_stored(path: Path, data: TwoTimeData) -> None:
    """Check with h5py alone that every value is one that stands in the file, where a baseline of 0 became 1."""
    with h5py.File(path, "r") as file:
        for c2, where in zip(data.c2, data.provenance["maps"], strict=True):
            # As it is printed: with control codes escaped.
            key = re.sub(r"\[\d+\]$", "", where).encode("latin-1", "backslashreplace").decode("unicode_escape")
            raw = np.asarray(file[key][()])
            with np.errstate(all="ignore"):
                stored = raw.astype(c2.dtype).ravel()
                stored = np.concatenate([stored, stored + c2.dtype.type(1)])
            values = c2[np.isfinite(c2)]
            if not np.isin(values, stored).all():
                raise Broken(f"{where}: values that do not stand in the file")


def check_survey(path: Path) -> None:
    """Check what ``heterodyne inspect`` says of the file."""
    seen = survey_maps(path, describe_data(path))
    check_words([*listed(seen.description, path.stat().st_size).splitlines(), *shown(seen).splitlines()])
    json.dumps(as_document(seen), allow_nan=False)


def check_pixels(path: Path) -> None:
    """Check what the bins of the file are where their pixels tell, if these can be read."""
    asked = {"data": {"bins": "pixels", "dt": 0.25}}
    try:
        known = [one["q"] for one in describe_data(path, asked)["maps"] if one["q"] and one["phi"] is not None]
        data = load_data(path, q=min(known, default=None), config=asked, hashed=False)
    except DataError as error:
        check_words([str(error)])
    else:
        check_data(data)


def check_saved(data: TwoTimeData, path: Path, layout: str) -> None:
    """Check that the measurement can be written and read again."""
    save_data(path, data, layout)
    again = load_data(path, q=data.q, hashed=False)
    with np.errstate(all="ignore"):
        single = data.c2.astype(np.float32)
    off = ~np.eye(data.n_t, dtype=bool)
    gone = ~(data.valid[:, :, None] & data.valid[:, None])
    expected = np.where(gone | np.isinf(single), np.nan, single)[:, off]
    close = np.isclose(again.c2[:, off], expected, rtol=1e-4, atol=1e-4 * np.nanmax(np.abs(expected)), equal_nan=True)
    holds(close.all(), f"c2 written as {layout} and read again differs")
    holds(np.allclose(again.t, data.t, rtol=1e-5), f"t written as {layout} and read again differs")
    check_equal(again.phi, data.phi, f"phi written as {layout}")
    check_equal(again.valid, data.valid, f"valid written as {layout}")
