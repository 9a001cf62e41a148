"""A headless Chromium, spoken to through the pipe of its DevTools protocol: nothing but the standard library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 60.0
"""Seconds after which a browser that does not answer is given up."""

# The browser reads from its descriptor 3 and writes to 4: set there by a program of its own, for a fork of a process
# with threads may hang.
_LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)


def program() -> str | None:
    """Return the path of the browser, None without one: that of the environment's ``CHROME``, or Chromium."""
    return os.environ.get("CHROME") or shutil.which("chromium")


class Connection:
    """The pipe to a browser: commands in, answers and events out; events are kept per session until they are taken."""

    def __init__(self, reads: int, writes: int):
        self._reads, self._writes, self._buffer, self._number = reads, writes, b"", 0
        self._events: dict[str, list[dict[str, Any]]] = {}

    def call(self, session: str, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a command; events that come before it are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _PATIENCE
        while True:
            assert time.monotonic() < end, f"the browser does not answer {method}"
            answer = self._next(_PATIENCE)
            if answer is not None and answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self._keep(answer)

    def events(self, session: str, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Return the events of a session since the last call; wait up to `seconds` for the first."""
        end = time.monotonic() + seconds
        while (found := self._next(0.0)) is not None:
            self._keep(found)
        while not self._events.get(session) and (left := end - time.monotonic()) > 0:
            self._keep(self._next(left))
        return self._events.pop(session, [])

    def _keep(self, event: dict[str, Any] | None) -> None:
        if event is not None:
            self._events.setdefault(event.get("sessionId", ""), []).append(event)

    def _next(self, seconds: float) -> dict[str, Any] | None:
        """Return the next message, None if none comes in time."""
        while b"\0" not in self._buffer:
            if not select.select([self._reads], [], [], seconds)[0]:
                return None
            part = os.read(self._reads, 1 << 20)
            assert part, "the browser ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


class Page:
    """One page (tab) of the browser."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._events: list[dict[str, Any]] = []
        target = connection.call("", "Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = connection.call("", "Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def another(self) -> Page:
        """Return a second tab of the same browser."""
        return Page(self._connection)

    def close(self) -> None:
        """Close the tab."""
        self.call("Page.close")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command."""
        return self._connection.call(self._session, method, parameters)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events since the page was loaded."""
        self._events += self._connection.events(self._session)
        return self._events

    def show(self, path: Path, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
        """Load a file into a window of that size and wait until its pictures are there."""
        self.open(path.resolve().as_uri(), width, height, dark=dark)

    def open(self, address: str, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
        """Load an address into a window of that size and wait until its pictures are there."""
        self.dress("screen", dark)
        self.size(width, height)
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.until(
            lambda: any(event.get("method") == "Page.loadEventFired" for event in self.events), address, _PATIENCE
        )

    def size(self, width: int, height: int) -> None:
        """Set the size of the window."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        self.call("Emulation.setDeviceMetricsOverride", **size, mobile=width < 600)

    def dress(self, media: str, dark: bool = False) -> None:
        """Show the page as on a screen or on paper (``print``), for a reader who likes it dark or not."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression gives in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, reached: Callable[[], Any], words: str, seconds: float = 30.0) -> Any:
        """Return the first true value of `reached`, asked again and again; `words` name it in the failure."""
        end = time.monotonic() + seconds
        while not (found := reached()):
            assert time.monotonic() < end, f"not within {seconds:g} s: {words}"
            self._events += self._connection.events(self._session, 0.05)
        return found

    def wait(self, expression: str, seconds: float = 30.0) -> Any:
        """Return the first true value of a JavaScript expression."""
        return self.until(lambda: self.value(expression), expression, seconds)

    def click(self, x: float, y: float, count: int = 1) -> None:
        """Click at a place of the window."""
        self._mouse("mouseMoved", x, y)
        self._mouse("mousePressed", x, y, button="left", clickCount=count)
        self._mouse("mouseReleased", x, y, button="left", clickCount=count)

    def drag(self, start: tuple[float, float], end: tuple[float, float], modifiers: int = 0) -> None:
        """Drag from one place of the window to another; 8 is the modifier Shift."""
        self._mouse("mouseMoved", *start)
        self._mouse("mousePressed", *start, button="left", clickCount=1, modifiers=modifiers)
        for part in (0.25, 0.5, 0.75, 1.0):
            x, y = (a + part * (b - a) for a, b in zip(start, end, strict=True))
            self._mouse("mouseMoved", x, y, button="left", buttons=1, modifiers=modifiers)
        self._mouse("mouseReleased", *end, button="left", clickCount=1, modifiers=modifiers)

    def _mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def wheel(self, x: float, y: float, delta: float) -> None:
        """Turn the wheel at a place of the window; a negative `delta` zooms in."""
        self._mouse("mouseWheel", x, y, deltaX=0, deltaY=delta)

    def key(self, name: str, code: int) -> None:
        """Press and release a key, such as ``Tab`` (9) or ``ArrowRight`` (39)."""
        text = {"text": "\r"} if name == "Enter" else {}
        key = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for, data inside it left out."""
        sent = (event for event in self.events if event.get("method") == "Network.requestWillBeSent")
        addresses = [str(event["params"]["request"]["url"]) for event in sent]
        opened = (event for event in self.events if event.get("method") == "Network.webSocketCreated")
        addresses += [str(event["params"]["url"]) for event in opened]
        return [address for address in addresses if not address.startswith(("data:", "blob:"))]

    @property
    def errors(self) -> list[str]:
        """What the console shows as an error: exceptions, failed requests, messages."""
        found = []
        for event in self.events:
            given = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    found.append(str(given["exceptionDetails"]))
                case "Runtime.consoleAPICalled" if given["type"] in ("error", "assert"):
                    found.append(" ".join(str(one.get("value", one.get("description"))) for one in given["args"]))
                case "Log.entryAdded" if given["entry"]["level"] == "error":
                    found.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")
        return found

    def picture(self, path: Path) -> None:
        """Write a screenshot of the whole page."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def screen(self, clip: dict[str, float]) -> bytes:
        """Return a part of the page (x, y, width, height, scale) as PNG."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(taken["data"])

    def printed(self) -> bytes:
        """Return the page as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=False)["data"])


@contextmanager
def open_page(profile: Path) -> Iterator[Page]:
    """Yield a page of a new browser whose profile is the empty folder `profile`."""
    found = program()
    assert found is not None, "no browser: install chromium, or name one in the environment variable CHROME"
    (browser_reads, writes), (reads, browser_writes) = os.pipe(), os.pipe()
    # Above 4, so that neither is overwritten before it is moved.
    given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (browser_reads, browser_writes)]
    command = [sys.executable, "-c", _LAUNCH, *map(str, given), found, *_FLAGS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(command, pass_fds=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for fd in (browser_reads, browser_writes, *given):
        os.close(fd)
    try:
        yield Page(Connection(reads, writes))
    finally:
        for fd in (reads, writes):
            os.close(fd)
        process.terminate()
        process.wait(_PATIENCE)
