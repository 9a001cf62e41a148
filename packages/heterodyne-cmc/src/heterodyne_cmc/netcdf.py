"""The result as one NetCDF 4 file with the groups of the ArviZ schema.

``posterior`` (chain, draw), ``sub_posterior`` and ``sample_stats`` (shard, chain, draw), ``bands`` (quantile, age),
``observed_data`` (phi, t1, t2), ``constant_data``, and where asked for ``log_likelihood`` (chain, draw, phi). The
rest, from the table to the warnings, is JSON in the variable ``document``: an HDF5 attribute ends at 64 kB.

Why not arviz-base and xarray: on a full disk, writing by xarray 2026.9 ends the process with a segmentation fault and
leaves half a file; they take 58 MB of disk, with the same time and no less memory for maps of 2000 frames.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import numpy.typing as npt

from heterodyne_cmc.checks import problems
from heterodyne_cmc.posterior import (
    BESIDE,
    QUANTILES,
    Calibration,
    Diagnostics,
    Posterior,
    PosteriorBands,
    ShardDiagnostics,
    SummaryRow,
)
from heterodyne_data import (
    FittedData,
    check_self_contained,
    from_json_values,
    in_memory,
    opened_hdf5,
    refuse_damage,
    to_json_values,
)
from heterodyne_spec import DataError, Problem, ResultError, load_model, parse_json, write_atomically

SCHEMA_VERSION = 1
"""Version of this file's layout."""
AXES = ("chain", "draw", "shard", "phi", "quantile", "age")
"""Variables that number the entries of the others."""

_ARRAYS = (
    "draws",
    "contrast",
    "offset",
    "noise_sd",
    "sub_draws",
    "sample_stats",
    "bands",
    "observed",
    "log_likelihood",
)


def write_posterior(result: Posterior, path: Path) -> Path:
    """Write `result` to `path`, completely or not at all."""
    return write_atomically(path, lambda temporary: _write(result, temporary))


def _write(result: Posterior, path: Path) -> None:
    units = {p.name: p.unit for p in load_model(result.model["id"]).parameters}
    units |= {"contrast": "1", "offset": "1", "noise_sd": "1"}
    with in_memory(path) as stored, h5netcdf.File(stored, "w") as file:
        file.attrs.update(_attributes(result))
        text = file.create_variable("document", (), dtype=h5py.string_dtype())
        text[...] = json.dumps(to_json_values(_document(result)), ensure_ascii=False, allow_nan=False)
        _group(file, "posterior", {**result.draws, **{n: getattr(result, n) for n in BESIDE}}, result, units)
        _group(file, "sub_posterior", result.sub_draws, result, units)
        _group(file, "sample_stats", result.sample_stats, result, {})
        _bands(file, result)
        _observed(file, result)
        if result.log_likelihood is not None:
            _group(file, "log_likelihood", {"c2": result.log_likelihood}, result, {"c2": "1"})
        constant = file.create_group("constant_data")
        constant.attrs.update(_attributes(result))
        for dimension, name, values, unit in (
            ("t", "t", result.data.t, "s"),
            ("phi", "phi", result.data.phi, "degree"),
            (None, "q", np.array(result.data.q), "1/Å"),
            (None, "dt", np.array(result.data.dt), "s"),
            *((None, name, np.array(value), units[name]) for name, value in result.fixed.items()),
        ):
            if dimension is not None:
                constant.dimensions[dimension] = len(values)
            variable = constant.create_variable(name, () if dimension is None else (dimension,), data=values)
            variable.attrs["units"] = unit


def _bands(file: h5netcdf.File, result: Posterior) -> None:
    """Write the quantiles of the functions of age, (quantile, age)."""
    group, units = file.create_group("bands"), {f.name: f.unit for f in load_model(result.model["id"]).functions}
    group.attrs.update(_attributes(result))
    for name, values, unit in (("quantile", np.array(QUANTILES), "1"), ("age", result.bands.t, "s")):
        group.dimensions[name] = len(values)
        group.create_variable(name, (name,), data=values).attrs["units"] = unit
    for name, values in result.bands.quantiles.items():
        group.create_variable(name, ("quantile", "age"), data=values).attrs["units"] = units[name]


def _observed(file: h5netcdf.File, result: Posterior) -> None:
    """Write the measurement, (phi, t1, t2), each map a chunk."""
    group = file.create_group("observed_data")
    group.attrs.update(_attributes(result))
    for name, values, unit in (
        ("phi", result.data.phi, "degree"),
        ("t1", result.data.t, "s"),
        ("t2", result.data.t, "s"),
    ):
        group.dimensions[name] = len(values)
        group.create_variable(name, (name,), data=values).attrs["units"] = unit
    axes, chunks = ("phi", "t1", "t2"), (1, *result.observed.shape[1:])
    c2 = group.create_variable("c2", axes, data=result.observed, chunks=chunks, compression="gzip", shuffle=True)
    c2.attrs["units"] = "1"


def _attributes(result: Posterior) -> dict[str, Any]:
    """Return the attributes that every group carries, as ArviZ writes them, with versions and the seed."""
    return {
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(),
        "creation_library": "heterodyne-cmc",
        "creation_library_version": result.versions["heterodyne-cmc"],
        "inference_library": "numpyro",
        "inference_library_version": result.versions["numpyro"],
        "sampling_time": float(result.timings.get("sample", math.nan)),
        "schema_version": SCHEMA_VERSION,
        "seed": result.seed,
        "consensus": result.method,
        "command": result.command,
        **{f"version {name}": version for name, version in result.versions.items()},
        **{f"model {key}": value for key, value in result.model.items()},
    }


