"""A posterior as an xarray Dataset and a pandas DataFrame."""

from __future__ import annotations

from typing import Any

from heterodyne_cmc.posterior import QUANTILES, Posterior
from heterodyne_data import MAP_AXES, common_attributes, frame_ages, optional_package
from heterodyne_spec import load_model

_DRAWS = ("chain", "draw")


def posterior_frame(result: Posterior) -> Any:
    """Return the table of a posterior as a pandas DataFrame, see `CMCResult.to_dataframe`."""
    pandas = optional_package("pandas", "to_dataframe()")
    return pandas.DataFrame([vars(row) for row in result.summary]).rename(columns={"name": "parameter"})


def posterior_dataset(result: Posterior) -> Any:
    """Return a posterior as an xarray Dataset, see `CMCResult.to_xarray`."""
    xarray = optional_package("xarray", "to_xarray()")
    spec = load_model(result.model["id"])
    units = {p.name: p.unit for p in spec.parameters}
    about = {f.name: {"units": f.unit, "long_name": f.meaning} for f in spec.functions}
    variables: dict[str, Any] = {
        **{name: (_DRAWS, draws, {"units": units[name]}) for name, draws in result.draws.items()},
        **{name: ((*_DRAWS, "phi"), getattr(result, name)) for name in ("contrast", "offset")},
        "noise_sd": (_DRAWS, result.noise_sd),
        **{name: (("quantile", "age"), bands, about[name]) for name, bands in result.bands.quantiles.items()},
        "c2": (MAP_AXES, result.observed),
    }
    coordinates = {
        "chain": range(result.noise_sd.shape[0]),
        "draw": range(result.noise_sd.shape[1]),
        "phi": ("phi", result.data.phi, {"units": "degree"}),
        "quantile": list(QUANTILES),
        "age": ("age", result.bands.t, {"units": "s"}),
        **frame_ages(result.data),
    }
    attributes = {
        "success": int(result.success),
        "message": result.message,
        "calibration": result.calibration.statement,
        **{f"fixed {name}": value for name, value in result.fixed.items()},
        **common_attributes(result.data, result.model, result.versions, result.warnings),
    }
    return xarray.Dataset(variables, coordinates, attributes)
