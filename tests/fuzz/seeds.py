"""The sound files that hostile ones are made from: one of every kind and layout that is read."""

from __future__ import annotations

import datetime
import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
# Files and results made by hand for the tests of the packages serve here too.
_OF = ("heterodyne-spec", "heterodyne-data", "heterodyne-cli")
sys.path[:0] = [*(str(ROOT / "packages" / name / "tests") for name in _OF), str(ROOT / "tests" / "integration")]

import data_files  # noqa: E402
import documents  # noqa: E402
import foreign_configs  # noqa: E402
import made  # noqa: E402
import results  # noqa: E402

from heterodyne_data import NLSQResult  # noqa: E402
from heterodyne_data.result.document import to_document  # noqa: E402
from heterodyne_spec import dump_yaml, load_model  # noqa: E402

N = 8
"""Frames of the maps: small, for what is sought is in how files are read, not in how many numbers they hold."""


def hdf5_seeds(folder: Path) -> dict[str, bytes]:
    """Return an HDF5 measurement of every layout, and of the ways in which some of them store maps."""
    maps = data_files.four_maps(N)
    keyed = {f"region_{k + 1}": np.triu(one) for k, one in enumerate(maps)}
    upper = {k + 1: np.triu(one) for k, one in enumerate(maps)}
    q, phi, grids = list(data_files.Q), list(data_files.PHI), np.meshgrid(np.arange(N) + 10.5, np.arange(N) + 10.5)
    makers: Mapping[str, Callable[[Path], Path]] = {
        "aps-u": lambda path: data_files.write_apsu(path, upper),
        "aps-u-pixels": lambda path: data_files.write_apsu(
            path, upper, names=["q", "phi"], counts=[2, 2], pixels=data_files.pixels_of(q[::2], phi[:2])
        ),
        "aps-legacy-empty": lambda path: data_files.write_legacy(
            path,
            upper,
            [q[0], np.nan, *q[1:]],
            [phi[0], np.nan, *phi[1:]],
            dqmap=np.arange(10).reshape(2, 5) % 5,
            count=2,
        ),
        "aps-legacy": lambda path: data_files.write_legacy(path, upper, q, phi, process=np.arange(1, 5)[:, None]),
        "aps-legacy-zeros": lambda path: data_files.write_legacy(
            path, upper, [q[0], 0.0, *q[1:]], [phi[0], -1.0, *phi[1:]]
        ),
        "chx": lambda path: data_files.write_chx(path, maps),
        "nxxpcs": lambda path: data_files.write_nxxpcs(path, maps),
        "nxxpcs-last": lambda path: data_files.write_nxxpcs(path, np.moveaxis(maps, 0, -1), "one_array_q_last"),
        "nxxpcs-keys": lambda path: data_files.write_nxxpcs(
            path, keyed, "data_exchange_keys", populated_elements="upper_half"
        ),
        "scikit-beam": lambda path: data_files.write_scikit_beam(path, maps),
        "scikit-beam-flags": lambda path: data_files.write_scikit_beam(
            path,
            maps,
            valid=np.arange(N) != 3,
            weight=np.linspace(0.5, 2, N),
            lag_steps=np.arange(N) * 0.1,
            mask=[0, 1, 1],
        ),
        "id02": lambda path: data_files.write_id02(path, maps),
        "xpcs-correlator": lambda path: data_files.write_xpcs_correlator(path, maps),
        "xpcs-correlator-grids": lambda path: data_files.write_xpcs_correlator(
            path, maps, t1=grids[0], t2=grids[1], t=np.arange(11, 11 + N) * 0.1, start_frame=11
        ),
    }
    return {name: make(folder / f"{name}.h5").read_bytes() for name, make in makers.items()}


