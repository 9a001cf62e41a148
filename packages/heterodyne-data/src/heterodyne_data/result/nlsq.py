"""The result of a least-squares fit, and its files.

``nlsq_result.json`` is the summary (schema ``result`` of heterodyne-spec); ``nlsq_result.h5`` holds the arrays: data,
model and residual maps, covariances. Declared here, so that the posterior stage and other programs can read a point
estimate without installing the fit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_data.damage import reading
from heterodyne_data.presentation import explore, html_of
from heterodyne_data.result.document import KIND, fields, to_document
from heterodyne_data.result.estimate import PointEstimate
from heterodyne_data.result.parts import FittedData
from heterodyne_data.result.plotting import FitPlots
from heterodyne_data.result.tabular import fit_dataset, fit_frame
from heterodyne_data.storage import check_self_contained, opened_hdf5, writing_hdf5
from heterodyne_spec import (
    ConfigError,
    DataError,
    OnlyFiniteNumbers,
    Problem,
    ResultError,
    lint_result,
    read_document,
    text_writer,
    write_together,
)

JSON_NAME = "nlsq_result.json"
"""File name of the result of a fit."""
HDF5_NAME = "nlsq_result.h5"
_COMPRESSION = "lzf"


@dataclass(frozen=True, repr=False)
class NLSQResult(PointEstimate):
    """A least-squares fit of the maps of one q: values, uncertainties, and what limits their use.

    `save` and `load` write and read its files, `plot` draws the figures of its report, `to_xarray` and `to_dataframe`
    convert it. In a notebook it is shown with verdict, headline numbers, warnings and table. Read ``verdict`` and
    ``warnings`` first, then the values.

    Attributes
    ----------
    verdict : ``usable``, ``caution`` or ``no-signal``; empty in results of versions without it, as are the next three.
    sentence : the verdict in words, with the numbers that can be quoted.
    headline : these numbers: J_r, J_s, v and x at a reference age within the measurement, and their local exponents.
    signal : whether the maps show ``contrast``, ``dynamics``, ``two_components``, ``flow`` and ``ageing``.
    nested : tests of single restrictions.
    warnings : what limits the use of the values.
    parameters, sd : value and standard deviation of every parameter by name, in the units of `table`.
    table : all parameters of the model in canonical order, with units, bounds and status.
    varying : names of the free parameters, which are the rows of both covariances.
    covariance, covariance_iid : (n_free, n_free), with calibrated noise and with independent pairs; contrast and offset
        are projected out. In an undetermined direction they contain the variance of the prior; the parameters concerned
        have ``determined`` false and no standard deviation.
    bands : the fitted functions and their standard deviations at (n_age,) ages in s.
    age_resolved : age slices, fitted independently.
    scaling : contrast and offset per azimuth, (n_phi,).
    data : q in 1/Å, phi (n_phi,) in degrees, frames, ages ``data.t`` (n_frames,) in s, provenance.
    maps : c2 and its model, (n_phi, N, N) each; None if not kept.
    noise_sd : standard deviation of one entry of c2 per azimuth, (n_phi,).
    identifiability : which parameters the data determine, and along which combinations they do not.
    alternatives : other minima with nearly the same cost.
    conventions : which of several equivalent sets of parameters is reported.
    derived : quantities that follow from the fitted functions.
    start : where the descent began.

    Examples
    --------
    >>> from heterodyne_data import NLSQResult
    >>> result = NLSQResult.load("results")  # doctest: +SKIP
    >>> result.verdict, len(result.warnings)  # doctest: +SKIP
    ('usable', 1)
    >>> result.parameters["v0"], result.sd["v0"]  # in the unit of the table  # doctest: +SKIP
    (468.3, 1.8)
    >>> result.plot.functions().savefig("functions.pdf")  # doctest: +SKIP
    >>> result.to_xarray()["v"].sel(age=20, method="nearest")  # doctest: +SKIP
    """

    @property
    def plot(self) -> FitPlots:
        """Figures of its report: ``plot.maps()``, ``plot.functions()``, ``plot.curves()``."""
        return FitPlots(self)

    def to_xarray(self) -> Any:
        """Return the result as an `xarray.Dataset`.

        Its variables are, with units as attributes:

        * on ``age`` in s: the functions with standard deviations, ``v`` and ``v_sd``; on ``slice_age``, those of the
          age slices, ``v_slice``
        * on ``parameter``: value, sd, lower, upper, unit, status
        * on ``free`` × ``free_too``: covariance, covariance_iid
        * on ``phi`` in degrees: contrast and offset with sd, noise_sd; on ``phi`` × ``t1`` × ``t2``, if the maps were
          kept, c2 and c2_model

        The attributes hold verdict, sentence, q, model, versions and warnings. Values without evidence are included:
        read ``verdict`` first.

        Raises
        ------
        MissingPackageError : if xarray is not installed.
        """
        return fit_dataset(self)

    def to_dataframe(self) -> Any:
        """Return the table of all parameters as a `pandas.DataFrame`, one row per parameter, indexed by name.

        Raises
        ------
        MissingPackageError : if pandas is not installed.
        """
        return fit_frame(self)

    def explore(self) -> Any:
        """Return the panes of the viewer for this result, to be shown in a notebook cell.

        Raises
        ------
        MissingPackageError : if the viewer is not installed.
        """
        return explore(self)

    def _repr_html_(self) -> str:
        return html_of(self)

    def save(self, path: str | Path) -> Path:
        """Write both files and return the path of the JSON file.

        Parameters
        ----------
        path : a folder, or the path of the JSON file (the HDF5 file goes beside it, same stem).

        Raises
        ------
        OutputError : when a file cannot be written; what stood there before is then kept.
        ResultError : when a number is not finite where the file must have one.
        """
        json_path = _json_path(Path(path))
        document = to_document(self)
        if problems := list(OnlyFiniteNumbers().check(document)):
            raise ResultError(str(json_path), problems)
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        # Arrays first, so that a summary never refers to missing arrays.
        write_together({json_path.with_suffix(".h5"): self._write_arrays, json_path: text_writer(text)})
        return json_path

    @classmethod
    def load(cls, path: str | Path, *, maps: bool = True) -> NLSQResult:
        """Read a result from a folder or the path of its JSON file.

        Parameters
        ----------
        path : a folder, or the path of the JSON file.
        maps : whether to read the maps, if the HDF5 file exists.

        Raises
        ------
        ResultError : when a file is missing or damaged; with every problem of the document.
        """
        json_path = _json_path(Path(path))
        result = cls(**fields(read_result_document(json_path)))
        stored = _read_maps(json_path.with_suffix(".h5"), result.data, result.cost) if maps else None
        return replace(result, maps=stored)

    def _write_arrays(self, path: Path) -> None:
        with writing_hdf5(path) as file:
            file.attrs["kind"] = KIND
            file.attrs["command"] = self.command
            # Identifies the arrays that belong to the summary.
            file.attrs["cost"] = self.cost
            for name, version in self.versions.items():
                file.attrs[f"version {name}"] = version
            for name in ("covariance", "covariance_iid"):
                file[name] = getattr(self, name)
                file[name].attrs["rows"] = list(self.varying)
            for name, values, unit in (("t", self.data.t, "s"), ("phi", self.data.phi, "degree")):
                file[name] = values
                file[name].attrs["unit"] = unit
            if self.maps is not None:
                c2, model = self.maps
                for name, values in (("c2", c2), ("model", model), ("residual", c2 - model)):
                    file.create_dataset(
                        f"maps/{name}", data=np.asarray(values, np.float32), chunks=True, compression=_COMPRESSION
                    )


def read_result_document(path: Path) -> Any:
    """Return the checked document of a result's JSON file, as plain data.

    Raises
    ------
    ResultError : when the file is missing or no JSON; with every problem of the document.
    """
    try:
        problems = lint_result(document := read_document(path))
    except ConfigError as error:
        raise ResultError(error.source, error.problems) from None
    if problems:
        raise ResultError(str(path), problems)
    return document


def is_result_file(path: Path) -> bool:
    """Return whether an HDF5 file contains the arrays of a result, not a measurement."""
    try:
        with reading("kind"), opened_hdf5(path) as file:
            return str(file.attrs.get("kind")) == KIND
    except DataError:
        return False


def _json_path(path: Path) -> Path:
    return path if path.suffix == ".json" else path / JSON_NAME


def _read_maps(path: Path, data: FittedData, cost: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Return the maps of the result of these data and this cost; None where there are none."""
    return _read_arrays(path, data, cost, slice(None)) if path.is_file() else None


