"""One line of the summary: what a fit found, as plain values under fixed names."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from heterodyne_cli.series.job import Job
from heterodyne_nlsq.noise import STRUCTURE
from heterodyne_spec import NLSQResult
from heterodyne_spec.data.checks import is_finite
from heterodyne_spec.model import ModelSpec, load_model

type Row = Mapping[str, Any]
"""Names are those of `columns`; a number that is not known is None, so that JSON holds a row."""

OK, STRUCTURED, NOT_CONVERGED, FAILED = "ok", "structure in residuals", "not converged", "failed"

PLACES = ("mean", "start", "middle", "end")
"""Where functions of age are given: their mean over the measurement, and at the first, middle and last age."""

_HEAD = ("time", "file", "q", "fit", "message", "seconds", "n_phi", "n_frames", "dt", "reduced_chi2")
_TAIL = ("result", "version", "data", "settings")
_SHOWN = ("time", "file", "fit", "message")
_TEXTS = {*_SHOWN, *_TAIL}

_MEANS = {
    "v": "mean velocity",
    "J_r": "mean J of the reference",
    "J_s": "mean J of the sample",
    "x": "mean fraction",
}
"""Functions of age, and the derived quantities that are their means."""


def columns(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of a row's values in order."""
    functions = [f"{name}_{place}" for name in _MEANS for place in PLACES]
    numbers = [*functions, *(p.name for p in spec.parameters)]
    return (*_HEAD, *(part for name in numbers for part in (name, f"{name}_sd")), *_TAIL)


def checked_row(row: Any) -> Row:
    """Return a row as it came out of a file, if it has what everything that shows rows relies on.

    Raises
    ------
    ValueError : naming what is wrong.
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"row {row!r}")
    failed = row.get("fit") == FAILED
    needed = _SHOWN if failed else (*_SHOWN, "q", "seconds", "n_phi", "n_frames", *_TAIL)
    if missing := [name for name in needed if name not in row]:
        raise ValueError(f"row without {missing[0]}")
    for name, value in row.items():
        right = isinstance(value, str) if name in _TEXTS else value is None or is_finite(value)
        if not right or (value is None and name in needed):
            raise ValueError(f"row with {name} {value!r}")
    if row["fit"] not in (OK, STRUCTURED, NOT_CONVERGED, FAILED):
        raise ValueError(f"row with fit {row['fit']!r}")
    if (result := row.get("result", "")) and not is_folder(result):
        raise ValueError(f"row with result {result!r}, which is no folder here")
    if unknown := row.keys() - set(columns(load_model())):
        raise ValueError(f"row with {min(unknown)!r}, which this version does not know")
    return row


def is_folder(name: str) -> bool:
    """Tell whether a name is that of a folder beside the record, and not a way to another place."""
    return PurePath(name).name == name and name != ".." and "\0" not in name


def quality(result: NLSQResult) -> str:
    """Return in a word or two whether a fit can be used."""
    if not result.success:
        return NOT_CONVERGED
    return STRUCTURED if result.noise is not None and (result.noise.excess > STRUCTURE).any() else OK


def row_of(result: NLSQResult, job: Job, seconds: float) -> Row:
    """Return the line of a fit that took `seconds`."""
    data = result.data
    return {
        **_origin(job),
        "fit": quality(result),
        "message": result.message,
        "seconds": round(seconds, 3),
        "n_phi": len(data.phi),
        "n_frames": data.n_frames,
        "dt": data.dt,
        "reduced_chi2": _known(result.reduced_chi2),
        **_functions(result),
        **{row.name: row.value for row in result.table},
        **{f"{row.name}_sd": _known(row.sd) for row in result.table},
        "version": result.versions.get("heterodyne-nlsq", ""),
    }


def failed_row(job: Job, message: str) -> Row:
    """Return the line of a fit that could not be done."""
    return {**_origin(job), "fit": FAILED, "message": message}


def _origin(job: Job) -> Row:
    when = datetime.datetime.fromtimestamp(job.signature.mtime_ns / 1e9).astimezone()
    return {
        "time": when.isoformat(timespec="seconds"),
        "file": str(job.path),
        "q": job.bin.q,
        "result": job.name,
        "data": job.data,
        "settings": job.settings,
    }


def _functions(result: NLSQResult) -> Row:
    """Return v, J_r, J_s and x with standard deviations: their means, and their values at three ages."""
    means = {quantity.name: quantity for quantity in result.derived}
    values: dict[str, float | None] = {}
    for name, derived in _MEANS.items():
        if derived in means:
            values[f"{name}_mean"] = _known(means[derived].value)
            values[f"{name}_mean_sd"] = _known(means[derived].sd)
        if result.bands is not None:
            t = result.bands.t
            for place, age in zip(PLACES[1:], (t[0], (t[0] + t[-1]) / 2, t[-1]), strict=True):
                values[f"{name}_{place}"] = _known(np.interp(age, t, result.bands.values[name]))
                values[f"{name}_{place}_sd"] = _known(np.interp(age, t, result.bands.sd[name]))
    return values


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