def _group(
    file: h5netcdf.File,
    name: str,
    arrays: Mapping[str, npt.NDArray[Any]],
    result: Posterior,
    units: Mapping[str, str],
) -> None:
    """Write arrays whose axes are (shard,) chain, draw (, phi)."""
    group = file.create_group(name)
    group.attrs.update(_attributes(result))
    dimensions = ("chain", "draw") if name in ("posterior", "log_likelihood") else ("shard", "chain", "draw")
    sizes = next(iter(arrays.values())).shape
    for dimension, size in zip(dimensions, sizes, strict=False):
        group.dimensions[dimension] = size
        group.create_variable(dimension, (dimension,), data=np.arange(size))
    if any(array.ndim > len(dimensions) for array in arrays.values()):
        group.dimensions["phi"] = len(result.data.phi)
        group.create_variable("phi", ("phi",), data=result.data.phi).attrs["units"] = "degree"
    for key, array in arrays.items():
        axes = (*dimensions, "phi")[: array.ndim]
        # NetCDF has no Boolean type; ArviZ stores a byte with an attribute.
        stored = array.astype("i1") if array.dtype == bool else array
        variable = group.create_variable(key, axes, data=stored, chunks=stored.shape, compression="gzip", shuffle=True)
        if array.dtype == bool:
            variable.attrs["dtype"] = "bool"
        if key in units:
            variable.attrs["units"] = units[key]


def _document(result: Posterior) -> dict[str, Any]:
    """Return everything except the arrays of draws, as JSON values."""
    names = [f.name for f in dataclasses.fields(Posterior) if f.name not in (*_ARRAYS, "data")]
    document = {name: getattr(result, name) for name in names}
    document["summary"] = [vars(row) for row in result.summary]
    document["diagnostics"] = {
        **vars(result.diagnostics),
        "shards": [vars(shard) for shard in result.diagnostics.shards],
    }
    document |= {"data": vars(result.data), "calibration": vars(result.calibration)}
    return {"kind": "cmc_result", "schema_version": SCHEMA_VERSION, **document}


def read_posterior(path: Path) -> Posterior:
    """Return the result in the file at `path`.

    Raises
    ------
    ResultError : if the file is missing, damaged, or not a result of this kind.
    """
    try:
        if not path.is_file():
            raise DataError("no such file")
        with refuse_damage("file"):
            return _checked(_opened(path))
    except DataError as error:
        problem = Problem(
            "", str(error), "a cmc_result.nc of heterodyne-cmc", "give the file or folder of a finished run"
        )
        raise ResultError(str(path), [problem]) from None


def _opened(path: Path) -> Posterior:
    # Uses h5py, because the library for the dimensions of NetCDF aborts the process if they are damaged.
    with opened_hdf5(path) as file:
        check_self_contained(file)
        document = parse_json(np.asarray(file["document"][()], object).item().decode(), "document")
        if not isinstance(document, dict) or document.pop("kind", None) != "cmc_result":
            raise DataError("document: found another kind of file")
        if (version := document.pop("schema_version", None)) != SCHEMA_VERSION:
            raise DataError(f"document: found version {version!r}, expected {SCHEMA_VERSION}")
        posterior, sub, stats, bands = (
            _read(file[name]) for name in ("posterior", "sub_posterior", "sample_stats", "bands")
        )
        document["bands"] = PosteriorBands(np.asarray(file["bands/age"][()]), bands)
        document["log_likelihood"] = _read(file["log_likelihood"])["c2"] if "log_likelihood" in file else None
        document["observed"] = np.asarray(file["observed_data/c2"][()])
    return _from_document(document, posterior, sub, stats)


def _checked(result: Posterior) -> Posterior:
    if wrong := next(problems(result), None):
        raise DataError(wrong)
    return result


def _read(group: h5py.Group) -> dict[str, npt.NDArray[Any]]:
    arrays = {}
    for key in group:
        if key not in AXES:
            values = np.asarray(group[key][()])
            arrays[key] = values.astype(bool) if group[key].attrs.get("dtype") == "bool" else values
    return arrays


def _from_document(
    document: Mapping[str, Any],
    posterior: dict[str, npt.NDArray[Any]],
    sub: dict[str, npt.NDArray[Any]],
    stats: dict[str, npt.NDArray[Any]],
) -> Posterior:
    given, diagnostics = dict(document), document["diagnostics"]
    shards = [from_json_values(ShardDiagnostics, row) for row in diagnostics["shards"]]
    data = given["data"]
    given |= {
        "summary": tuple(from_json_values(SummaryRow, row) for row in given["summary"]),
        "diagnostics": from_json_values(Diagnostics, {**diagnostics, "shards": shards}),
        "data": FittedData(**{**data, "phi": np.array(data["phi"], float), "notes": tuple(data["notes"])}),
        "calibration": Calibration(**given["calibration"]),
        "warnings": tuple(given["warnings"]),
    }
    arrays: dict[str, Any] = {name: posterior.pop(name) for name in BESIDE}
    return Posterior(**arrays, draws=posterior, sub_draws=sub, sample_stats=stats, **given)
