"""The server of the viewer: this machine only, a token in the address, one document per tab."""

from __future__ import annotations

import contextlib
import logging
import socket
import warnings
from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import CustomJS
from bokeh.server.server import Server
from bokeh.settings import settings
from bokeh.util.warnings import BokehUserWarning
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import ErrorHandler, RequestHandler

from heterodyne_cli.view.frame import GONE, HEAD, error_page, header, style
from heterodyne_cli.view.run_page import run_page
from heterodyne_cli.view.waiting import ADDRESS, ENTRY, Waiting
from heterodyne_cli.view.workspace import Item, Workspace
from heterodyne_spec import HeterodyneError


def serve(workspace: Workspace, waiting: Waiting) -> Server:
    """Return the server, not yet running, that takes over from `waiting`.

    The token is part of every path, websockets included; requests for other hosts, and websockets of pages of other
    origins are refused.
    """
    # A browser sends back the definition of what it was sent shortly before; Bokeh keeps its own, and warns.
    warnings.filterwarnings("ignore", "reference already known", BokehUserWarning)
    # A tab that is closed or reloaded while an answer is on its way.
    for name in ("bokeh.server.views.ws", "bokeh.server.protocol_handler", "bokeh.server.contexts", "asyncio"):
        logging.getLogger(name).addFilter(_of_closed_tabs)
    # A page is checked by its tests, not whenever it is opened.
    settings.perform_document_validation = False
    pages = {"/all": _page(workspace, _table), "/run": _page(workspace, _run)}
    server: Any = pn.serve(
        pages,
        port=0,
        address=ADDRESS,
        prefix=f"/{waiting.token}",
        websocket_origin=waiting.hosts,
        extra_patterns=[("/", _Entry), ("/ready", _Ready, {"workspace": workspace})],
        show=False,
        start=False,
        title="heterodyne",
        verbose=False,
        admin=False,
        use_index=False,
    )
    # Before all other rules: a page elsewhere whose name is made to mean this machine sends its own name as the host.
    server._tornado.default_router.rules.insert(0, Rule(_Foreign(waiting.hosts), ErrorHandler, {"status_code": 403}))
    _listen_at(server._http, waiting.hand_over())
    return server


def _listen_at(http: Any, listening: socket.socket) -> None:
    """Listen at a socket instead of those that Bokeh has opened."""
    for number in list(http._sockets):
        http._handlers.pop(number)()
        http._sockets.pop(number).close()
    http.add_socket(listening)


_CLOSED = (
    "connection was closed",
    "error: AssertionError()",
    "WebSocketClosedError",
    "was scheduled to discard but came back to life",
)


def _of_closed_tabs(record: logging.LogRecord) -> bool:
    """Return False for messages about a tab that is gone."""
    message = record.getMessage()
    return not any(words in message for words in _CLOSED)


class _Entry(RequestHandler):
    """The first page: goes on to the measurements in the colours that the browser prefers."""

    def get(self) -> None:
        self.write(ENTRY)


class _Ready(RequestHandler):
    """Tells the first page whether it becomes that of a run, or the table."""

    def initialize(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def get(self) -> None:
        with contextlib.suppress(HeterodyneError, OSError):
            if only_item(self._workspace) is not None:
                self.write("run")


class _Foreign(Matcher):
    """Requests for a host that is none of `hosts`."""

    def __init__(self, hosts: list[str]) -> None:
        self._hosts = hosts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return None if request.host.lower() in self._hosts else {}


def _page(workspace: Workspace, build: Callable[[Workspace], Any]) -> Callable[[], Any]:
    def page() -> Any:
        theme = "dark" if pn.state.session_args.get("theme") == [b"dark"] else "default"
        pn.config.theme, pn.config.raw_css = theme, [style(theme)]
        document = pn.state.curdoc
        if document is not None:
            document.template_variables.update(HEAD)
            document.js_on_event("connection_lost", CustomJS(code=GONE))
        try:
            body = build(workspace)
        except (HeterodyneError, OSError) as error:
            body = error_page(str(error))
        return pn.Column(header(theme), body, sizing_mode="stretch_width")

    return page


def only_item(workspace: Workspace) -> Item | None:
    """Return the item of a workspace that has no table because there is nothing else."""
    items = workspace.items()
    return items[0] if len(items) == 1 and not workspace.states() else None


def _table(workspace: Workspace) -> Any:
    if (item := only_item(workspace)) is not None:
        return run_page(workspace, item)
    # Pandas is not needed for the page of one run.
    from heterodyne_cli.view.table_page import TablePage

    return TablePage(workspace).view()


def _run(workspace: Workspace) -> Any:
    key = pn.state.session_args.get("key", [b""])[0].decode()
    return run_page(workspace, workspace.find(key))
