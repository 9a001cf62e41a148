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


def write_fields(path: Path, fields: Mapping[str, Any], attributes: Mapping[str, Any] | None = None) -> Path:
    """Write datasets and attributes, the latter as key@name; None leaves one out."""
    with h5py.File(path, "w") as file:
        for key, value in fields.items():
            if value is not None:
                file[key] = value
        for key, value in (attributes or {}).items():
            if value is not None:
                where, _, name = key.partition("@")
                file[where].attrs[name] = value
    return path


def write_apsu(path: Path, maps: Mapping[int, Any] | None = None, **changes: Any) -> Path:
    """Write an APS-U file: by default two q's (0.005, 0.008) at phi = -45 and 10, all bins filled.

    `changes` replaces fields: q, phi, mapping, bins, frame_time, stride, average, begin; names, counts and pixels (a
    mapping of fields of /xpcs/qmap) are left out by default.
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
    values |= {"names": None, "counts": None} | changes
    pixels = {f"/xpcs/qmap/{name}": value for name, value in values.pop("pixels", {}).items()}
    keys = {
        "names": "/xpcs/qmap/map_names",
        "counts": "/xpcs/qmap/dynamic_num_pts",
        "q": "/xpcs/qmap/dynamic_v_list_dim0",
        "phi": "/xpcs/qmap/dynamic_v_list_dim1",
        "mapping": "/xpcs/qmap/dynamic_index_mapping",
        "bins": "/xpcs/twotime/processed_bins",
        "frame_time": FRAME_TIME,
        "stride": "/xpcs/twotime/config/stride_frame",
        "average": "/xpcs/twotime/config/avg_frame",
        "begin": "/xpcs/twotime/config/begin_frame",
    }
    fields = {keys[name]: value for name, value in values.items()} | pixels
    return write_fields(path, fields | {f"{APSU_MAPS}/c2_{k:05d}": c2 for k, c2 in maps.items()})


def pixels_of(q: list[float], phi: list[float]) -> dict[str, Any]:
    """Return the fields of a map of pixels, with 3 x 3 of them where each of these bins is, and its geometry."""
    size, distance, energy, centre = 2e-4, 4.0, 8.0, (20.0, 50.0)
    labels = np.zeros((100, 100), "u1")
    for label, (one, angle) in enumerate(zip(np.repeat(q, len(phi)), np.tile(phi, len(q)), strict=True), start=1):
        radius = distance * np.tan(2 * np.arcsin(one * 12.398419843 / energy / (4 * np.pi))) / size
        column = round(centre[0] + radius * np.cos(np.radians(angle)))
        row = round(centre[1] - radius * np.sin(np.radians(angle)))
        labels[row - 1 : row + 2, column - 1 : column + 2] = label
    fields = {"dynamic_roi_map": labels, "beam_center_x": centre[0], "beam_center_y": centre[1], "energy": energy}
    return fields | {"pixel_size": size, "detector_distance": distance}


def write_one(path: Path, c2: Any, **changes: Any) -> Path:
    """Write an APS-U file of one bin: q = 0.005 1/Å, phi = 10 degrees."""
    return write_apsu(path, {1: c2}, **({"q": [0.005], "phi": [10.0], "mapping": np.zeros(1, "u1")} | changes))


def write_phis(path: Path, phi: list[float], **changes: Any) -> Path:
    """Write an APS-U file of one q at several angles; the map of angle i has seed i."""
    maps = {i + 1: np.triu(make_map(seed=i)) for i in range(len(phi))}
    return write_apsu(path, maps, **({"q": [0.005], "phi": phi, "mapping": np.arange(len(phi))} | changes))


def write_legacy(path: Path, maps: Mapping[int, Any], q: list[float], phi: list[float], **extra: Any) -> Path:
    """Write an APS legacy file; scalars are (1, 1).

    `extra`: process (qphi_bin_to_process), begin, stride, exposure, dqmap, count (dnophi).
    """
    one = {name: np.array([[extra[name]]]) if name in extra else None for name in ("begin", "stride", "count")}
    fields = {
        "/xpcs/dqlist": np.array([q]),
        "/xpcs/dphilist": np.array([phi]),
        "/xpcs/qphi_bin_to_process": extra.get("process"),
        "/xpcs/dqmap": extra.get("dqmap"),
        "/xpcs/dnophi": one["count"],
        "/xpcs/data_begin_todo": one["begin"],
        "/xpcs/stride_frames": one["stride"],
        "/measurement/instrument/detector/exposure_period": np.array([[extra.get("exposure", 0.1)]]),
    }
    return write_fields(path, fields | {f"{LEGACY_MAPS}/g2_{k:05d}": c2 for k, c2 in maps.items()})


Q, PHI = (0.005, 0.005, 0.008, 0.008), (-45.0, 10.0, -45.0, 10.0)
"""Bins of the four maps that the writers below put into a file; map i has seed i."""


def four_maps(n: int = 6, **options: Any) -> NDArray[np.floating[Any]]:
    """Return the maps of the four bins, (4, n, n)."""
    return np.stack([make_map(n, seed, **options) for seed in range(4)])


def write_chx(path: Path, maps: Any = None, **changes: Any) -> Path:
    """Write a CHX file; `changes` replaces bins (i -> attribute), md (name -> attribute), tausb, or adds datasets."""
    maps = four_maps() if maps is None else maps
    given = {"bins": {i: np.array([q, phi]) for i, (q, phi) in enumerate(zip(Q, PHI, strict=True))}}
    given |= {"md": {"frame_time": 0.1, "acquire period": "0.1", "beg": 0, "end": maps.shape[-1]}}
    given |= {"tausb": np.arange(maps.shape[-1]) * 0.1} | changes
    attributes = {f"qval_dict@{i}": value for i, value in given.pop("bins").items()}
    attributes |= {f"md@{name}": value for name, value in given.pop("md").items()}
    fields = {"g12b": np.moveaxis(maps, 0, -1), "md": np.zeros(1, "i"), "qval_dict": np.zeros(1, "i")}
    return write_fields(path, fields | given, attributes)


def write_scikit_beam(path: Path, maps: Any = None, **changes: Any) -> Path:
    """Write what two_time_corr returns with q, phi and dt; `changes` replaces fields (units as ``q@units``)."""
    maps = four_maps() if maps is None else maps
    given = {"g2": maps, "lag_steps": np.arange(maps.shape[-1]), "q": Q, "phi": PHI, "dt": 0.1} | changes
    fields = {key: value for key, value in given.items() if "@" not in key}
    return write_fields(path, fields, {key: value for key, value in given.items() if "@" in key})


NX_MAPS, NX_MASKS = "/entry/twotime/two_time_corr_func", "/entry/instrument/masks"


def write_nxxpcs(path: Path, maps: Any, mode: str = "one_array_q_first", **changes: Any) -> Path:
    """Write an NXxpcs file; `maps` are as they stand in it: an array, or a mapping of names for data_exchange_keys.

    `changes` replaces q, phi, roi_map, frame_time, units of q (q_units) and of the others, and the four attributes.
    """
    given = {"q": Q, "phi": PHI, "roi_map": None, "frame_time": 0.1, "q_units": "1/angstrom", "phi_units": None}
    given |= {"time_units": "s", "storage_mode": mode, "baseline_reference": 1, "time_origin_location": "upper_left"}
    given |= {"populated_elements": "all"} | changes
    fields = {f"{NX_MASKS}/dynamic_q_list": given["q"], f"{NX_MASKS}/dynamic_phi_list": given["phi"]}
    fields |= {f"{NX_MASKS}/dynamic_roi_map": given["roi_map"]}
    fields |= {"/entry/instrument/eiger/frame_time": given["frame_time"]}
    fields |= {f"{NX_MAPS}/{name}": c2 for name, c2 in maps.items()} if isinstance(maps, Mapping) else {NX_MAPS: maps}
    attributes = {f"{NX_MASKS}/dynamic_q_list@units": given["q_units"]}
    attributes |= {f"{NX_MASKS}/dynamic_phi_list@units": given["phi_units"]}
    attributes |= {"/entry/instrument/eiger/frame_time@units": given["time_units"]}
    words = ("storage_mode", "baseline_reference", "time_origin_location", "populated_elements")
    return write_fields(path, fields, attributes | {f"{NX_MAPS}@{name}": given[name] for name in words})


ID02 = "/entry_0000/correlations"


def write_id02(path: Path, maps: Any = None, **changes: Any) -> Path:
    """Write an ID02 file of two directions, q in 1/nm; `changes` replaces q_unit, t_unit, or fields of all."""
    maps = four_maps() if maps is None else maps
    axis = np.arange(1, maps.shape[-1] + 1) * 0.1
    given = {"parameters/q": np.array(Q[::2]) * 10, "twotime/t1": axis, "twotime/t2": axis, "q_unit": "nm^-1"} | changes
    unit, t_unit, fields = given.pop("q_unit"), given.pop("t_unit", "s"), {}
    for i, phi in enumerate(PHI[:2]):
        group = f"{ID02}/phi_{phi:g}"
        fields |= {f"{group}/{name}": value for name, value in ({"twotime/ttcf": maps[i::2]} | given).items()}
    units = {f"{key}@units": unit if key.endswith("/q") else t_unit for key in fields if key[-2:] in ("/q", "t1", "t2")}
    return write_fields(
        path, fields, {key: value for key, value in units.items() if fields[key.partition("@")[0]] is not None}
    )


def write_xpcs_correlator(path: Path, maps: Any = None, **changes: Any) -> Path:
    """Write what xpcs-correlator returns, q in 1/nm; `changes` replaces fields and q_unit."""
    maps = four_maps() if maps is None else maps
    axis = np.arange(maps.shape[-1]) + 0.5
    given = {"ttcf": maps, "ttcf_format": "t1,t2", "t1": axis, "t2": axis, "dt": 0.1, "phi": PHI}
    given |= {"q": np.array(Q) * 10, "q_unit": "nm^-1"} | changes
    units = {"q@units": given.pop("q_unit"), **{key: given.pop(key) for key in [*given] if "@" in key}}
    return write_fields(path, given, units)


def corrupt_map(file: h5py.File, key: str, n: int = 6) -> None:
    """Put a compressed map at `key` whose chunk is no zlib stream."""
    dataset = file.create_dataset(key, (n, n), "f4", chunks=(n, n), compression="gzip")
    dataset.id.write_direct_chunk((0, 0), b"not a zlib stream")


def q_last(maps):
    """Return maps (n, N, N) as one array (N, N, n)."""
    return np.moveaxis(maps, 0, -1)
