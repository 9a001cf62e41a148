"""A headless Chromium, spoken to through the pipe of its DevTools protocol: nothing but the standard library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
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


class Page:
    """One page of the browser."""

    def __init__(self, reads: int, writes: int):
        self._reads, self._writes, self._buffer, self._number, self._session = reads, writes, b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command; events that come before it are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            part = os.read(self._reads, 1 << 20)
            assert part, "the browser ended"
            assert time.monotonic() < end, "the browser does not answer"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def show(self, path: Path, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
        """Load a file into a window of that size and wait until its pictures are there."""
        self.events.clear()
        self.dress("screen", dark)
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        self.call("Emulation.setDeviceMetricsOverride", **size, mobile=width < 600)
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def dress(self, media: str, dark: bool = False) -> None:
        """Show the page as on a screen or on paper (``print``), for a reader who likes it dark or not."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression gives in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for, data inside it left out."""
        sent = (event for event in self.events if event.get("method") == "Network.requestWillBeSent")
        addresses = [str(event["params"]["request"]["url"]) for event in sent]
        return [address for address in addresses if not address.startswith("data:")]

    def picture(self, path: Path) -> None:
        """Write a screenshot of the whole page."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

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
        yield Page(reads, writes)
    finally:
        for fd in (reads, writes):
            os.close(fd)
        process.terminate()
        process.wait(_PATIENCE)
