"""The report of a joint posterior."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from heterodyne_cmc.joint.result import JointPosterior
from heterodyne_cmc.joint.table import own_rows
from heterodyne_cmc.plots import courses_of_posterior
from heterodyne_cmc.table import COLUMNS
from heterodyne_report import TimeCourse, describe_courses, draw_course, table_cells
from heterodyne_report.page import (
    Markup,
    Picture,
    Report,
    Section,
    bullet_list,
    citation_section,
    function_alt,
    functions_table,
    join_markup,
    pictures,
    render,
    svg_picture,
    table,
)
from heterodyne_spec import laws_of, load_model, write_text


def write_joint_page(result: JointPosterior, path: Path) -> Path:
    """Write the report of a joint posterior to `path`, completely or not at all."""
    title = f"Posterior of {len(result.members)} measurements"
    report = Report(title, _sentence(result), result.success, list(_sections(result)), model=_model(result))
    return write_text(path, render(title, [report], [citation_section(report.model)]))


def _model(result: JointPosterior) -> str:
    return result.members[0].posterior.model["id"]


def _sentence(result: JointPosterior) -> str:
    if all(any("sees no signal" in words for words in m.posterior.warnings) for m in result.members):
        return "The maps show no signal: the posterior says hardly more than the priors; no course of age is stated."
    course = describe_courses(_common(result)) if _common(result) else "nothing that is common"
    if not result.success:
        return f"The posterior is not reliable ({result.message}); it gives {course}."
    return f"{course[0].upper()}{course[1:]}; {result.message}."


def _common(result: JointPosterior) -> list[TimeCourse]:
    """Return the functions of age of which all parameters are common."""
    spec = load_model(_model(result))

    def is_common(name: str) -> bool:
        return all(part in result.shared for law in laws_of(spec, name) for part in law[:3])

    found = zip(*(courses_of_posterior(member.posterior) for member in result.members), strict=True)
    return [TimeCourse.joined(courses) for courses in found if is_common(courses[0].name)]


def _sections(result: JointPosterior) -> Iterator[Section]:
    if result.warnings:
        yield Section("Warnings", bullet_list(result.warnings))
    yield Section("Functions of age", _functions(result))
    found = table_cells(COLUMNS, result.common, page=True)
    columns, *rows = found.rows
    shown = table(columns, rows, caption="Posterior of what is common", words=found.words)
    own = own_rows(result)
    yield Section(
        "Parameters",
        join_markup([shown, table(own[0], own[1:], caption="What every measurement has of its own, mean ± sd")]),
    )
    yield Section("Measurements", _measurements(result))


def _functions(result: JointPosterior) -> Markup:
    common = _common(result)
    drawn = [_picture([("", course)]) for course in common]
    names = {course.name for course in common}
    parts = [(member.label, courses_of_posterior(member.posterior)) for member in result.members]
    for course in parts[0][1]:
        if course.name not in names:
            drawn.append(_picture([(label, of[course.name]) for label, of in _by_name(parts)]))
    caption = "Lines: posterior median. Bands: central 68 % and 95 % intervals at every age."
    return join_markup([pictures(drawn, caption=caption, width=24), functions_table(common)])


def _by_name(parts: Sequence[tuple[str, Sequence[TimeCourse]]]) -> Iterator[tuple[str, dict[str, TimeCourse]]]:
    for label, courses in parts:
        yield label, {course.name: course for course in courses}


def _picture(found: Sequence[tuple[str, TimeCourse]]) -> Picture:
    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        for k, (label, course) in enumerate(found):
            draw_course(axes, course, label or "posterior", k, bands=len(found) == 1)
        axes.legend(fontsize=7)
        return figure

    return svg_picture(draw, " ".join(f"{label} {function_alt(course)}".strip() for label, course in found))


def _measurements(result: JointPosterior) -> Markup:
    rows = []
    for member in result.members:
        data = member.posterior.data
        file = str(data.provenance.get("file", "in memory"))
        ages = f"{data.t[0]:.4g} to {data.t[-1]:.4g}"
        rows.append([member.label, file, f"{data.q:.5g}", f"{len(data.phi)}", f"{data.n_frames}", ages])
    columns = ["measurement", "file", "q / (1/Å)", "azimuths", "frames", "ages / s"]
    caption = f"{len(rows)} measurements; the report of each is made of its folder"
    versions = ", ".join(f"{name} {version}" for name, version in result.members[0].posterior.versions.items())
    return join_markup([table(columns, rows, caption=caption, words=(1, 5)), bullet_list([f"Versions: {versions}."])])