def read_fitted_maps(path: str | Path, result: PointEstimate, angle: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return data and model, (n_t, n_t) each, of one azimuth (its position) of a saved result.

    Parameters
    ----------
    path : the folder or JSON file that `result` was loaded from.
    result : the result, for example without its maps.

    Raises
    ------
    ResultError : when the HDF5 file is missing, damaged, of another run, or holds no maps.
    """
    stored = _json_path(Path(path)).with_suffix(".h5")
    if not stored.is_file():
        raise _unfit(stored, "no such file", "copy it beside the JSON file, or fit again", "ArraysReadable")
    maps = _read_arrays(stored, result.data, result.cost, slice(angle, angle + 1))
    if maps is None:
        raise _unfit(stored, "no maps", "fit again", "ArraysReadable")
    return maps[0][0], maps[1][0]


def _read_arrays(
    path: Path, data: FittedData, cost: float, angles: slice
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    shape = (len(data.phi), data.n_frames, data.n_frames)
    try:
        with reading("maps"), opened_hdf5(path) as file:
            check_self_contained(file)
            known = float(file.attrs.get("cost", cost))
            maps = (
                (_map(file, "maps/c2", shape, angles), _map(file, "maps/model", shape, angles))
                if "maps" in file
                else None
            )
    except DataError as error:
        remedy = "copy it again, or remove it to load the summary alone"
        raise _unfit(path, str(error), remedy, "ArraysReadable") from None
    # A run that was killed between its two files, or two runs in one folder.
    if known != cost:
        remedy = f"run the fit again, or remove {path.name} to load the summary alone"
        raise _unfit(path, "arrays of another run than the summary in the same folder", remedy, "ArraysOfResult")
    return maps


def _map(file: Any, key: str, shape: tuple[int, ...], angles: slice) -> npt.NDArray[Any]:
    """Read maps that must be those of the summary."""
    found = file[key]
    if found.dtype.kind != "f" or found.shape != shape:
        raise DataError(f"{key}: found {found.dtype} of shape {found.shape}, expected floats of shape {shape}")
    values = np.asarray(found[angles])
    # Damage makes NaN of which arithmetic would warn.
    values[np.isnan(values)] = np.nan
    if np.isinf(values).any():
        raise DataError(f"{key}: contains infinite values, expected finite ones, or NaN where nothing was measured")
    return values


def _unfit(path: Path, found: str, remedy: str, rule: str) -> ResultError:
    return ResultError(str(path), [Problem("", found, "the arrays of the result", remedy, rule)])
