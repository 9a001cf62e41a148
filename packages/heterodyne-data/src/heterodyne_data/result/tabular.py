"""A point estimate as an xarray Dataset and a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heterodyne_data.optional import optional_package
from heterodyne_data.result.estimate import PointEstimate
from heterodyne_data.result.parts import FittedData, FloatArray
from heterodyne_spec import ModelSpec, load_model

MAP_AXES = ("phi", "t1", "t2")
"""Dimensions of maps in a Dataset."""

_COLUMNS = ("value", "sd", "unit", "lower", "upper", "status", "tie", "determined", "at_bound", "standing")
_OF_PARAMETERS = ("value", "sd", "lower", "upper", "unit", "status")


def fit_frame(result: PointEstimate) -> Any:
    """Return the table of parameters as a pandas DataFrame, see `NLSQResult.to_dataframe`."""
    rows = [{name: getattr(row, name) for name in _COLUMNS} for row in result.table]
    index = [row.name for row in result.table]
    pandas = optional_package("pandas", "to_dataframe()")
    return pandas.DataFrame(rows, pandas.Index(index, name="parameter"), columns=list(_COLUMNS))


def fit_dataset(result: PointEstimate) -> Any:
    """Return a fit as an xarray Dataset, see `NLSQResult.to_xarray`."""
    xarray = optional_package("xarray", "to_xarray()")
    scaling, rows = result.scaling, result.table
    coordinates: dict[str, Any] = {
        "parameter": [row.name for row in rows],
        "free": list(result.varying),
        "free_too": list(result.varying),
        "phi": ("phi", result.data.phi, {"units": "degree"}),
    }
    variables: dict[str, Any] = {
        **{name: ("parameter", [getattr(row, name) for row in rows]) for name in _OF_PARAMETERS},
        **{name: (("free", "free_too"), getattr(result, name)) for name in ("covariance", "covariance_iid")},
        **{name: ("phi", getattr(scaling, name)) for name in ("contrast", "contrast_sd", "offset", "offset_sd")},
        "noise_sd": ("phi", result.noise_sd),
    }
    for age, functions in _functions(result):
        coordinates |= age
        variables |= functions
    if result.maps is not None:
        coordinates |= frame_ages(result.data)
        variables |= {name: (MAP_AXES, maps) for name, maps in zip(("c2", "c2_model"), result.maps, strict=True)}
    attributes = {
        "verdict": result.verdict,
        "sentence": result.sentence,
        "success": int(result.success),
        "message": result.message,
        "reduced_chi2": result.reduced_chi2,
        **common_attributes(result.data, result.model, result.versions, result.warnings),
    }
    return xarray.Dataset(variables, coordinates, attributes)


def frame_ages(data: FittedData) -> dict[str, Any]:
    """Return the ages of both frames of a pair, as coordinates of maps."""
    return {name: (name, data.t, {"units": "s"}) for name in ("t1", "t2")}


def common_attributes(
    data: FittedData, model: Mapping[str, str], versions: Mapping[str, str], warnings: tuple[str, ...]
) -> dict[str, Any]:
    """Return attributes of every Dataset of a result: text and numbers, which NetCDF can store."""
    return {
        "q": data.q,
        "q_unit": "1/angstrom",
        "dt": data.dt,
        "dt_unit": "s",
        "file": str(data.provenance.get("file", "")),
        "model": model.get("id", ""),
        "model_version": model.get("version", ""),
        **{f"version {name}": version for name, version in versions.items()},
        "warnings": "\n".join(warnings),
    }


def _functions(result: PointEstimate) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield ages and functions: of the fit, without standard deviations in older results, and of the age slices."""
    spec = load_model(result.model["id"])
    if (bands := result.bands) is not None:
        yield _by_age(spec, "age", "", bands.t, bands.values, bands.sd)
    else:
        t = result.data.t
        values = {f.name: spec.evaluate(f.name, result.parameters, t) for f in spec.functions}
        yield _by_age(spec, "age", "", t, values, {})
    if (found := result.age_resolved) is not None:
        yield _by_age(spec, "slice_age", "_slice", found.t, found.values, found.sd)


def _by_age(
    spec: ModelSpec,
    axis: str,
    suffix: str,
    t: FloatArray,
    values: Mapping[str, FloatArray],
    sd: Mapping[str, FloatArray],
) -> tuple[dict[str, Any], dict[str, Any]]:
    shown: dict[str, Any] = {}
    for function in (f for f in spec.functions if f.name in values):
        about = {"units": function.unit, "long_name": function.meaning}
        shown[f"{function.name}{suffix}"] = (axis, values[function.name], about)
        if function.name in sd:
            shown[f"{function.name}{suffix}_sd"] = (axis, sd[function.name], {"units": function.unit})
    return {axis: (axis, t, {"units": "s"})}, shown