def npz_fields() -> dict[str, dict[str, Any]]:
    """Return the arrays of our own archive and of the caches of other programs."""
    maps, axis = data_files.four_maps(N), np.arange(N) * 0.1
    q, phi = np.array(data_files.Q), np.array(data_files.PHI)
    facts = json.dumps({"start_frame": 11, "end_frame": 10 + N, "dt": 0.1})
    cache = {"c2_exp": maps, "wavevector_q_list": q, "phi_angles_list": phi, "t1": axis, "t2": axis}
    return {
        "npz": {"c2": maps, "q": q, "phi": phi, "t": axis + 0.1, "dt": np.array(0.1)},
        "npz-flags": {
            "c2": maps,
            "q": q,
            "phi": phi,
            "dt": np.array(0.1),
            "start_frame": np.array(3),
            "valid": ~np.eye(N, k=2, dtype=bool) & ~np.eye(N, k=-2, dtype=bool),
            "weights": np.ones((4, N)),
        },
        "npz-one": {"c2": maps[0], "q": np.array(0.005), "phi": np.array(10.0), "dt": np.array(0.1)},
        "cache": {**cache, "cache_metadata_json": np.array(facts)},
        "cache-other": {"c2": maps, "q_values": q, "phi": phi, "t": axis, "source_mtime": np.array(1.0)},
    }


def configs() -> dict[str, Any]:
    """Return configurations as plain data."""
    return {"whole": documents.CONFIG, "short": {"data": {"q": 0.0054, "dt": 0.1}, "scaling": "shared"}, "empty": {}}


def models() -> dict[str, Any]:
    """Return the shipped model as plain data."""
    return {"two-component": load_model().document}


def foreign() -> dict[str, str]:
    """Return configurations of other programs as they stand in their files."""
    return dict(foreign_configs.ALL)


def estimates() -> dict[str, NLSQResult]:
    """Return point estimates: one with all it can have, one that did not converge and has no maps."""
    return {"whole": made.fit_result(), "failed": results.make_result(success=False, message="gave up")}


def estimate_documents() -> dict[str, Any]:
    """Return the documents of the point estimates."""
    return {name: json.loads(json.dumps(to_document(result))) for name, result in estimates().items()}


def estimate_arrays(folder: Path) -> bytes:
    """Return the HDF5 file that goes with the whole point estimate."""
    made.fit_result().save(folder / "whole")
    return (folder / "whole" / "nlsq_result.h5").read_bytes()


def posterior(folder: Path) -> bytes:
    """Return the file of a posterior, with a date that is always the same."""
    with mock.patch("heterodyne_cmc.netcdf.datetime") as clock:
        clock.UTC = datetime.UTC
        clock.datetime.now.return_value = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
        return made.posterior_result().save(folder / "cmc_result.nc").read_bytes()


def record() -> dict[str, Any]:
    """Return the record of a series: a file that was fitted, one that could not be used."""
    data, settings = "5" * 64, "a1b2c3"
    key = f"{data[:32]} 0.0054 {settings}"
    row = {
        "time": "2025-01-01T10:00:00+00:00",
        "file": "run1.h5",
        "q": 0.0054,
        "result": "run1",
        "data": data,
        "settings": settings,
        "fit": "ok",
        "message": "converged",
        "seconds": 1.5,
        "n_phi": 2,
        "n_frames": 40,
        "dt": 0.1,
        "reduced_chi2": 1.1,
        "v_mean": 400.0,
        "v_mean_sd": 2.0,
        "v_start": 500.0,
        "v_start_sd": None,
        "D0_ref": 1500.0,
        "D0_ref_sd": None,
        "version": "0.1.0",
    }
    done = {"signature": [1000, 10**18], "asked": "all", "data": data, "names": {key: "run1"}, "problem": ""}
    bad = {"signature": [10, 10**18], "asked": "all", "data": "", "names": {}, "problem": "is truncated or damaged"}
    return {"version": 1, "files": {"/data/run1.h5": done, "/data/run2.h5": bad}, "rows": {key: row}}


def as_text(document: Any, ending: str) -> str:
    """Return plain data as the text of a file with this ending."""
    return json.dumps(document, ensure_ascii=False, indent=1) if ending == ".json" else dump_yaml(document)


def npz_bytes(fields: Mapping[str, Any], compressed: bool = False) -> bytes:
    """Return arrays as the bytes of an archive."""
    stored = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stored, **fields)
    return stored.getvalue()
