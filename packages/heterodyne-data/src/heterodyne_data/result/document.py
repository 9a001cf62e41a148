"""Conversion of a point estimate to and from the JSON document of its file (schema ``result``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heterodyne_data.json_values import from_json_values, to_json_values
from heterodyne_data.result.estimate import PointEstimate
from heterodyne_data.result.parts import (
    AgeResolved,
    Alternative,
    Bands,
    Derived,
    Direction,
    FittedData,
    FittedParameter,
    FittedScaling,
    FloatArray,
    Identifiability,
    MapNoise,
    NestedTest,
    Signal,
    Weighting,
)

KIND = "nlsq_result"

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


def to_document(result: PointEstimate) -> dict[str, Any]:
    """Return the document of a result; NaN is null."""
    scaling, data = result.scaling, result.data
    return {
        "schema_version": 1,
        "kind": KIND,
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
            "provenance": to_json_values(data.provenance),
        },
        "parameters": [to_json_values(vars(row)) for row in result.table],
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
        "signal": {question: dict(vars(answer)) for question, answer in result.signal.items()},
        "verdict": result.verdict,
        "sentence": result.sentence,
        "headline": [vars(quantity) for quantity in result.headline],
        "nested": [to_json_values(vars(test)) for test in result.nested],
        "weighting": _weighting_document(result.weighting),
        "timings": dict(result.timings),
        "versions": dict(result.versions),
        "config": to_json_values(result.config),
        "command": result.command,
    }


def fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the `PointEstimate` that a checked document holds: all but its maps."""
    size = len(document["varying"])
    scaling, data, open_ = document["scaling"], document["data"], document["identifiability"]
    reduced = document["reduced_chi2"]
    return dict(
        table=tuple(from_json_values(FittedParameter, row) for row in document["parameters"]),
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
        # Results of older versions do not have them.
        age_resolved=_age_resolved(document.get("age_resolved")),
        alternatives=tuple(Alternative(**alternative) for alternative in document.get("alternatives", ())),
        conventions=tuple(document.get("conventions", ())),
        bands=_bands(document.get("bands")),
        derived=tuple(Derived(**quantity) for quantity in document.get("derived", ())),
        noise=_noise(document.get("noise")),
        signal={name: Signal(**answer) for name, answer in document.get("signal", {}).items()},
        verdict=document.get("verdict", ""),
        sentence=document.get("sentence", ""),
        headline=tuple(Derived(**quantity) for quantity in document.get("headline", ())),
        nested=tuple(from_json_values(NestedTest, test) for test in document.get("nested", ())),
        weighting=_weighting(document.get("weighting")),
        **{key: document[key] for key in _UNCHANGED},
    )


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
    limit = {} if found.limit is None else {"limit": [_number_or_null(v) for v in found.limit]}
    return {**arrays, **limit, "statement": found.statement}


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
    limit = _nan_for_null(document["limit"]) if "limit" in document else None
    return MapNoise(pixels, own_share, excess, document["statement"], limit)


def _weighting_document(found: Weighting | None) -> dict[str, Any] | None:
    if found is None:
        return None
    scaling = {"contrast": list(found.contrast), "offset": list(found.offset)}
    sd = {k: _number_or_null(v) for k, v in found.sd.items()}
    return {**vars(found), "values": dict(found.values), "sd": sd, **scaling}


def _weighting(document: Mapping[str, Any] | None) -> Weighting | None:
    if document is None:
        return None
    sd = {name: math.nan if v is None else float(v) for name, v in document.get("sd", {}).items()}
    scaling = {name: tuple(float(v) for v in document.get(name, ())) for name in ("contrast", "offset")}
    return Weighting(**{**document, "sd": sd, **scaling})


def _number_or_null(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: npt.ArrayLike) -> list[float]:
    return [float(v) for v in np.asarray(values).ravel()]


def _nan_for_null(values: Sequence[float | None]) -> FloatArray:
    return np.array([math.nan if v is None else v for v in values])
