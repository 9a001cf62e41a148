"""The result of a least-squares fit, and its files.

``nlsq_result.json`` is the summary (schema ``result`` of this distribution); ``nlsq_result.h5`` holds the
arrays: data, model and residual maps, covariances. Declared here, so that the posterior stage and other
programs read a point estimate without installing the fit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_spec.data.damage import reading
from heterodyne_spec.data.hdf5_source import import_h5py
from heterodyne_spec.errors import ConfigError, DataError, Problem, ResultError
from heterodyne_spec.files import write_atomically, write_text
from heterodyne_spec.lint.result_rules import lint_result
from heterodyne_spec.lint.schema import OnlyFiniteNumbers
from heterodyne_spec.yamlio import read_document

type FloatArray = npt.NDArray[np.float64]

KIND = "nlsq_result"
JSON_NAME = "nlsq_result.json"
HDF5_NAME = "nlsq_result.h5"
_COMPRESSION = "lzf"


@dataclass(frozen=True)
class FittedParameter:
    """One row of the result's table; `sd` is NaN when the parameter was held or the data leave it open."""

    name: str
    unit: str
    value: float
    sd: float
    lower: float
    upper: float
    status: str
    tie: str | None = None
    determined: bool = True
    at_bound: str | None = None


@dataclass(frozen=True)
class Direction:
    """A combination of parameters along which the cost does not change (singular) or hardly does (weak).

    `weights` are in units of each parameter's scaled column, `eigenvalue` that of the scaled JᵀJ.
    """

    kind: str
    weights: Mapping[str, float]
    eigenvalue: float
    statement: str


@dataclass(frozen=True)
class Identifiability:
    """What the data determine and what they leave open."""

    determined: tuple[str, ...]
    not_determined: tuple[str, ...]
    directions: tuple[Direction, ...] = ()


@dataclass(frozen=True)
class FittedScaling:
    """Contrast and offset per angle (n_phi,), with standard deviations (NaN when held).

    `joint_covariance` and `joint_covariance_iid` (n, n) are those of the varying parameters, the contrasts and the
    offsets, in this order; None when contrast and offset were held, and in older files.
    """

    mode: str
    contrast: FloatArray
    offset: FloatArray
    contrast_sd: FloatArray
    offset_sd: FloatArray
    joint_covariance: FloatArray | None = None
    joint_covariance_iid: FloatArray | None = None


@dataclass(frozen=True)
class FittedData:
    """What was fitted: q in 1/Å, phi (n_phi,) in degrees, dt in s, notes of the reader, provenance."""

    q: float
    phi: FloatArray
    n_frames: int
    start_frame: int
    dt: float
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def t(self) -> FloatArray:
        """Ages of the frames in s, (n_frames,)."""
        return np.arange(self.start_frame, self.start_frame + self.n_frames, dtype=np.float64) * self.dt


@dataclass(frozen=True)
class AgeResolved:
    """What every age shows by itself, without the laws of the model.

    `t` (n_age,) in s; `values` and `sd` map the name of a function (J_r, J_s, v, x) to (n_age,) in its unit, NaN where
    an age leaves it open; `statement` says how they were found.
    """

    t: FloatArray
    values: Mapping[str, FloatArray]
    sd: Mapping[str, FloatArray]
    statement: str


@dataclass(frozen=True)
class Alternative:
    """Another minimum that the data hardly tell from the best.

    `delta_chi2` is the chi-square above the best one, with the noise of the pairs taken as independent; `parameters`
    are all of the model; `statement` says in words what differs.
    """

    cost: float
    delta_chi2: float
    parameters: Mapping[str, float]
    statement: str


@dataclass(frozen=True)
class Bands:
    """The fitted functions with their standard deviations, by propagation of the covariance.

    `t` (n_age,) in s; `values` and `sd` map the name of a function to (n_age,) in its unit.
    """

    t: FloatArray
    values: Mapping[str, FloatArray]
    sd: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Derived:
    """A quantity that follows from the fitted functions, with its standard deviation."""

    name: str
    value: float
    sd: float
    unit: str
    meaning: str


@dataclass(frozen=True)
class MapNoise:
    """What the noise of the maps is, per azimuth (n_phi,), and what it does.

    `effective_pixels` is NaN where no noise is shared between pairs; `own_share` is the part of the variance that every
    pair has for itself (photons, detector); `excess` the largest ratio of noise at some time scale to what speckle and
    photons explain. `statement` says how large the correction was and what it rests on.
    """

    effective_pixels: FloatArray
    own_share: FloatArray
    excess: FloatArray
    statement: str


