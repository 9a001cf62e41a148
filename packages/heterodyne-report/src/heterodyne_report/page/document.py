"""The complete page: the verdict, a table of contents and the sections."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from heterodyne_data import FittedData
from heterodyne_report.page.elements import Markup, Section, element, join_markup
from heterodyne_report.page.provenance import citation_section
from heterodyne_spec import DEFAULT_MODEL, write_text


@dataclass(frozen=True)
class Report:
    """The report of one result: the `name` of its kind, the `verdict` as one sentence, `good` if nothing is wrong.

    `word` precedes the verdict; by default it states whether the result is usable. `model` is the one whose
    literature is to be cited.
    """

    name: str
    verdict: str
    good: bool
    sections: Sequence[Section]
    word: str = ""
    model: str = DEFAULT_MODEL


def render(title: str, reports: Sequence[Report], ending: Sequence[Section] = ()) -> str:
    """Return the page of one or several results of one measurement, the most informative first.

    `ending` are common sections at the end. Every section has a link in the table of contents.
    """
    several = len(reports) > 1
    parts = [part for report in reports for part in _numbered(report, several)] + [(s, "") for s in ending]
    sections = [_section(section, _name(section, kind)) for section, kind in parts]
    body = [
        element("header", element("h1", title), *(verdict_paragraph(report, named=several) for report in reports)),
        element("nav", *_links(parts), aria_label="Contents"),
        element("main", *sections),
    ]
    return render_page(title, join_markup(body))


def _numbered(report: Report, several: bool) -> Iterator[tuple[Section, str]]:
    return ((section, report.name if several else "") for section in report.sections)


def _links(parts: Sequence[tuple[Section, str]]) -> Iterator[Markup]:
    """Yield a list of links for every kind of result, headed by its name."""
    for kind, group in itertools.groupby(parts, key=lambda part: part[1]):
        links = [element("a", s.title, href=f"#{_slug(_name(s, kind))}") for s, _ in group]
        head = [element("li", element("strong", kind))] if kind else []
        yield element("ul", *head, *(element("li", link) for link in links))


def _name(section: Section, kind: str) -> str:
    return f"{kind}: {section.title[0].lower()}{section.title[1:]}" if kind else section.title


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def verdict_paragraph(report: Report, *, named: bool = False) -> Markup:
    """Return the verdict of a report; with `named`, it begins with the kind of result."""
    # A sign and a word in addition to the colour, for colour-blind readers.
    sign, word = ("✓", "Usable") if report.good else ("!", "Look closer")
    mark = element("span", sign, class_="sign", aria_hidden="true")
    word = report.word or word
    label = element("strong", f"{report.name}, {word[0].lower()}{word[1:]}. " if named else f"{word}. ")
    return element("p", mark, element("span", label, report.verdict), class_=f"verdict {_mood(report)}")


def _mood(report: Report) -> str:
    return "good" if report.good else "bad"


def _section(section: Section, name: str) -> Markup:
    return element("section", element("h2", name), section.body, id=_slug(name))


def render_page(title: str, body: Markup, *, style: str = "", refresh: int | None = None) -> str:
    """Return a page in the style of all reports.

    Parameters
    ----------
    title : title in the head; the body has its own heading.
    body : contents of the page.
    style : style sheet for elements of this body, after the common one.
    refresh : seconds after which a browser reloads the page; never if None.
    """
    common = resources.files("heterodyne_report").joinpath("page", "style.css").read_text(encoding="utf-8")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        + ("" if refresh is None else f'<meta http-equiv="refresh" content="{refresh}">')
        + f"<title>{html.escape(title)}</title><style>\n{common}{style}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def write_report(path: Path, data: FittedData, *reports: Report) -> Path:
    """Write the reports on the results of one measurement, the most informative first, as one HTML file.

    Raises
    ------
    OutputError : if the file cannot be written; an existing file is then kept.
    """
    name = data.provenance.get("file", "A measurement")
    return write_text(path, render(f"{name} at q = {data.q:.5g} 1/Å", reports, [citation_section(reports[0].model)]))
