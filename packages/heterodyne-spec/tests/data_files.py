"""Small files in the layouts of the beamlines, made for the tests; every field can be set or left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

APSU_MAPS = "/xpcs/twotime/correlation_map"
LEGACY_MAPS = "/exchange/C2T_all"
FRAME_TIME = "/entry/instrument/detector_1/frame_time"


def make_map(n: int = 6, seed: int = 0, level: float = 1.0, dtype: str = "f4") -> NDArray[np.floating[Any]]:
    """Return a full symmetric map with noise on the diagonal."""
    noise = np.random.default_rng(seed).uniform(0.01, 0.1, (n, n))
    return (level + np.triu(noise) + np.triu(noise, 1).T).astype(dtype)


def write_fields(path: Path, fields: Mapping[str, Any]) -> Path:
    """Write datasets; None leaves one out."""
    with h5py.File(path, "w") as file:
        for key, value in fields.items():
            if value is not None:
                file[key] = value
    return path


def write_apsu(path: Path, maps: Mapping[int, Any] | None = None, **changes: Any) -> Path:
    """Write an APS-U file: by default two q's (0.005, 0.008) at phi = -45 and 10, all bins filled.

    `changes` replaces fields: q, phi, mapping, bins, frame_time, stride, average, begin.
    """
    maps = {k: np.triu(make_map(seed=k)) for k in range(1, 5)} if maps is None else maps
    values = {"q": [0.005, 0.008], "phi": [-45.0, 10.0], "mapping": np.arange(4, dtype="u1")}
    values |= {
        "bins": np.arange(1, len(maps) + 1, dtype="i4"),
        "frame_time": 0.1,
        "stride": 1,
        "average": 1,
        "begin": 0,
    }
    values |= changes
    keys = {
        "q": "/xpcs/qmap/dynamic_v_list_dim0",
        "phi": "/xpcs/qmap/dynamic_v_list_dim1",
        "mapping": "/xpcs/qmap/dynamic_index_mapping",
        "bins": "/xpcs/twotime/processed_bins",
        "frame_time": FRAME_TIME,
        "stride": "/xpcs/twotime/config/stride_frame",
        "average": "/xpcs/twotime/config/avg_frame",
        "begin": "/xpcs/twotime/config/begin_frame",
    }
    fields = {keys[name]: value for name, value in values.items()}
    return write_fields(path, fields | {f"{APSU_MAPS}/c2_{k:05d}": c2 for k, c2 in maps.items()})


def write_one(path: Path, c2: Any, **changes: Any) -> Path:
    """Write an APS-U file of one bin: q = 0.005 1/Å, phi = 10 degrees."""
    return write_apsu(path, {1: c2}, **({"q": [0.005], "phi": [10.0], "mapping": np.zeros(1, "u1")} | changes))


def write_phis(path: Path, phi: list[float], **changes: Any) -> Path:
    """Write an APS-U file of one q at several angles; the map of angle i has seed i."""
    maps = {i + 1: np.triu(make_map(seed=i)) for i in range(len(phi))}
    return write_apsu(path, maps, **({"q": [0.005], "phi": phi, "mapping": np.arange(len(phi))} | changes))


def write_legacy(path: Path, maps: Mapping[int, Any], q: list[float], phi: list[float], **extra: Any) -> Path:
    """Write an APS legacy file; scalars are (1, 1). `extra`: process (qphi_bin_to_process), begin, stride, exposure."""
    one = {name: np.array([[extra[name]]]) if name in extra else None for name in ("begin", "stride")}
    fields = {
        "/xpcs/dqlist": np.array([q]),
        "/xpcs/dphilist": np.array([phi]),
        "/xpcs/qphi_bin_to_process": extra.get("process"),
        "/xpcs/data_begin_todo": one["begin"],
        "/xpcs/stride_frames": one["stride"],
        "/measurement/instrument/detector/exposure_period": np.array([[extra.get("exposure", 0.1)]]),
    }
    return write_fields(path, fields | {f"{LEGACY_MAPS}/g2_{k:05d}": c2 for k, c2 in maps.items()})


def corrupt_map(file: h5py.File, key: str, n: int = 6) -> None:
    """Put a compressed map at `key` whose chunk is no zlib stream."""
    dataset = file.create_dataset(key, (n, n), "f4", chunks=(n, n), compression="gzip")
    dataset.id.write_direct_chunk((0, 0), b"not a zlib stream")
