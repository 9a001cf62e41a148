"""Common parts of all pages of the viewer: style, navigation, error messages."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import resources
from typing import Any, ClassVar

import panel as pn
from bokeh.models import CustomJS

from heterodyne_report.page import Markup, element, join_markup, paragraph
from heterodyne_spec import HeterodyneError

_STYLE = """
body { max-width: 84rem; }
section { border: 0; }
#gone { position: sticky; top: 0; z-index: 99; max-width: none; margin: 0; padding: .7rem 1rem; font-weight: 600;
  background: var(--bad-ground); color: var(--bad); border-bottom: 2px solid var(--bad); }
.bad { color: var(--bad); } .note { color: var(--soft); margin: .2rem 0; }
pre { white-space: pre-wrap; background: var(--raised); color: var(--ink); padding: .5rem; border-radius: .3rem; }
"""
_DARK = "@media screen and (prefers-color-scheme: dark)"
HEAD = {
    "meta": {"viewport": "width=device-width, initial-scale=1"},
    "favicon": "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M0 0h16v16H0z' fill='%23440154'/%3E%3Cpath d='M0 16 16 0' stroke='%23fde725' stroke-width='4'/%3E"
    "%3C/svg%3E",
    "apple_icon": "data:,",
}
"""What the head of every page says of it."""
GONE = """
const place = document.body;
if (!document.getElementById("gone")) {
  const line = document.createElement("p");
  line.id = "gone";
  line.setAttribute("role", "alert");
  line.textContent = "The viewer has ended: nothing on this page answers any more. "
    + "Start heterodyne view again and open its new address.";
  place.prepend(line);
}
"""
"""Script of a page whose server is gone."""


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
    bar = navigation(("All measurements", f"all?theme={theme}"))
    name = "Light colours" if theme == "dark" else "Dark colours"
    switch = Markup(
        f"""<button type="button" onclick="const a = new URL(location.href); a.searchParams.set('theme', '{other}');"""
        f""" location.replace(a)">{name}</button>"""
    )
    return pn.pane.HTML(join_markup([bar, switch]), sizing_mode="stretch_width")


def section(title: str, *parts: Any) -> Any:
    """Return a titled part of a page."""
    return pn.Column(
        pn.pane.HTML(element("h2", title, id=title.lower().replace(" ", "-"))), *parts, sizing_mode="stretch_width"
    )


def error_page(message: str) -> Any:
    """Return a page with an error message and a link to the table."""
    return pn.pane.HTML(
        join_markup(
            [
                element("h1", "Cannot be shown"),
                paragraph(message, mood="bad"),
                paragraph(element("a", "all measurements", href="all")),
            ]
        )
    )


def navigation(*links: tuple[str, str]) -> Markup:
    """Return links as a navigation bar."""
    listed = (element("li", element("a", name, href=target)) for name, target in links)
    return element("nav", element("ul", *listed), aria_label="pages")


class Soon:
    """Calls functions in the thread of the page with its document locked, those with the same key once.

    Panel calls what watches a control without the lock, where models of Bokeh must not be changed. Without a page (in
    a notebook or a test), functions are called at once, and what is shown in cells is brought up to date.
    """

    _cells: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()

    @classmethod
    def push(cls, cell: Any) -> None:
        """Bring a layout, which a notebook shows, up to date after every call."""
        cls._cells.add(cell)

    def __init__(self) -> None:
        self._document = pn.state.curdoc
        self._due: dict[str, Callable[[], None]] = {}
        self._later: dict[str, int] = {}

    @property
    def served(self) -> bool:
        """Whether there is a page that a server answers."""
        return self._document is not None and self._document.session_context is not None

    def __call__(self, key: str, function: Callable[[], None]) -> None:
        if not self.served:
            function()
            pn.io.push_notebook(*self._cells)
            return
        waiting = key in self._due
        self._due[key] = function
        if not waiting:
            self._document.add_next_tick_callback(lambda: self._due.pop(key)())

    def together(self) -> AbstractContextManager[None]:
        """Return a context whose changes of the page are sent in one message."""
        return pn.io.hold(self._document) if self.served else contextlib.nullcontext()

    def after(self, key: str, milliseconds: int, function: Callable[[], None]) -> None:
        """Call a function once there has been no other call with that key for some time; without a page, at once."""
        if not self.served:
            function()
            return
        number = self._later[key] = self._later.get(key, 0) + 1

        def run() -> None:
            if self._later[key] == number:
                function()

        assert self._document is not None
        self._document.add_timeout_callback(run, milliseconds)


def in_steps(shown: Any, *steps: Callable[[], None]) -> None:
    """Call functions one after the other once a model is on the screen, so that each shows its part before the next.

    Without a page (in a notebook or a test), call them at once.
    """
    document = pn.state.curdoc
    left = list(steps)

    def step() -> None:
        left.pop(0)()
        if left:
            # Not the next tick: what has been made is sent before.
            document.add_timeout_callback(step, 1)

    if document is None:
        for one in steps:
            one()
    else:
        document.js_on_event("document_ready", CustomJS(args={"shown": shown}, code=_PAINTED))
        shown.on_change("tags", lambda attribute, old, new: step())


_PAINTED = """
const tell = () => { if (shown.tags.length === 0) shown.tags = ["on the screen"]; };
requestAnimationFrame(() => requestAnimationFrame(tell));
// A page in the background is not painted.
setTimeout(tell, 1000);
"""


def tell_page(document: Any, function: Callable[[], None]) -> None:
    """Call a function in the thread of a page; not at all if the page has been closed."""
    # A closed page's document has lost the attributes that this needs.
    with contextlib.suppress(AttributeError):
        document.add_next_tick_callback(function)


def in_thread[T](make: Callable[[], T], put: Callable[[T], None], place: Any) -> None:
    """Call `make` in a thread, and then `put` with what it returns in that of the page.

    An error is one line in `place`. Without a page, call both at once.
    """
    document = pn.state.curdoc

    def work() -> None:
        try:
            found = make()
        except (HeterodyneError, OSError) as error:
            message = paragraph(str(error), mood="bad")
            tell_page(document, lambda: setattr(place, "objects", [pn.pane.HTML(message)]))
        else:
            tell_page(document, lambda: put(found))

    if document is None:
        put(make())
    else:
        # Not a daemon: Python aborts if it exits while such a thread compiles.
        threading.Thread(target=work).start()
