"""The comparison of results as an HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from heterodyne_cli.comparison import (
    Described,
    caution,
    function_rows,
    listed_rows,
    nested_tests,
    parameter_rows,
    sentence,
    sentences,
    table_rows,
)
from heterodyne_cli.differences import differences
from heterodyne_cli.nested_fits import METHOD
from heterodyne_report import draw_course, narrow_limits, set_vertical_range
from heterodyne_report.page import (
    Markup,
    Picture,
    Report,
    Section,
    bullet_list,
    citation_section,
    function_alt,
    join_markup,
    paragraph,
    pictures,
    render,
    svg_picture,
    table,
)
from heterodyne_spec import write_text


def write_page(results: Sequence[Described], path: Path) -> Path:
    """Write the comparison to `path` atomically."""
    words, agree = sentence(results)
    report = Report("Comparison", words, agree, _sections(results), "In agreement" if agree else "Look closer")
    title = "Comparison of " + ", ".join(f"{one.path.name or one.path} ({one.label})" for one in results)
    return write_text(path, render(title, [report], [citation_section()]))


def _sections(results: Sequence[Described]) -> list[Section]:
    nested = [Section("Nested models", _nested(results))] if nested_tests(results) else []
    return [
        Section("Results", _listed(results)),
        *nested,
        Section("Velocity, transport and mixing", _functions(results)),
        Section("Parameters, contrast and offset", _parameters(results)),
        Section("Differences in data, configuration and versions", _differences(results)),
    ]


def _listed(results: Sequence[Described]) -> Markup:
    header, *rows = listed_rows(results)
    rows = [
        [
            *row,
            one.message,
            str(one.data.provenance.get("file", "in memory")),
            f"{one.data.q:.5g}",
            f"{one.data.n_frames}",
        ]
        for row, one in zip(rows, results, strict=True)
    ]
    columns = (*header, "outcome", "measurement", "q / (1/Å)", "frames")
    shown = table(columns, rows, caption="Compared results", words=(1, 2, 3, 6, 7))
    return join_markup([shown, bullet_list(sentences(results))] if sentences(results) else [shown])


def _nested(results: Sequence[Described]) -> Markup:
    found = [f"{test.words}." for test in nested_tests(results)]
    return join_markup([bullet_list(found), paragraph(METHOD, mood="note")])


def _functions(results: Sequence[Described]) -> Markup:
    words = "Lines: median; bands: 68 % interval. Every result has its own colour and line style."
    names = [course.name for course in results[0].courses]
    named = [name for name in names if any(name not in one.left_out for one in results)]
    shown = pictures([_function(results, name) for name in named], caption=words, width=24)
    rows = function_rows(results)
    if not rows:
        return join_markup([shown, paragraph("The results have no common ages.")])
    return join_markup([shown, _table(table_rows("function", rows, results), "Functions at common ages")])


def _function(results: Sequence[Described], name: str) -> Picture:
    found = [
        (k, one, next(course for course in one.courses if course.name == name))
        for k, one in enumerate(results)
        if name not in one.left_out
    ]

    def draw() -> Figure:
        figure = Figure(figsize=(4.3, 3.0), layout="constrained")
        axes = figure.subplots()
        for k, one, course in found:
            draw_course(axes, course, f"{one.label}, {one.kind}", k, bands=False)
        set_vertical_range(axes, narrow_limits([course for _, _, course in found]))
        axes.legend(loc="upper right", fontsize=8)
        return figure

    said = " ".join(f"{one.label}: {function_alt(course)}" for _, one, course in found)
    return svg_picture(draw, said)


def _parameters(results: Sequence[Described]) -> Markup:
    words = (
        "(B - A) / sd: difference in combined standard deviations (root of the sum of squares). "
        "Empty if either is fixed or undetermined."
    )
    notes = [words, f"{caution(results)[0].upper()}{caution(results)[1:]}."] if caution(results) else [words]
    shown = _table(table_rows("parameter", parameter_rows(results), results), "Parameters, one standard deviation")
    return join_markup([shown, *(paragraph(note, mood="note") for note in notes)])


def _table(rows: list[list[str]], caption: str) -> Markup:
    return table(rows[0], rows[1:], caption=caption, words=(1,))


def _differences(results: Sequence[Described]) -> Markup:
    rows = [[key, *values] for key, values in differences(results)]
    if not rows:
        return paragraph("Nothing.")
    columns = ("", *(one.label for one in results))
    return table(columns, rows, caption="Keys with different values", words=range(1, len(columns)))
