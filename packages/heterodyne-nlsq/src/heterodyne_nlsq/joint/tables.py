"""The tables of a joint fit, for the terminal and the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from heterodyne_data import Derived, JointParameter, JointResult, NLSQResult
from heterodyne_data.setup import reference_age
from heterodyne_nlsq.models import of_result
from heterodyne_nlsq.stated import NOT_DETERMINED, stated, without_error
from heterodyne_nlsq.summary import quantity_rows
from heterodyne_nlsq.verdict import VERDICT_TITLES
from heterodyne_report import format_number, format_plus_minus, format_value_and_sd


def common_rows(result: JointResult) -> list[list[str]]:
    """Return the common parameters, a header first."""
    rows = [["common", "value", "uncertainty", "unit", "standing"]]
    return rows + [_row(row) for row in result.parameters if not row.member]


def own_rows(result: JointResult) -> list[list[str]]:
    """Return the parameters that every measurement has of its own: one column each, a header first."""
    names = list(dict.fromkeys(row.name for row in result.parameters if row.member))
    known = {(row.name, row.member): row for row in result.parameters}
    rows = [["own", *(member.label for member in result.members)]]
    rows += _own_functions(result)
    for name in names:
        rows.append([name, *(_number(known[name, member.label]) for member in result.members)])
    for k, phi in enumerate(_angles(result)):
        scaling = [member.joint.scaling for member in result.members]
        rows.append([f"contrast at {phi:g}°", *(format_plus_minus(s.contrast[k], s.contrast_sd[k]) for s in scaling)])
    return rows


def _own_functions(result: JointResult) -> Iterator[list[str]]:
    """Yield what is quoted of the functions that are not common: one row for each, in the columns of `own_rows`."""
    common = {one.name for one in result.headline}
    quoted = [{one.name: one for one in stated(m.joint, m.joint.headline)} for m in result.members]
    for name in dict.fromkeys(name for one in quoted for name in one if name not in common):
        unit = next(one[name].unit for one in quoted if name in one)
        cells = [_cell(member.joint, one.get(name)) for member, one in zip(result.members, quoted, strict=True)]
        yield [name if unit == "1" else f"{name} / {unit}", *cells]


def _angles(result: JointResult) -> list[float]:
    """Return the azimuths in degrees if all measurements have the same, else none."""
    first = result.members[0].joint.data.phi
    alike = all(np.array_equal(member.joint.data.phi, first) for member in result.members)
    return first.tolist() if alike else []


def compared_rows(result: JointResult) -> list[list[str]]:
    """Return what is quoted of every measurement by itself beside the joint estimate, a header first.

    Of measurements of different ages, each is beside the joint estimate at its own reference age.
    """
    names = [f"{one.name} / {one.unit}" if one.unit != "1" else one.name for one in result.headline]
    joint, ages = VERDICT_TITLES[result.verdict].lower(), ages_of(result)
    rows = [["by itself", *names, "verdict"]]
    for member, age in zip(result.members, ages, strict=True):
        at = f" at {age:.3g} s" if len(set(ages)) > 1 else ""
        verdict = VERDICT_TITLES[member.alone.verdict].lower()
        rows.append([f"{member.label}{at}", *_quoted(member.alone, result), verdict])
        if at:
            rows.append([f"joint{at}", *_quoted(member.joint, result), joint])
    return rows if len(set(ages)) > 1 else [*rows, ["joint", *_quoted(result.members[0].joint, result), joint]]


def ages_of(result: JointResult) -> list[float]:
    """Return the reference age of every measurement in s, to six digits."""
    return [float(f"{reference_age(member.joint.data.t):.6g}") for member in result.members]


def _quoted(of: NLSQResult, result: JointResult) -> Iterator[str]:
    known = {one.name: one for one in stated(of, of.headline)}
    for quantity in result.headline:
        yield _cell(of, known.get(quantity.name))


def _cell(of: NLSQResult, quantity: Derived | None) -> str:
    """Return a quantity of a result with its standard deviation, "" if it is not stated."""
    if quantity is None:
        return ""
    value, why = format_plus_minus(quantity.value, quantity.sd), without_error(of, quantity)
    return why if why == NOT_DETERMINED else f"{value}, {why}" if why else value


def quoted_rows(result: JointResult) -> list[list[str]]:
    """Return what is quoted of the common functions, a header first."""
    return quantity_rows(result.members[0].joint, result.headline, "in short")


def _row(row: JointParameter) -> list[str]:
    value, sd = format_value_and_sd(row.value, row.sd)
    unit = "" if row.unit == "1" else row.unit
    return [row.name, value, f"± {sd}" if sd else "", unit, _standing(row)]


def _standing(row: JointParameter) -> str:
    return "held" if row.status == "fixed" else "determined" if row.determined else "chosen"


def _number(row: JointParameter) -> str:
    known = row.determined and math.isfinite(row.sd)
    return format_plus_minus(row.value, row.sd) if known else f"{format_number(row.value, 4)}, {_standing(row)}"


def findings(result: JointResult) -> list[str]:
    """Return what the measurements say together: agreement, exponents, scatter."""
    found = [] if result.agreement is None else [result.agreement.words]
    found += [one.words for one in result.exponents]
    return found if result.scatter is None else [*found, result.scatter.words]


def notes_of(measurements: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Return the notes on the data of measurements (label, notes), each once, with the labels unless all have it.

    Those on q that were not asked for are left out: they are other measurements.
    """
    labels: dict[str, list[str]] = {}
    for label, notes in measurements:
        for note in notes:
            labels.setdefault(note, []).append(label)
    told = {note: of for note, of in labels.items() if not (note.startswith("q = ") and " 1/Å left out (" in note)}
    return [note if len(of) == len(measurements) else f"{'; '.join(of)}: {note}" for note, of in told.items()]


def model_of(result: JointResult) -> str:
    """Return the identifier of the model."""
    return of_result(result.members[0].joint).model
