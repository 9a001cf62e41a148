"""The report of a joint fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from heterodyne_data import JointResult, NLSQResult
from heterodyne_nlsq.courses import courses_of_fit
from heterodyne_nlsq.joint.tables import (
    ages_of,
    common_rows,
    compared_rows,
    findings,
    model_of,
    notes_of,
    own_rows,
    quoted_rows,
)
from heterodyne_nlsq.stated import unstated_functions, without_error
from heterodyne_nlsq.verdict import NO_SIGNAL, USABLE, VERDICT_TITLES
from heterodyne_report import TimeCourse, draw_course, narrow_limits, set_vertical_range
from heterodyne_report.page import (
    Markup,
    Picture,
    Report,
    Section,
    bullet_list,
    citation_section,
    function_alt,
    join_markup,
    pictures,
    render,
    svg_picture,
    table,
)
from heterodyne_spec import write_text

_ALONE, _JOINT = 1, 0
"""Numbers of the colours of the estimates by themselves and of the joint one."""


def write_page(result: JointResult, path: Path) -> Path:
    """Write the report of a joint fit to `path` atomically."""
    report = Report(
        "Joint fit",
        result.sentence,
        result.verdict == USABLE,
        list(_sections(result)),
        VERDICT_TITLES[result.verdict],
        model_of(result),
    )
    title = f"Joint fit of {len(result.members)} measurements"
    return write_text(path, render(title, [report], [citation_section(report.model)]))


def _sections(result: JointResult) -> Iterator[Section]:
    if result.verdict != NO_SIGNAL:
        if (rows := quoted_rows(result))[1:]:
            yield Section("In short", _table(rows, "At the reference age, one standard deviation", (3, 4)))
        if found := findings(result):
            yield Section("Do the measurements agree?", bullet_list([f"{w[:1].upper()}{w[1:]}." for w in found]))
        yield Section("Each by itself", _compared(result))
        yield Section("Functions of age", _functions(result))
        yield Section("Parameters", _parameters(result))
    if result.warnings:
        yield Section("Read with care", bullet_list(list(result.warnings)))
    yield Section("Measurements", _measurements(result))


def _table(rows: list[list[str]], caption: str, words: Sequence[int] = ()) -> Markup:
    return table(rows[0], rows[1:], caption=caption, words=words)


def _compared(result: JointResult) -> Markup:
    rows = compared_rows(result)
    shown = _table(rows, "Estimates of every measurement by itself", (len(rows[0]) - 1,))
    joint = result.members[0].joint
    known = [one.name for one in result.headline if one.unit != "1" and not without_error(joint, one)]
    drawn = [_by_member(result, name) for name in known]
    caption = "Points: every measurement by itself; line and band: the joint estimate; one standard deviation."
    return join_markup([pictures(drawn, caption=caption, width=22), shown]) if drawn else shown


def _by_member(result: JointResult, name: str) -> Picture:
    """Return a quantity of every measurement by itself: against age if it differs, or q, or the number."""
    unit = next(one.unit for one in result.headline if one.name == name)
    q = np.array([member.joint.data.q for member in result.members])
    ages = ages_of(result)
    by_age = len(set(ages)) > 1
    against_q = not by_age and bool(np.ptp(q) > 1e-3 * q.mean())
    place = q.tolist() if against_q else ages if by_age else list(range(1, len(q) + 1))
    joint = [next(one for one in member.joint.headline if one.name == name) for member in result.members]
    first = joint[0]
    found = [{one.name: one for one in member.alone.headline}.get(name) for member in result.members]
    at = [(x, one.value, one.sd) for x, one in zip(place, found, strict=True) if one]

    def draw() -> Figure:
        figure = Figure(figsize=(4.0, 2.8), layout="constrained")
        axes = figure.subplots()
        if at:
            x, value, sd = np.array(at, float).T
            axes.errorbar(x, value, sd, fmt="o", capsize=3, label="by itself")
        if by_age:
            x, value, sd = np.array(sorted((a, one.value, one.sd) for a, one in zip(ages, joint, strict=True))).T
            axes.plot(x, value, color="C1", label="joint")
            axes.fill_between(x, value - sd, value + sd, color="C1", alpha=0.3, linewidth=0)
        else:
            axes.axhline(first.value, color="C1", label="joint")
            axes.axhspan(first.value - first.sd, first.value + first.sd, color="C1", alpha=0.3, linewidth=0)
        if against_q and len(at) > 1:
            axes.set_xscale("log")
        middle = [value for _, value, sd in at if np.isfinite(sd)] + [one.value for one in joint]
        reach = max(5 * first.sd, *(abs(value - first.value) for value in middle)) * 1.3
        reach = min(reach, max(3 * abs(first.value), 6 * first.sd))
        axes.set_ylim(first.value - reach, first.value + reach)
        axes.set_xlabel("q / (1/Å)" if against_q else "age / s" if by_age else "measurement")
        axes.set_ylabel(f"{name} / ({unit})")
        axes.legend(fontsize=8)
        return figure

    listed = "; ".join(
        f"{member.label}: {one.value:.4g}" for member, one in zip(result.members, found, strict=True) if one
    )
    listed_joint = ", ".join(dict.fromkeys(f"{one.value:.4g}" for one in joint))
    return svg_picture(draw, f"{name} of every measurement by itself: {listed}; joint {listed_joint}.")


def _functions(result: JointResult) -> Markup:
    drawn = []
    first = courses_of_fit(result.members[0].joint)
    common = {one.name.split()[-1] for one in result.headline}
    for course in first:
        if course.name in common:
            drawn.append(_common_function(result, course.name))
        else:
            drawn.append(_own_function(result, course.name))
    caption = "Common functions: the joint estimate with 68 and 95 % bands, every measurement by itself as a line."
    return pictures([one for one in drawn if one], caption=caption, width=24)


def _common_function(result: JointResult, name: str) -> Picture:
    """Return a common function: the joint estimate, and those of the measurements by themselves."""
    joint = TimeCourse.joined([_course(member.joint, name) for member in result.members])
    alone = [
        (member.label, _course(member.alone, name))
        for member in result.members
        if name not in unstated_functions(member.alone)
    ]

    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        for k, (label, course) in enumerate(alone):
            axes.plot(course.t, course.quantiles[2], lw=0.8, color=f"C{k + 1}", label=label)
        draw_course(axes, joint, "joint", _JOINT)
        set_vertical_range(axes, narrow_limits([joint]))
        axes.legend(fontsize=7)
        return figure

    return svg_picture(draw, function_alt(joint))


def _own_function(result: JointResult, name: str) -> Picture:
    """Return a function that every measurement has of its own."""
    found = [(member.label, _course(member.joint, name)) for member in result.members]

    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        for k, (label, course) in enumerate(found):
            draw_course(axes, course, label, k, bands=False)
        axes.legend(fontsize=7)
        return figure

    return svg_picture(draw, " ".join(f"{label}: {function_alt(course)}" for label, course in found))


def _course(result: NLSQResult, name: str) -> TimeCourse:
    return next(course for course in courses_of_fit(result) if course.name == name)


def _parameters(result: JointResult) -> Markup:
    parts = [_table(common_rows(result), "Common parameters, one standard deviation", (3, 4))]
    if (own := own_rows(result))[1:]:
        parts.append(_table(own, "Parameters of every measurement", range(1, len(own[0]))))
    return join_markup(parts)


def _measurements(result: JointResult) -> Markup:
    rows = [["measurement", "file", "q / (1/Å)", "azimuths", "frames", "ages / s", "reduced χ²"]]
    for member in result.members:
        data = member.joint.data
        file = str(data.provenance.get("file", "in memory"))
        ages = f"{data.t[0]:.4g} to {data.t[-1]:.4g}"
        reduced = f"{member.joint.reduced_chi2:.3g}"
        rows.append([member.label, file, f"{data.q:.5g}", f"{len(data.phi)}", f"{data.n_frames}", ages, reduced])
    shown = _table(rows, "What was fitted together", (1, 5))
    notes = notes_of([(member.label, member.joint.data.notes) for member in result.members])
    versions = ", ".join(f"{name} {version}" for name, version in result.members[0].joint.versions.items())
    return join_markup([shown, bullet_list([*notes, f"Versions: {versions}."])])
