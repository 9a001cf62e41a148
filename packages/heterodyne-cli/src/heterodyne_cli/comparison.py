"""Comparison of point estimates and posteriors: common quantities and their differences, as text and data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np

from heterodyne_cli.differences import differences
from heterodyne_cli.nested_fits import METHOD, NestedFits, nested_fits
from heterodyne_cli.results import Saved
from heterodyne_data import FittedData, NLSQResult
from heterodyne_nlsq import NO_SIGNAL, VERDICT_TITLES, courses_of_fit, unstated_functions, unstated_parameters
from heterodyne_report import TimeCourse, align_columns, format_number, format_p_value, format_plus_minus, wrap_text
from heterodyne_spec import load_model

FAR = 3.0
"""Significant difference, in combined standard deviations."""

_WIDTH = 120
"""Line length of sentences in characters."""

_STAND = (0.0, 0.5, 1.0)
"""Ages at which functions are compared, as fractions of the common age range."""


@dataclass(frozen=True)
class Value:
    """A parameter of a result; `sd` is NaN if there is none, and `note` gives the reason.

    The value is NaN if the result does not state it.
    """

    value: float
    sd: float
    note: str = ""

    def __str__(self) -> str:
        if math.isnan(self.value):
            return self.note
        text = format_plus_minus(self.value, self.sd)
        return f"{text}, {self.note}" if self.note else text


@dataclass(frozen=True)
class Described:
    """The properties common to a point estimate and a posterior; `label` is a letter.

    `values` are parameters by name, and contrast and offset by name and angle. `verdict` and `sentence` are those of a
    point estimate, `left_out` gives the reasons for functions of age that are not stated; `fit` is the estimate itself.
    """

    label: str
    path: Path
    kind: str
    success: bool
    message: str
    values: Mapping[str, Value]
    courses: tuple[TimeCourse, ...]
    data: FittedData
    model: Mapping[str, str]
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    verdict: str = ""
    sentence: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    fit: NLSQResult | None = None

    @property
    def standing(self) -> str:
        """The verdict in words, with convergence if the verdict does not imply it."""
        ended = "converged" if self.success else "NOT converged"
        title = VERDICT_TITLES.get(self.verdict, "")
        return ended if not title else title if self.success else f"{title}, {ended}"


@dataclass(frozen=True)
class Row:
    """A quantity in all results, and the deviations from the first result in combined standard deviations."""

    name: str
    unit: str
    values: tuple[Value | None, ...]

    @property
    def apart(self) -> tuple[float, ...]:
        """(x_k - x_0) / √(sd_0² + sd_k²) for every other result, NaN without a standard deviation."""
        first, *others = self.values
        return tuple(_apart(first, other) for other in others)


def _apart(one: Value | None, other: Value | None) -> float:
    if one is None or other is None:
        return math.nan
    sd = math.hypot(one.sd, other.sd)
    return (other.value - one.value) / sd if sd > 0 else math.nan


def describe(saved: Sequence[Saved]) -> list[Described]:
    """Return the results of all paths in order, labelled by letters."""
    found = [part for one in saved for part in _parts(one)]
    return [Described(label=_label(k), **part) for k, part in enumerate(found)]


def _label(k: int) -> str:
    return ascii_uppercase[k] if k < len(ascii_uppercase) else f"R{k + 1}"


def _parts(saved: Saved) -> Iterator[dict[str, Any]]:
    shared = ("success", "message", "data", "model", "config", "versions")
    if (fit := saved.fit) is not None:
        own = {
            "path": saved.path,
            "kind": "point estimate",
            "values": _of_fit(fit),
            "courses": tuple(courses_of_fit(fit)),
            "verdict": fit.verdict,
            "sentence": fit.sentence,
            "left_out": unstated_functions(fit),
            "fit": fit,
        }
        yield own | {name: getattr(fit, name) for name in shared}
    if (posterior := saved.posterior) is not None:
        from heterodyne_cmc import courses_of_posterior

        values = {_of_angle(row.name, row.phi): Value(row.mean, row.sd, _loose(row)) for row in posterior.summary}
        values |= {name: Value(value, math.nan, "held") for name, value in posterior.fixed.items()}
        own = {"path": saved.path, "kind": "posterior", "values": values, "courses": courses_of_posterior(posterior)}
        yield own | {name: getattr(posterior, name) for name in shared}


def _of_fit(fit: NLSQResult) -> dict[str, Value]:
    values, hidden = {}, unstated_parameters(fit)
    for row in fit.table:
        chosen = "chosen" if row.standing == "chosen" else "not determined"
        note = "held" if row.status == "fixed" else "" if row.determined else chosen
        known = Value(row.value, math.nan if note else row.sd, note)
        values[row.name] = Value(math.nan, math.nan, hidden[row.name]) if row.name in hidden else known
    scaling = fit.scaling
    for k, phi in enumerate(fit.data.phi):
        for name, found, sd in (
            ("contrast", scaling.contrast[k], scaling.contrast_sd[k]),
            ("offset", scaling.offset[k], scaling.offset_sd[k]),
        ):
            values[_of_angle(name, phi)] = Value(found, sd, "" if sd > 0 else "held")
    return values


def _loose(row: Any) -> str:
    from heterodyne_cmc import CONTRACTION_LEAST

    return "as the prior" if row.contraction < CONTRACTION_LEAST else ""


def _of_angle(name: str, phi: float | None) -> str:
    return name if phi is None else f"{name} at {phi:g}°"


def parameter_rows(results: Sequence[Described]) -> list[Row]:
    """Return the parameters of the model, then contrast and offset at every angle."""
    spec = load_model()
    units = {p.name: p.unit for p in spec.parameters}
    names = dict.fromkeys([*spec.names, *(name for one in results for name in one.values)])
    return [Row(name, units.get(name, "1"), tuple(one.values.get(name) for one in results)) for name in names]


def function_rows(results: Sequence[Described]) -> list[Row]:
    """Return the functions at the first, middle and last common age; empty if the results have no common age."""
    first = max(float(one.data.t[0]) for one in results)
    last = min(float(one.data.t[-1]) for one in results)
    ages = [first + part * (last - first) for part in _STAND] if last > first else []
    return [
        Row(f"{course.name} at {age:.4g} s", course.unit, tuple(_at(one, one.courses[k], age) for one in results))
        for k, course in enumerate(results[0].courses)
        for age in ages
    ]


def _at(one: Described, course: TimeCourse, age: float) -> Value:
    if course.name in one.left_out:
        return Value(math.nan, math.nan, one.left_out[course.name])
    value, sd = course.at(age)
    known = bool(course.known[int(np.argmin(np.abs(course.t - age)))])
    return Value(value, sd if known and sd > 0 else math.nan, "" if known else "not determined")


def sentence(results: Sequence[Described]) -> tuple[str, bool]:
    """Return a sentence on the agreement with the first result, and whether all agree."""
    rows = [*function_rows(results), *parameter_rows(results)]
    words, all_agree = [], True
    for k, other in enumerate(results[1:]):
        found = [(abs(row.apart[k]), row.name) for row in rows if math.isfinite(row.apart[k])]
        far = sorted((pair for pair in found if pair[0] > FAR), reverse=True)
        all_agree &= not far
        words.append(_agreement(results[0].label, other.label, found, far))
    wrong = [f"{one.label} did not converge" for one in results if not one.success]
    wrong += [f"{one.label} shows no signal" for one in results if one.verdict == NO_SIGNAL]
    wrong += [
        f"{test.full} describes the data better than {test.restricted} by more than the noise "
        f"({format_p_value(test.p_value)}): the parameters fixed in {test.restricted} should be free"
        for test in nested_tests(results)
        if test.preferred == test.full
    ]
    if wrong and all_agree:
        wrong[0] = f"but {wrong[0]}"
    return "; ".join([*words, *wrong]) + ".", all_agree and not wrong


def _agreement(one: str, other: str, found: list[tuple[float, str]], far: list[tuple[float, str]]) -> str:
    if not found:
        return f"{one} and {other} cannot be compared: no quantity is determined in both"
    if not far:
        size, name = max(found)
        if size == 0:
            return f"{one} and {other} agree: all quantities determined in both are identical"
        return (
            f"{one} and {other} agree: quantities determined in both differ by at most {size:.2g} "
            f"combined standard deviations ({name})"
        )
    named = ", ".join(f"{name} by {size:.2g}" for size, name in far[:3])
    more = f" and {len(far) - 3} more" if len(far) > 3 else ""
    return f"{one} and {other} differ: {named}{more} combined standard deviations"


def caution(results: Sequence[Described]) -> str:
    """Return the caveat for results of the same file, "" for different files."""
    files = {one.data.provenance.get("sha256") for one in results}
    if len(files) > 1 or None in files:
        return ""
    return "same file, so the errors are correlated: even 1 σ is meaningful"


def nested_tests(results: Sequence[Described]) -> list[NestedFits]:
    """Return the tests between nested point estimates of the same data."""
    return nested_fits({one.label: one.fit for one in results if one.fit is not None})


def listed_rows(results: Sequence[Described]) -> list[list[str]]:
    """Return label, path, kind, verdict, cost and reduced chi-square of every result, with a header row."""
    rows = [["", "result", "kind", "verdict", "cost", "reduced chi-square"]]
    for one in results:
        sizes = ["", ""] if one.fit is None else [format_number(one.fit.cost, 6), _reduced(one.fit)]
        rows.append([one.label, str(one.path), one.kind, one.standing, *sizes])
    return rows


def _reduced(fit: NLSQResult) -> str:
    return f"{fit.reduced_chi2:.3g}" if math.isfinite(fit.reduced_chi2) else ""


def sentences(results: Sequence[Described]) -> list[str]:
    """Return the summary sentence of every result."""
    return [f"{one.label}: {one.sentence}" for one in results if one.sentence]


def table_rows(what: str, rows: Sequence[Row], results: Sequence[Described]) -> list[list[str]]:
    """Return rows as text with a header: the value of every result, followed by its deviation from the first."""
    first, *others = results
    header = [what, "unit", first.label]
    for other in others:
        header += [other.label, f"({other.label} - {first.label}) / sd"]
    table = [header]
    for row in rows:
        cells = [row.name, "" if row.unit == "1" else row.unit, _cell(row.values[0])]
        for value, apart in zip(row.values[1:], row.apart, strict=True):
            cells += [_cell(value), f"{apart:+.2f}" if math.isfinite(apart) else ""]
        table.append(cells)
    return table


def _cell(value: Value | None) -> str:
    return "" if value is None else str(value)


def as_text(results: Sequence[Described]) -> str:
    """Return the comparison for the terminal."""
    numbers = range(2, 2 * len(results) + 1)
    parts = [align_columns(listed_rows(results), (4, 5)), *([""] if sentences(results) else [])]
    parts += [wrap_text(words, _WIDTH) for words in sentences(results)]
    parts += ["", wrap_text(sentence(results)[0], _WIDTH)]
    parts += [f"{caution(results)}."] if caution(results) else []
    if found := nested_tests(results):
        parts += ["", *(wrap_text(f"{test.words}.", _WIDTH) for test in found), wrap_text(METHOD, _WIDTH)]
    parts += ["", align_columns(table_rows("parameter", parameter_rows(results), results), numbers)]
    if functions := function_rows(results):
        parts += ["", align_columns(table_rows("function", functions, results), numbers)]
    else:
        parts += ["", "no common ages: the functions cannot be compared"]
    differing = [[key, *values] for key, values in differences(results)]
    header = ["differences", *(one.label for one in results)]
    same = "data, configuration and versions are identical"
    parts += ["", align_columns([header, *differing]) if differing else same]
    return "\n".join(parts)


def as_document(results: Sequence[Described]) -> dict[str, Any]:
    """Return the comparison for programs; unknown values are null."""
    words, agree = sentence(results)

    def rows(found: Sequence[Row]) -> list[dict[str, Any]]:
        return [
            {
                "name": row.name,
                "unit": row.unit,
                "values": [None if value is None else vars(value) for value in row.values],
                "apart": list(row.apart),
            }
            for row in found
        ]

    return {
        "results": [_result_document(one) for one in results],
        "agree": agree,
        "message": words,
        "nested": [vars(test) for test in nested_tests(results)],
        "parameters": rows(parameter_rows(results)),
        "functions": rows(function_rows(results)),
        "differences": {key: list(values) for key, values in differences(results)},
    }


def _result_document(one: Described) -> dict[str, Any]:
    shared = {name: getattr(one, name) for name in ("label", "path", "kind", "success", "verdict", "sentence")}
    sizes = {name: None if one.fit is None else getattr(one.fit, name) for name in ("cost", "reduced_chi2")}
    return shared | sizes
