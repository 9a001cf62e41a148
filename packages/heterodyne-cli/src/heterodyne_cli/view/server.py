"""The server of the viewer: this machine only, a token in the address, one document per tab."""

from __future__ import annotations

import logging
import secrets
import socket
import warnings
from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import CustomJS
from bokeh.server.server import Server
from bokeh.util.warnings import BokehUserWarning
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import ErrorHandler, RequestHandler

from heterodyne_cli.view.frame import ENTRY, GONE, HEAD, error_page, header, style
from heterodyne_cli.view.run_page import run_page
from heterodyne_cli.view.workspace import Workspace
from heterodyne_spec import HeterodyneError, OutputError

ADDRESS = "127.0.0.1"


def serve(workspace: Workspace, port: int, token: str = "") -> tuple[Server, str]:
    """Return a server, not yet running, and the address of its first page; `port` 0 selects a free one.

    The token is part of every path, websockets included; requests for other hosts, and websockets of pages of other
    origins are refused.

    Raises
    ------
    OutputError : if the port is in use.
    """
    # A browser sends back the definition of what it was sent shortly before; Bokeh keeps its own, and warns.
    warnings.filterwarnings("ignore", "reference already known", BokehUserWarning)
    # A tab that is closed or reloaded while an answer is on its way.
    logging.getLogger("bokeh.server.views.ws").addFilter(_of_closed_tabs)
    logging.getLogger("bokeh.server.protocol_handler").addFilter(_of_closed_tabs)
    token = token or secrets.token_urlsafe(16)
    port = port or _free_port()
    pages = {"/all": _page(workspace, _table), "/run": _page(workspace, _run)}
    hosts = [f"{name}:{port}" for name in (ADDRESS, "localhost")]
    try:
        server: Any = pn.serve(
            pages,
            port=port,
            address=ADDRESS,
            prefix=f"/{token}",
            websocket_origin=hosts,
            extra_patterns=[("/", _Entry)],
            show=False,
            start=False,
            title="heterodyne",
            verbose=False,
            admin=False,
            use_index=False,
        )
    except OSError as error:
        raise OutputError(
            f"port {port}: {error.strerror or error}; choose another one with --port", error.errno
        ) from None
    # Before all other rules: a page elsewhere whose name is made to mean this machine sends its own name as the host.
    server._tornado.default_router.rules.insert(0, Rule(_Foreign(hosts), ErrorHandler, {"status_code": 403}))
    return server, f"http://{ADDRESS}:{port}/{token}/"


def _of_closed_tabs(record: logging.LogRecord) -> bool:
    """Return False for messages about a tab that is gone."""
    return not any(words in record.getMessage() for words in ("connection was closed", "error: AssertionError()"))


class _Entry(RequestHandler):
    """The first page: goes on to the measurements in the colours that the browser prefers."""

    def get(self) -> None:
        self.write(ENTRY)


class _Foreign(Matcher):
    """Requests for a host that is none of `hosts`."""

    def __init__(self, hosts: list[str]) -> None:
        self._hosts = hosts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return None if request.host.lower() in self._hosts else {}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


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


def _table(workspace: Workspace) -> Any:
    items = workspace.items()
    if len(items) == 1 and not workspace.states():
        return run_page(workspace, items[0])
    # Pandas is not needed for the page of one run.
    from heterodyne_cli.view.table_page import TablePage

    return TablePage(workspace).view()


def _run(workspace: Workspace) -> Any:
    key = pn.state.session_args.get("key", [b""])[0].decode()
    return run_page(workspace, workspace.find(key))
