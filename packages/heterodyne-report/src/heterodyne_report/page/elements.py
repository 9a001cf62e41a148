"""Elements of a page: functions that turn text into markup, escaping it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from heterodyne_report.page.picture import Picture


class Markup(str):
    """HTML markup, which is not escaped again."""

    __slots__ = ()


@dataclass(frozen=True)
class Section:
    """A titled section of a report; `body` is markup."""

    title: str
    body: Markup


def join_markup(parts: Iterable[str]) -> Markup:
    """Concatenate markup and text, escaping the text."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part) for part in parts))


def element(tag: str, *parts: str, **attributes: str) -> Markup:
    """Return an element that contains `parts`; ``class_`` and ``aria_label`` become ``class`` and ``aria-label``."""
    named = {name.rstrip("_").replace("_", "-"): html.escape(value) for name, value in attributes.items()}
    opening = "".join([tag, *(f' {name}="{value}"' for name, value in named.items())])
    return Markup(f"<{opening}>{join_markup(parts)}</{tag}>")


def paragraph(*parts: str, mood: str = "") -> Markup:
    """Return a paragraph; `mood` (good, caution, bad, note) changes its look."""
    return element("p", *parts, class_=mood) if mood else element("p", *parts)


def bullet_list(texts: Sequence[str]) -> Markup:
    """Return a bulleted list of sentences."""
    return element("ul", *(element("li", text) for text in texts))


def facts(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Markup:
    """Return a list of names and values."""
    listed = pairs.items() if isinstance(pairs, Mapping) else pairs
    return element("dl", *(part for name, what in listed for part in (element("dt", name), element("dd", what))))


def collapsible(summary: str, *parts: str, expanded: bool = False) -> Markup:
    """Return collapsible parts with a summary; they are expanded in print, or from the beginning with `expanded`."""
    return element("details", element("summary", summary), *parts, **({"open": "open"} if expanded else {}))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, words: Sequence[int] = ()) -> Markup:
    """Return a table, in a scrollable box if it is wider than the screen.

    The first cell of a row is its heading. The columns numbered in `words` contain text, the others numbers.
    """
    looks = ["words" if k == 0 or k in words else "number" for k in range(len(columns))]
    heads = [element("th", name, scope="col", class_=look) for name, look in zip(columns, looks, strict=True)]
    body = [_row(row, looks) for row in rows]
    whole = element("table", element("thead", element("tr", *heads)), element("tbody", *body))
    # The box can be focused, so that the arrow keys scroll it; the caption does not scroll.
    box = element("div", whole, class_="wide", role="region", aria_label=caption, tabindex="0")
    return element("div", element("p", caption, class_="name"), box, class_="table")


def _row(cells: Sequence[str], looks: Sequence[str]) -> Markup:
    first = element("th", cells[0], scope="row", class_="words")
    return element("tr", first, *(element("td", c, class_=look) for c, look in zip(cells[1:], looks[1:], strict=True)))


def pictures(shown: Sequence[Picture], *, caption: str = "", width: int = 20, least: int = 0) -> Markup:
    """Return pictures with a common caption, as many per row as fit at `width` rem each.

    A picture with many panels may require at least `least` rem: on a narrow screen it is in a scrollable box.
    """
    below = [element("figcaption", caption)] if caption else []
    boxes = [_box(picture, least) for picture in shown]
    return element("figure", element("div", *boxes, class_="pictures", style=f"--wide: {width}rem"), *below)


def _box(picture: Picture, least: int) -> Markup:
    if not least:
        return element("div", _image(picture), class_="picture")
    inner = element("div", _image(picture), style=f"min-width: {least}rem")
    return element("div", inner, class_="picture large", role="region", aria_label="Picture, scrolls", tabindex="0")


def _image(picture: Picture) -> Markup:
    sized = f'width="{picture.width}" height="{picture.height}"'
    # Vector graphics may be enlarged; raster images would blur.
    sized += "" if "svg+xml" in picture.source[:32] else f' style="max-width: {picture.width}px"'
    return Markup(f'<img alt="{html.escape(picture.alt)}" src="{picture.source}" {sized}>')
