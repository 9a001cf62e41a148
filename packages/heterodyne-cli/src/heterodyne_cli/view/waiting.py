"""The first page of the viewer, answered before Panel is imported: the browser starts and reads scripts meanwhile."""

from __future__ import annotations

import importlib.util
import secrets
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from heterodyne_spec import OutputError

ADDRESS = "127.0.0.1"
SCRIPTS: Mapping[str, tuple[str, str]] = {
    **{
        f"static/js/{name}.min.js": ("bokeh", f"server/static/js/{name}.min.js")
        for name in ("bokeh", "bokeh-gl", "bokeh-widgets")
    },
    "static/extensions/panel/panel.min.js": ("panel", "dist/panel.min.js"),
}
"""Paths of the scripts of every page, and the package and file they are in; a page may have more."""
_STEP = 0.01
"""Seconds between two looks whether the server is there."""
_PATIENCE = 120
"""Seconds for which a request waits for the server."""

ENTRY = (
    """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>heterodyne</title><link rel="icon" href="data:,">
<style>:root { color-scheme: light dark } p { margin: 2rem; font: 1rem system-ui, sans-serif }</style>
"""
    + "".join(f'<script defer src="{name}"></script>\n' for name in SCRIPTS)
    + """<script>
const address = "all?theme=" + (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "default");
const path = script => script.getAttribute("src").split("?")[0];
const read = new Promise(done => document.addEventListener("DOMContentLoaded", done));
const show = async () => {
  // The table has further scripts.
  if (await (await fetch("ready")).text() !== "run") return location.replace(address);
  const found = new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
  await read;
  const there = new Set([...document.scripts].filter(s => s.src).map(path));
  for (const one of [...found.scripts].filter(s => s.src)) {
    if (!there.has(path(one))) await add(one);
    one.remove();
  }
  for (const one of document.head.querySelectorAll("title, style, link[rel=icon]")) one.remove();
  history.replaceState(null, "", address);
  for (const a of found.documentElement.attributes) document.documentElement.setAttribute(a.name, a.value);
  const scripts = [...found.scripts];
  // What is there stays: scripts may still be busy with elements of theirs.
  document.head.append(...found.head.childNodes);
  document.body.replaceWith(found.body);
  // Scripts of a parsed page do not run.
  for (const one of scripts) one.replaceWith(copy(one));
};
const copy = one => {
  const next = document.createElement("script");
  for (const a of one.attributes) next.setAttribute(a.name, a.value);
  next.textContent = one.textContent;
  return next;
};
const add = one => new Promise((done, failed) => {
  const next = copy(one);
  next.onload = done;
  next.onerror = failed;
  document.head.append(next);
});
show().catch(() => location.replace(address));
</script></head><body><p>Loading the viewer.</p><noscript>The viewer needs JavaScript.</noscript></body></html>"""
)
"""The page at the address that is opened: it takes the place of the first page without reading the scripts again."""


class Waiting:
    """Listens on `port` (0 selects a free one) and answers first requests until `hand_over`.

    The token is part of every path; requests for other hosts are refused.

    Raises
    ------
    OutputError : if the port is in use.
    """

    def __init__(self, port: int, token: str = "") -> None:
        self.token = token or secrets.token_urlsafe(16)
        try:
            self.socket = socket.create_server((ADDRESS, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            number = getattr(error, "errno", None)
            raise OutputError(f"port {port}: {reason}; choose another one with --port", number) from None
        self.socket.setblocking(False)
        self.port = int(self.socket.getsockname()[1])
        self.address = f"http://{ADDRESS}:{self.port}/{self.token}/"
        self.hosts = [f"{name}:{self.port}" for name in (ADDRESS, "localhost")]
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_STEP,), daemon=True)
        self._thread.start()

    def hand_over(self) -> socket.socket:
        """Stop listening, and return the socket for the server that does from now on."""
        self._server.shutdown()
        self._thread.join()
        return self.socket

    def begin(self) -> None:
        """Send on the requests that wait for the server."""
        self._server.there.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, waiting: Waiting) -> None:
        super().__init__((ADDRESS, 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = waiting.socket
        self.prefix, self.hosts, self.there = f"/{waiting.token}/", waiting.hosts, threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path, _, _ = self.path.partition("?")
        name = path.removeprefix(self.server.prefix)
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif name == path:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif not name:
            self._send(ENTRY.encode(), "text/html; charset=utf-8")
        elif name in SCRIPTS and (found := _file(name)) is not None:
            self._send(found.read_bytes(), "text/javascript; charset=utf-8")
        else:
            self.server.there.wait(_PATIENCE)
            self.send_response(HTTPStatus.TEMPORARY_REDIRECT)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""


def _file(name: str) -> Path | None:
    package, inside = SCRIPTS[name]
    # Does not import it.
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / inside if spec and spec.origin else None
    return path if path is not None and path.is_file() else None
