"""One row of the summary: the result of a fit as plain values with fixed column names."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from heterodyne_cli.series.job import Job
from heterodyne_data import NLSQResult, is_finite
from heterodyne_nlsq import (
    CAUTION,
    NO_FLOW,
    NO_SIGNAL,
    NOTHING_SEEN,
    ONE_COMPONENT,
    USABLE,
    answer_to,
    questions_of,
    structured_angles,
    unstated_functions,
    unstated_parameters,
)
from heterodyne_spec import DEFAULT_MODEL, ModelSpec, load_model

type Row = Mapping[str, Any]
"""Keys are those of `columns`; unknown numbers are None, so that a row can be stored as JSON."""

OK, STRUCTURED, NOT_CONVERGED, FAILED = "ok", "structure in residuals", "not converged", "failed"

PLACES = ("mean", "start", "middle", "end")
"""Functions of age are given as their mean over the measurement, and at the first, middle and last age."""

SHOWS = tuple(f"shows_{question}" for question in questions_of(DEFAULT_MODEL))
"""Columns stating whether the maps show a feature: ``yes``, ``no``, or empty if not tested."""
CHANCES = tuple(f"p_{question}" for question in questions_of(DEFAULT_MODEL))
"""Columns of the p-values."""
PER_ANGLE = ("phi", "contrast", "contrast_sd", "offset", "offset_sd")
"""Columns with one number per azimuth, separated by spaces."""

_HEAD = (
    *("time", "file", "q", "verdict", "sentence", "fit", "message", "seconds", "n_phi", "n_frames", "dt"),
    *("reduced_chi2", *SHOWS, *CHANCES, *PER_ANGLE),
)
_TAIL = ("result", "version", "data", "settings")
_SHOWN = ("time", "file", "fit", "message")
_TEXTS = {*_SHOWN, *_TAIL, "verdict", "sentence", *SHOWS, *PER_ANGLE}

_MEANS = {
    "v": "mean velocity",
    "J_r": "mean J of the reference",
    "J_s": "mean J of the sample",
    "x": "mean fraction",
}
"""Functions of age, and the names of the derived quantities that are their means."""


def columns(spec: ModelSpec) -> tuple[str, ...]:
    """Return the column names in order."""
    functions = [f"{name}_{place}" for name in _MEANS for place in PLACES]
    numbers = [*functions, *(p.name for p in spec.parameters)]
    return (*_HEAD, *(part for name in numbers for part in (name, f"{name}_sd")), *_TAIL)


def checked_row(row: Any) -> Row:
    """Validate a row read from a file, and return it.

    Raises
    ------
    ValueError : stating what is wrong.
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
    if row.get("verdict", "") not in ("", USABLE, CAUTION, NO_SIGNAL):
        raise ValueError(f"row with verdict {row['verdict']!r}")
    if (result := row.get("result", "")) and not is_folder(result):
        raise ValueError(f"row with result {result!r}, which is not a folder name")
    if unknown := row.keys() - set(columns(load_model())):
        raise ValueError(f"row with unknown column {min(unknown)!r}")
    return row


def is_folder(name: str) -> bool:
    """Return whether a name is that of a folder next to the record, and not a path elsewhere."""
    return PurePath(name).name == name and name != ".." and "\0" not in name


def quality(result: NLSQResult) -> str:
    """Return the outcome of a fit in one or two words."""
    if not result.success:
        return NOT_CONVERGED
    return STRUCTURED if structured_angles(result) else OK


def is_good(row: Row) -> bool:
    """Return whether the numbers of a row can be quoted, by the verdict or, in older rows, the outcome of the fit."""
    return row["verdict"] == USABLE if row.get("verdict") else row["fit"] == OK


def judgement(row: Row) -> str:
    """Return the verdict of a row, or the outcome of the fit if there is none."""
    return str(row.get("verdict") or row["fit"])


def why_not(row: Row, name: str) -> str:
    """Return why a row has no value of a function of age (v, J_r, J_s, x)."""
    if row.get("verdict") == NO_SIGNAL:
        return NOTHING_SEEN
    if name == "v" and row.get("shows_flow") == "no":
        return NO_FLOW
    return ONE_COMPONENT if name != "v" and row.get("shows_two_components") == "no" else "unknown"


def row_of(result: NLSQResult, job: Job, seconds: float) -> Row:
    """Return the row of a fit that took `seconds`; quantities for which the maps show no evidence are None."""
    fit = {"fit": quality(result), "message": result.message, "seconds": round(seconds, 3)}
    return {**_origin(job), **fit, **values_of(result), "version": result.versions.get("heterodyne-nlsq", "")}


def values_of(result: NLSQResult) -> Row:
    """Return the columns that follow from a result alone."""
    data, hidden = result.data, unstated_parameters(result)
    table = [row for row in result.table if row.name not in hidden]
    return {
        "verdict": result.verdict,
        "sentence": result.sentence,
        "n_phi": len(data.phi),
        "n_frames": data.n_frames,
        "dt": data.dt,
        "reduced_chi2": _known(result.reduced_chi2),
        **_evidence(result),
        **_scaling(result),
        **_functions(result),
        **{row.name: row.value for row in table},
        **{f"{row.name}_sd": _known(row.sd) for row in table},
    }


def failed_row(job: Job, message: str) -> Row:
    """Return the row of a failed fit."""
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


def _evidence(result: NLSQResult) -> Row:
    found: dict[str, str | float] = {}
    for question, answer in result.signal.items():
        found |= {f"shows_{question}": answer_to(result, question), f"p_{question}": answer.p_value}
    return found


def _scaling(result: NLSQResult) -> Row:
    """Return contrast and offset of all azimuths with standard deviations, each as one string."""
    columns = (result.data.phi, *(getattr(result.scaling, name) for name in PER_ANGLE[1:]))
    # Nine digits are sufficient for float32.
    texts = (" ".join(f"{value:.9g}" for value in column) for column in columns)
    return dict(zip(PER_ANGLE, texts, strict=True))


def _functions(result: NLSQResult) -> Row:
    """Return v, J_r, J_s and x with standard deviations: means, and values at three ages."""
    means = {quantity.name: quantity for quantity in result.derived}
    hidden = unstated_functions(result)
    values: dict[str, float | None] = {}
    for name, derived in _MEANS.items():
        if name in hidden:
            continue
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
