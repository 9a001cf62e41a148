"""Common parts of all pages of the viewer: style, navigation, error messages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import resources
from typing import Any

import panel as pn

from heterodyne_report.page import Markup, element, join_markup, paragraph
from heterodyne_spec import HeterodyneError

_STYLE = """
body { max-width: 84rem; }
section { border: 0; }
.bad { color: var(--bad); } .note { color: var(--soft); margin: .2rem 0; }
pre { white-space: pre-wrap; background: var(--raised); color: var(--ink); padding: .5rem; border-radius: .3rem; }
"""
_DARK = "@media screen and (prefers-color-scheme: dark)"
_FOLLOW = """<script>
const address = new URL(location.href);
if (!address.searchParams.has("theme") && matchMedia("(prefers-color-scheme: dark)").matches) {
  address.searchParams.set("theme", "dark");
  location.replace(address);
}
</script>"""


def style(theme: str) -> str:
    """Return the style sheet of the pages: that of the reports in the colours of a theme, and the viewer's own."""
    common = resources.files("heterodyne_report").joinpath("page", "style.css").read_text(encoding="utf-8")
    # The colours of the page are those of its figures, whatever the browser prefers: the address says which.
    chosen = common.replace(_DARK, "@media screen" if theme == "dark" else "@media not all")
    return (
        chosen.replace("color-scheme: light dark", f"color-scheme: {'dark' if theme == 'dark' else 'light'}") + _STYLE
    )


def header(theme: str) -> Any:
    """Return the top of a page: navigation and the switch between light and dark."""
    other = "default" if theme == "dark" else "dark"
    bar = navigation(("All measurements", f"./?theme={theme}"))
    name = "Light colours" if theme == "dark" else "Dark colours"
    switch = Markup(
        f"""<button type="button" onclick="const a = new URL(location.href); a.searchParams.set('theme', '{other}');"""
        f""" location.replace(a)">{name}</button>"""
    )
    return pn.pane.HTML(join_markup([bar, switch, Markup(_FOLLOW)]), sizing_mode="stretch_width")


def section(title: str, *parts: Any) -> Any:
    """Return a titled part of a page."""
    return pn.Column(
        pn.pane.HTML(element("h2", title, id=title.lower().replace(" ", "-"))), *parts, sizing_mode="stretch_width"
    )


def error_page(message: str) -> Any:
    """Return a page with an error message and a link to the table."""
    return pn.pane.HTML(
        join_markup([paragraph(message, mood="bad"), paragraph(element("a", "all measurements", href="./"))])
    )


def navigation(*links: tuple[str, str]) -> Markup:
    """Return links as a navigation bar."""
    listed = (element("li", element("a", name, href=target)) for name, target in links)
    return element("nav", element("ul", *listed), aria_label="pages")


def afterwards[T](make: Callable[[], T], put: Callable[[T], None], place: Any) -> None:
    """Call `make` in a thread once the page is shown, and `put` with what it returns in that of the page.

    An error is one line in `place`.
    """
    document = pn.state.curdoc

    def work() -> None:
        try:
            found = make()
        except (HeterodyneError, OSError) as error:
            message = paragraph(str(error), mood="bad")
            document.add_next_tick_callback(lambda: setattr(place, "objects", [pn.pane.HTML(message)]))
        else:
            document.add_next_tick_callback(lambda: put(found))

    if document is None:
        put(make())
    else:
        pn.state.onload(lambda: threading.Thread(target=work, daemon=True).start())
