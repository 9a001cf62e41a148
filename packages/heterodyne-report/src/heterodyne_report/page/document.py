"""A whole page: the verdict first, then sections, with a table of contents between them."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from heterodyne_report.page.elements import Markup, element, joined
from heterodyne_spec.model import DEFAULT


@dataclass(frozen=True)
class Section:
    """A part of a report under a title; `body` is markup."""

    title: str
    body: Markup


@dataclass(frozen=True)
class Report:
    """What is said of one result: `name` of its kind, `verdict` in one sentence, `good` when nothing is wrong.

    `word` stands before the sentence; by default it says whether the result can be used. `model` is the one whose
    literature is to be cited.
    """

    name: str
    verdict: str
    good: bool
    sections: Sequence[Section]
    word: str = ""
    model: str = DEFAULT


def render(title: str, reports: Sequence[Report], ending: Sequence[Section] = ()) -> str:
    """Return the page of one result, or of several of one measurement, the most telling first.

    `ending` are sections for all of them. Every section has a link in the table of contents.
    """
    several = len(reports) > 1
    parts = [part for report in reports for part in _numbered(report, several)] + [(s, "") for s in ending]
    sections = [_section(section, _name(section, kind)) for section, kind in parts]
    body = [
        element("header", element("h1", title), *(_verdict(report, several) for report in reports)),
        element("nav", *_links(parts), aria_label="Contents"),
        element("main", *sections),
    ]
    return whole(title, joined(body))


def _numbered(report: Report, several: bool) -> Iterator[tuple[Section, str]]:
    return ((section, report.name if several else "") for section in report.sections)


def _links(parts: Sequence[tuple[Section, str]]) -> Iterator[Markup]:
    """Yield a list of links for every kind of result, under its name."""
    for kind, group in itertools.groupby(parts, key=lambda part: part[1]):
        links = [element("a", s.title, href=f"#{_slug(_name(s, kind))}") for s, _ in group]
        head = [element("li", element("strong", kind))] if kind else []
        yield element("ul", *head, *(element("li", link) for link in links))


def _name(section: Section, kind: str) -> str:
    return f"{kind}: {section.title[0].lower()}{section.title[1:]}" if kind else section.title


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _verdict(report: Report, several: bool) -> Markup:
    # A sign and a word beside the colour, which not everyone sees.
    sign, word = ("✓", "Usable") if report.good else ("!", "Look closer")
    mark = element("span", sign, class_="sign", aria_hidden="true")
    word = report.word or word
    label = element("strong", f"{report.name}, {word[0].lower()}{word[1:]}. " if several else f"{word}. ")
    return element("p", mark, element("span", label, report.verdict), class_=f"verdict {_mood(report)}")


def _mood(report: Report) -> str:
    return "good" if report.good else "bad"


def _section(section: Section, name: str) -> Markup:
    return element("section", element("h2", name), section.body, id=_slug(name))


def whole(title: str, body: Markup, *, style: str = "", refresh: int | None = None) -> str:
    """Return a page with the looks of all reports.

    Parameters
    ----------
    title : in the head; the heading is the body's own.
    body : what is shown.
    style : style sheet of the body's own elements, after the common one.
    refresh : seconds after which a browser reads the page again; never when None.
    """
    common = resources.files("heterodyne_report").joinpath("page", "style.css").read_text(encoding="utf-8")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        + ("" if refresh is None else f'<meta http-equiv="refresh" content="{refresh}">')
        + f"<title>{html.escape(title)}</title><style>\n{common}{style}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'
