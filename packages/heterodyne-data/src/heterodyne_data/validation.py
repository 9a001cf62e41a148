"""Validation of a file of arrays: a measurement, or the maps of a result.

heterodyne-spec finds `check_arrays` by the entry point ``heterodyne.array_check``.
"""

from __future__ import annotations

from pathlib import Path

from heterodyne_data.describing import check_data, describe_data
from heterodyne_data.result.nlsq import NLSQResult, is_result_file
from heterodyne_spec import Config, DataError, Problem, ProblemsError, Verdict, description_facts


def check_arrays(path: Path, kind: str | None, config: Config | None) -> Verdict:
    """Return the verdict on a file of arrays.

    Parameters
    ----------
    path : a measurement, or the arrays of a result.
    kind : ``data`` for a measurement; determined from the file if None.
    config : how a measurement is read, in its section ``data``; defaults if None.
    """
    return _arrays(path) if kind is None and is_result_file(path) else _measurement(path, config)


def _measurement(path: Path, config: Config | None) -> Verdict:
    try:
        description, checked = describe_data(path, config), check_data(path, config)
    except DataError as error:
        return Verdict("measurement", problems=_unreadable(str(error).removeprefix(f"{path}: ")))
    if checked.refused:
        return Verdict("measurement", problems=_unreadable(*checked.refused))
    return Verdict("measurement", (*description_facts(description), *checked.notes))


def _unreadable(*texts: str) -> tuple[Problem, ...]:
    return tuple(Problem("", text, "a file of two-time maps", "", "ReadableMaps") for text in texts)


def _arrays(path: Path) -> Verdict:
    """Return the verdict on the arrays of a result, checked with the summary in the same folder."""
    try:
        result = NLSQResult.load(path.with_suffix(".json"))
    except ProblemsError as error:
        return Verdict("result", problems=error.problems)
    maps = (
        "no maps"
        if result.maps is None
        else "maps of {} x {} frames at {} angles".format(*result.maps[0].shape[1:], len(result.maps[0]))
    )
    return Verdict("result", (f"arrays of {path.with_suffix('.json').name}: {maps}",))
