"""A result or measurement in a few lines of HTML, for the output of a notebook cell."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

from heterodyne_data import FittedData
from heterodyne_report.page.document import Report, verdict_paragraph
from heterodyne_report.page.elements import Markup, Section, collapsible, element


def result_inset(report: Report, data: FittedData, folded: Iterable[Section], headline: str = "") -> str:
    """Return the HTML of a result: title, verdict, headline numbers, and sections that can be folded.

    Parameters
    ----------
    report : its name and verdict are shown; its sections are not.
    data : the fitted data.
    folded : sections, unfolded at first.
    headline : markup above them.
    """
    title = f"{report.name}: {data.in_words}"
    sections = [collapsible(section.title, section.body, expanded=True) for section in folded]
    return inset(title, verdict_paragraph(report), *([headline] if headline else []), *sections)


def inset(title: str, *parts: str) -> str:
    """Return parts with a title as HTML that brings its style and follows the colours of what surrounds it."""
    style = resources.files("heterodyne_report").joinpath("page", "inset.css").read_text(encoding="utf-8")
    head = element("p", element("strong", title), class_="title")
    return element("div", Markup(f"<style>\n{style}</style>"), head, *parts, class_="heterodyne-inset")