@dataclass(frozen=True)
class NLSQResult:
    """A point estimate with all that is needed to judge it.

    `table` holds all parameters of the model in canonical order; `varying` names the rows of `covariance` and
    `covariance_iid`, contrast and offset projected out. In a direction that the data leave open the covariance
    carries the prior's variance, so that it stays a covariance; the parameters concerned have ``determined``
    false and no standard deviation. `start` says where the descent began, `conventions` which of several equivalent
    descriptions is reported. `maps` is data and model, each (n_phi, N, N), or None when not kept.
    """

    table: tuple[FittedParameter, ...]
    varying: tuple[str, ...]
    covariance: FloatArray
    covariance_iid: FloatArray
    covariance_kind: str
    scaling: FittedScaling
    data: FittedData
    cost: float
    reduced_chi2: float
    noise_sd: FloatArray
    n_pairs: int
    n_evaluations: int
    method: str
    start: str
    success: bool
    message: str
    warnings: tuple[str, ...]
    identifiability: Identifiability
    model: Mapping[str, str]
    timings: Mapping[str, float]
    versions: Mapping[str, str]
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    age_resolved: AgeResolved | None = None
    alternatives: tuple[Alternative, ...] = ()
    conventions: tuple[str, ...] = ()
    bands: Bands | None = None
    derived: tuple[Derived, ...] = ()
    noise: MapNoise | None = None
    maps: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None

    @property
    def parameters(self) -> dict[str, float]:
        """Value of every parameter by name."""
        return {row.name: row.value for row in self.table}

    @property
    def sd(self) -> dict[str, float]:
        """Standard deviation of every parameter by name; NaN when held or not determined."""
        return {row.name: row.sd for row in self.table}

    @property
    def contrast(self) -> FloatArray:
        """Contrast per angle, (n_phi,)."""
        return self.scaling.contrast

    @property
    def offset(self) -> FloatArray:
        """Offset per angle, (n_phi,)."""
        return self.scaling.offset

    def save(self, path: str | Path) -> Path:
        """Write both files and return the path of the JSON file.

        Parameters
        ----------
        path : a folder, or the path of the JSON file (the HDF5 file goes beside it, same stem).

        Raises
        ------
        OutputError : when a file cannot be written; what stood there before is then kept.
        ResultError : when a number is not finite where the file must have one.
        DataError : when h5py is not installed.
        """
        json_path = _json_path(Path(path))
        document = to_document(self)
        if problems := list(OnlyFiniteNumbers().check(document)):
            raise ResultError(str(json_path), problems)
        # The arrays first: a summary never speaks of arrays that are not there.
        write_atomically(json_path.with_suffix(".h5"), self._write_arrays)
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        return write_text(json_path, text)

    @classmethod
    def load(cls, path: str | Path) -> NLSQResult:
        """Read a result from a folder or the path of its JSON file; maps come along when the HDF5 file is there.

        Raises
        ------
        ResultError : when a file is missing or damaged; with every problem of the document.
        DataError : when there is an HDF5 file and h5py is not installed.
        """
        json_path = _json_path(Path(path))
        document = read_result_document(json_path)
        return _from_document(document, _read_maps(json_path.with_suffix(".h5")))

    def _write_arrays(self, path: Path) -> None:
        with import_h5py().File(path, "w") as file:
            file.attrs["kind"] = KIND
            file.attrs["command"] = self.command
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
    """Tell whether an HDF5 file holds the arrays of a result, not a measurement."""
    try:
        with import_h5py().File(path) as file:
            return bool(file.attrs.get("kind") == KIND)
    except (OSError, DataError):
        return False


def _json_path(path: Path) -> Path:
    return path if path.suffix == ".json" else path / JSON_NAME


