"""The tables of a joint fit, for the terminal and the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from heterodyne_data import Derived, JointMember, JointParameter, JointResult
from heterodyne_nlsq.models import of_result
from heterodyne_nlsq.stated import stated
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
        cells = [format_plus_minus(one[name].value, one[name].sd) if name in one else "" for one in quoted]
        yield [name if unit == "1" else f"{name} / {unit}", *cells]


def _angles(result: JointResult) -> list[float]:
    """Return the azimuths in degrees if all measurements have the same, else none."""
    first = result.members[0].joint.data.phi
    alike = all(np.array_equal(member.joint.data.phi, first) for member in result.members)
    return first.tolist() if alike else []


def compared_rows(result: JointResult) -> list[list[str]]:
    """Return what is quoted of every measurement by itself beside the joint estimate, a header first."""
    rows = [["by itself", *(f"{q.name} / {q.unit}" if q.unit != "1" else q.name for q in result.headline), "verdict"]]
    for member in result.members:
        rows.append([member.label, *_quoted(member, result), VERDICT_TITLES[member.alone.verdict].lower()])
    joint = [format_plus_minus(one.value, one.sd) for one in result.headline]
    return [*rows, ["joint", *joint, VERDICT_TITLES[result.verdict].lower()]]


def _quoted(member: JointMember, result: JointResult) -> Iterator[str]:
    known = {one.name: one for one in stated(member.alone, member.alone.headline)}
    for quantity in result.headline:
        found = known.get(quantity.name)
        yield "" if found is None else format_plus_minus(found.value, found.sd)


def quoted_rows(result: JointResult) -> list[list[str]]:
    """Return what is quoted of the common functions, a header first."""
    rows = [["in short", "value", "uncertainty", "unit", ""]]
    return rows + [_quantity(one) for one in result.headline]


def _quantity(one: Derived) -> list[str]:
    value, sd = format_value_and_sd(one.value, one.sd)
    return [one.name, value, f"± {sd}" if sd else "", "" if one.unit == "1" else one.unit, one.meaning]


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
