"""The comparison of results as one HTML file."""

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
from heterodyne_report.page import (
    Markup,
    Picture,
    Report,
    Section,
    citation,
    function_alt,
    items,
    joined,
    paragraph,
    pictures,
    render,
    svg_picture,
    table,
)
from heterodyne_report.panels import draw_course, near_ends, set_range
from heterodyne_spec.files import write_text


def write_page(results: Sequence[Described], path: Path) -> Path:
    """Write the comparison to `path`, completely or not at all."""
    words, agree = sentence(results)
    report = Report("Comparison", words, agree, _sections(results), "In agreement" if agree else "Look closer")
    title = "Comparison of " + ", ".join(f"{one.path.name or one.path} ({one.label})" for one in results)
    return write_text(path, render(title, [report], [citation()]))


def _sections(results: Sequence[Described]) -> list[Section]:
    nested = [Section("Nested models", _nested(results))] if nested_tests(results) else []
    return [
        Section("The results", _listed(results)),
        *nested,
        Section("Velocity, transport and mixing", _functions(results)),
        Section("Parameters, contrast and offset", _parameters(results)),
        Section("What differs in data, configuration and versions", _differences(results)),
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
    columns = (*header, "how it ended", "measurement", "q / (1/Å)", "frames")
    shown = table(columns, rows, caption="Compared results", words=(1, 2, 3, 6, 7))
    return joined([shown, items(sentences(results))] if sentences(results) else [shown])


def _nested(results: Sequence[Described]) -> Markup:
    found = [f"{test.words}." for test in nested_tests(results)]
    return joined([items(found), paragraph(METHOD, mood="note")])


def _functions(results: Sequence[Described]) -> Markup:
    words = "Lines: the median; bands: 68 %. Every result has its own colour and line style."
    names = [course.name for course in results[0].courses]
    named = [name for name in names if any(name not in one.left_out for one in results)]
    shown = pictures([_function(results, name) for name in named], caption=words, width=24)
    rows = function_rows(results)
    if not rows:
        return joined([shown, paragraph("The results have no age in common.")])
    return joined([shown, _table(table_rows("function", rows, results), "Functions at the ages that all results have")])


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
        set_range(axes, near_ends([course for _, _, course in found]))
        axes.legend(loc="upper right", fontsize=8)
        return figure

    said = " ".join(f"{one.label}: {function_alt(course)}" for _, one, course in found)
    return svg_picture(draw, said)


def _parameters(results: Sequence[Described]) -> Markup:
    words = (
        "(B - A) / sd: the difference in combined standard deviations, the root of the sum of both squares. "
        "Empty where one of them is held or not determined."
    )
    notes = [words, f"{caution(results)[0].upper()}{caution(results)[1:]}."] if caution(results) else [words]
    shown = _table(table_rows("parameter", parameter_rows(results), results), "Parameters, one standard deviation")
    return joined([shown, *(paragraph(note, mood="note") for note in notes)])


def _table(rows: list[list[str]], caption: str) -> Markup:
    return table(rows[0], rows[1:], caption=caption, words=(1,))


def _differences(results: Sequence[Described]) -> Markup:
    rows = [[key, *values] for key, values in differences(results)]
    if not rows:
        return paragraph("Nothing.")
    columns = ("", *(one.label for one in results))
    return table(columns, rows, caption="Keys that are not the same in all", words=range(1, len(columns)))
