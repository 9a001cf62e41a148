"""The server of the viewer: this machine only, a token in the address, one document per tab."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.server.server import Server

from heterodyne_cli.view.frame import error_page, header, style
from heterodyne_cli.view.run_page import run_page
from heterodyne_cli.view.table_page import TablePage
from heterodyne_cli.view.workspace import Workspace
from heterodyne_spec import HeterodyneError, OutputError

ADDRESS = "127.0.0.1"


def serve(workspace: Workspace, port: int, token: str = "") -> tuple[Server, str]:
    """Return a server, not yet running, and the address of its first page; `port` 0 selects a free one.

    The token is part of every path, websockets included; requests from pages of other origins are refused.

    Raises
    ------
    OutputError : if the port is in use.
    """
    token = token or secrets.token_urlsafe(16)
    port = port or _free_port()
    pages = {"/": _page(workspace, _table), "/run": _page(workspace, _run)}
    hosts = [f"{name}:{port}" for name in (ADDRESS, "localhost")]
    try:
        server: Any = pn.serve(
            pages,
            port=port,
            address=ADDRESS,
            prefix=f"/{token}",
            websocket_origin=hosts,
            show=False,
            start=False,
            title="heterodyne",
            verbose=False,
            admin=False,
            index=None,
        )
    except OSError as error:
        raise OutputError(
            f"port {port}: {error.strerror or error}; choose another one with --port", error.errno
        ) from None
    return server, f"http://{ADDRESS}:{port}/{token}/"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def _page(workspace: Workspace, build: Callable[[Workspace], Any]) -> Callable[[], Any]:
    def page() -> Any:
        theme = "dark" if pn.state.session_args.get("theme") == [b"dark"] else "default"
        pn.config.theme, pn.config.raw_css = theme, [style(theme)]
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
    return TablePage(workspace).view()


def _run(workspace: Workspace) -> Any:
    key = pn.state.session_args.get("key", [b""])[0].decode()
    return run_page(workspace, workspace.find(key))