def _read_maps(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    if not path.is_file():
        return None
    h5py = import_h5py()
    try:
        with reading("maps"), h5py.File(path) as file:
            return (file["maps/c2"][()], file["maps/model"][()]) if "maps" in file else None
    except DataError:
        remedy = "copy it again, or remove it to load the summary alone"
        problem = Problem("maps", "arrays that cannot be read", "the arrays of the result", remedy, "ArraysReadable")
        raise ResultError(str(path), [problem]) from None


def _number_or_null(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: npt.ArrayLike) -> list[float]:
    return [float(v) for v in np.asarray(values).ravel()]


def _nan_for_null(values: Sequence[float | None]) -> FloatArray:
    return np.array([math.nan if v is None else v for v in values])


def _plain(value: Any) -> Any:
    """Return `value` as JSON holds it: NumPy scalars and arrays become numbers and lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def to_document(result: NLSQResult) -> dict[str, Any]:
    scaling, data = result.scaling, result.data
    return {
        "schema_version": 1,
        "kind": "nlsq_result",
        "success": result.success,
        "message": result.message,
        "warnings": list(result.warnings),
        "model": dict(result.model),
        "data": {
            "q": data.q,
            "phi": _numbers(data.phi),
            "n_frames": data.n_frames,
            "start_frame": data.start_frame,
            "dt": data.dt,
            "notes": list(data.notes),
            "provenance": _plain(data.provenance),
        },
        "parameters": [{**vars(row), "sd": _number_or_null(row.sd)} for row in result.table],
        "varying": list(result.varying),
        "scaling": {
            "mode": scaling.mode,
            "contrast": _numbers(scaling.contrast),
            "offset": _numbers(scaling.offset),
            "contrast_sd": [_number_or_null(v) for v in scaling.contrast_sd],
            "offset_sd": [_number_or_null(v) for v in scaling.offset_sd],
            **{key: matrix.tolist() for key in _JOINT if (matrix := getattr(scaling, key)) is not None},
        },
        "cost": result.cost,
        "reduced_chi2": _number_or_null(result.reduced_chi2),
        "noise_sd": _numbers(result.noise_sd),
        "n_pairs": result.n_pairs,
        "n_evaluations": result.n_evaluations,
        "method": result.method,
        "start": result.start,
        "covariance_kind": result.covariance_kind,
        "covariance": [_numbers(row) for row in result.covariance],
        "covariance_iid": [_numbers(row) for row in result.covariance_iid],
        "identifiability": {
            "determined": list(result.identifiability.determined),
            "not_determined": list(result.identifiability.not_determined),
            "directions": [{**vars(d), "weights": dict(d.weights)} for d in result.identifiability.directions],
        },
        "age_resolved": _by_age_document(result.age_resolved),
        "alternatives": [{**vars(a), "parameters": dict(a.parameters)} for a in result.alternatives],
        "conventions": list(result.conventions),
        "bands": _by_age_document(result.bands),
        "derived": [vars(quantity) for quantity in result.derived],
        "noise": _noise_document(result.noise),
        "timings": dict(result.timings),
        "versions": dict(result.versions),
        "config": _plain(result.config),
        "command": result.command,
    }


def _by_age_document(found: AgeResolved | Bands | None) -> dict[str, Any] | None:
    if found is None:
        return None
    columns = {
        key: {name: [_number_or_null(v) for v in values] for name, values in part.items()}
        for key, part in (("values", found.values), ("sd", found.sd))
    }
    statement = {"statement": found.statement} if isinstance(found, AgeResolved) else {}
    return {"t": _numbers(found.t), **columns, **statement}


def _noise_document(found: MapNoise | None) -> dict[str, Any] | None:
    if found is None:
        return None
    arrays = {key: [_number_or_null(v) for v in getattr(found, key)] for key in _NOISE_ARRAYS}
    return {**arrays, "statement": found.statement}


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    columns = {key: {name: _nan_for_null(v) for name, v in document[key].items()} for key in ("values", "sd")}
    return {"t": np.array(document["t"], float), **columns}


def _age_resolved(document: Mapping[str, Any] | None) -> AgeResolved | None:
    return None if document is None else AgeResolved(**_columns(document), statement=document["statement"])


def _bands(document: Mapping[str, Any] | None) -> Bands | None:
    return None if document is None else Bands(**_columns(document))


def _noise(document: Mapping[str, Any] | None) -> MapNoise | None:
    if document is None:
        return None
    pixels, own_share, excess = (_nan_for_null(document[key]) for key in _NOISE_ARRAYS)
    return MapNoise(pixels, own_share, excess, document["statement"])


def _from_document(document: Mapping[str, Any], maps: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None) -> NLSQResult:
    size = len(document["varying"])
    scaling, data, open_ = document["scaling"], document["data"], document["identifiability"]
    reduced = document["reduced_chi2"]
    return NLSQResult(
        table=tuple(
            FittedParameter(**{**row, "sd": math.nan if row["sd"] is None else row["sd"]})
            for row in document["parameters"]
        ),
        varying=tuple(document["varying"]),
        covariance=np.array(document["covariance"], float).reshape(size, size),
        covariance_iid=np.array(document["covariance_iid"], float).reshape(size, size),
        covariance_kind=document["covariance_kind"],
        scaling=FittedScaling(
            scaling["mode"],
            *(_nan_for_null(scaling[key]) for key in _SCALING_ARRAYS),
            *(np.array(scaling[key], float) if key in scaling else None for key in _JOINT),
        ),
        data=FittedData(**{**data, "phi": np.array(data["phi"], float), "notes": tuple(data["notes"])}),
        reduced_chi2=math.nan if reduced is None else reduced,
        noise_sd=np.array(document["noise_sd"], float),
        warnings=tuple(document["warnings"]),
        identifiability=Identifiability(
            tuple(open_["determined"]),
            tuple(open_["not_determined"]),
            tuple(Direction(**direction) for direction in open_["directions"]),
        ),
        # Results of the versions before these were known do not have them.
        age_resolved=_age_resolved(document.get("age_resolved")),
        alternatives=tuple(Alternative(**alternative) for alternative in document.get("alternatives", ())),
        conventions=tuple(document.get("conventions", ())),
        bands=_bands(document.get("bands")),
        derived=tuple(Derived(**quantity) for quantity in document.get("derived", ())),
        noise=_noise(document.get("noise")),
        maps=maps,
        **{key: document[key] for key in _UNCHANGED},
    )


_NOISE_ARRAYS = ("effective_pixels", "own_share", "excess")
_JOINT = ("joint_covariance", "joint_covariance_iid")
_SCALING_ARRAYS = ("contrast", "offset", "contrast_sd", "offset_sd")
_UNCHANGED = (
    "cost",
    "n_pairs",
    "n_evaluations",
    "method",
    "start",
    "success",
    "message",
    "model",
    "timings",
    "versions",
    "config",
    "command",
)
