"""summary.nc: all results of a series as one NetCDF 4 file, for xarray and other NetCDF readers.

Dimensions: ``measurement`` (a file at a q), ``parameter``, ``age`` (index; ``t`` has the ages in s of every
measurement), ``angle`` (index; ``phi`` has the azimuths of every measurement). Unknown values are NaN, and so are
quantities for which the maps show no evidence (see ``sentence`` for the reason).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import numpy.typing as npt

from heterodyne_cli.series.job import key_of
from heterodyne_cli.series.record import Record
from heterodyne_cli.series.row import CHANCES, FAILED, PER_ANGLE, SHOWS, Row, columns
from heterodyne_cli.series.trend_page import trend_page
from heterodyne_data import NLSQResult, in_memory
from heterodyne_nlsq import unstated_functions
from heterodyne_spec import ModelSpec, write_atomically, write_text

CSV_NAME, PAGE_NAME, NETCDF_NAME = "summary.csv", "index.html", "summary.nc"
_TEXTS = ("file", "time", "verdict", "sentence", "fit", "message", *SHOWS, "result", "version", "data", "settings")
_NUMBERS: Mapping[str, str] = {
    "q": "1/Å",
    "dt": "s",
    "n_phi": "1",
    "n_frames": "1",
    "seconds": "s",
    "reduced_chi2": "1",
    **dict.fromkeys(CHANCES, "1"),
}

type FloatArray = npt.NDArray[np.float64]


def summary_csv(rows: list[Row], spec: ModelSpec) -> str:
    """Return rows as CSV with a header; unknown values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(spec), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return text.getvalue()


def publish(record: Record, spec: ModelSpec, title: str, refresh: int | None = None) -> list[Path]:
    """Write the record and the summaries, each file atomically; browsers reload the page after `refresh` s.

    Raises
    ------
    OutputError : if a file cannot be written.
    """
    record.save()
    rows, folder = record.rows(), record.folder
    return [
        write_text(folder / CSV_NAME, summary_csv(rows, spec)),
        write_text(folder / PAGE_NAME, trend_page(rows, title, record.folder, refresh)),
    ]


def write_netcdf(record: Record, spec: ModelSpec, results: Mapping[str, NLSQResult]) -> Path:
    """Write summary.nc of a series and return its path; `results` (by key) are already in memory.

    Raises
    ------
    OutputError : if a file cannot be written.
    ResultError : if a result of an earlier run is damaged.
    """
    found = [_result(row, record.folder, results) for row in record.rows()]
    return write_summary(record.folder / NETCDF_NAME, record.rows(), found, spec)


def _result(row: Row, folder: Path, known: Mapping[str, NLSQResult]) -> NLSQResult | None:
    if row["fit"] == FAILED:
        return None
    key = key_of(row["data"], row["q"], row["settings"])
    return known[key] if key in known else NLSQResult.load(folder / row["result"], maps=False)


def write_summary(path: Path, rows: Sequence[Row], results: Sequence[NLSQResult | None], spec: ModelSpec) -> Path:
    """Write rows of the summary and their results (None if missing) to `path` atomically.

    Raises
    ------
    OutputError : if it cannot be written.
    """
    return write_atomically(path, lambda temporary: _write(temporary, rows, results, spec))


def _write(path: Path, rows: Sequence[Row], results: Sequence[NLSQResult | None], spec: ModelSpec) -> None:
    with in_memory(path) as stored, h5netcdf.File(stored, "w") as file:
        file.attrs["title"] = "Fits of heterodyne XPCS measurements"
        file.attrs["model"] = f"{spec.id} {spec.version}"
        file.dimensions = {
            "measurement": len(rows),
            "parameter": len(spec.parameters),
            "age": _most_ages(results),
            "angle": max((len(r.data.phi) for r in results if r is not None), default=1),
        }
        for name in _TEXTS:
            _add(file, name, ("measurement",), np.array([row.get(name, "") for row in rows], object), None)
        for name, unit in _NUMBERS.items():
            _add(file, name, ("measurement",), _numbers([row.get(name) for row in rows]), unit)
        _add_parameters(file, rows, spec)
        _add_scaling(file, results)
        _add_functions(file, results, spec)


def _add_parameters(file: h5netcdf.File, rows: Sequence[Row], spec: ModelSpec) -> None:
    names = [p.name for p in spec.parameters]
    _add(file, "parameter", ("parameter",), np.array(names, object), None)
    _add(file, "parameter_unit", ("parameter",), np.array([p.unit for p in spec.parameters], object), None)
    for variable, suffix in (("value", ""), ("sd", "_sd")):
        table = [_numbers([row.get(f"{name}{suffix}") for name in names]) for row in rows]
        _add(file, variable, ("measurement", "parameter"), np.array(table).reshape(len(rows), len(names)), None)


def _add_scaling(file: h5netcdf.File, results: Sequence[NLSQResult | None]) -> None:
    """Write azimuths, contrast and offset with standard deviations, each (measurement, angle)."""
    size = file.dimensions["angle"].size
    axes = ("measurement", "angle")
    _add(file, "phi", axes, _padded([None if r is None else r.data.phi for r in results], size), "degree")
    for name in PER_ANGLE[1:]:
        columns = [None if r is None else getattr(r.scaling, name) for r in results]
        _add(file, name, axes, _padded(columns, size), "1")


def _add_functions(file: h5netcdf.File, results: Sequence[NLSQResult | None], spec: ModelSpec) -> None:
    """Write ages, J_r, J_s, v and x with standard deviations, each (measurement, age)."""
    hidden = [{} if result is None else unstated_functions(result) for result in results]
    bands = [None if result is None else result.bands for result in results]
    size = file.dimensions["age"].size
    axes = ("measurement", "age")
    _add(file, "t", axes, _padded([None if b is None else b.t for b in bands], size), "s")
    for function in spec.functions:
        for name, part in ((function.name, "values"), (f"{function.name}_sd", "sd")):
            columns = [
                None if b is None or function.name in why else getattr(b, part)[function.name]
                for b, why in zip(bands, hidden, strict=True)
            ]
            _add(file, name, axes, _padded(columns, size), function.unit)


def _most_ages(results: Sequence[NLSQResult | None]) -> int:
    return max((len(r.bands.t) for r in results if r is not None and r.bands is not None), default=1)


def _padded(columns: Sequence[FloatArray | None], size: int) -> FloatArray:
    table = np.full((len(columns), size), np.nan)
    for row, values in zip(table, columns, strict=True):
        if values is not None:
            row[: len(values)] = values
    return table


def _numbers(values: Sequence[Any]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], float)


def _add(file: h5netcdf.File, name: str, axes: tuple[str, ...], values: npt.NDArray[Any], unit: str | None) -> None:
    dtype = h5py.string_dtype() if values.dtype == object else values.dtype
    variable = file.create_variable(name, axes, dtype=dtype, data=values)
    if unit is not None:
        variable.attrs["units"] = unit
