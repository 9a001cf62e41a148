"""A fit in a separate process: the command that a user would type, with its progress."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from heterodyne_spec import DONE, NOT_CONVERGED, dump_yaml, write_text

CONFIG_NAME = "config.yaml"


def command_line(config: Path, data: Path, output: Path, method: str, start: Path | None = None) -> list[str]:
    """Return the command of a fit; `start` is the point estimate that a posterior starts from."""
    words = ["heterodyne", "--config", str(config), "--data", str(data), "--method", method, "--output", str(output)]
    return words if start is None else [*words, "--nlsq-result", str(start)]


def free_folder(parent: Path, stem: str) -> Path:
    """Return the first of ``stem-1``, ``stem-2``, ... that does not exist in a folder."""
    return next(folder for n in range(1, 10_000) if not (folder := parent / f"{stem}-{n}").exists())


class Running:
    """A running fit. `told` is called from a thread with every event of the command (`heterodyne_report.Console`), at
    last with ``{"event": "end", "exit_code": ..., "message": ...}`` whatever happens; the message is its error, the
    last line of its standard error, or how it ended.
    """

    def __init__(self, words: Sequence[str], told: Callable[[Mapping[str, Any]], None]) -> None:
        self._told = told
        self._process = subprocess.Popen(
            [sys.executable, "-m", "heterodyne_cli.command", *words[1:], "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Interrupt it like Ctrl-C."""
        if self.alive:
            self._process.send_signal(signal.SIGINT)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended; end it at once after that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _listen(self) -> None:
        process = self._process
        assert process.stdout is not None and process.stderr is not None
        errors: list[str] = []
        # Read at the same time: a full pipe would stop the fit.
        reader = threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)  # type: ignore[arg-type]
        reader.start()
        last, error = None, ""
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("event") == "end":
                last = event
                continue
            if event.get("event") == "error":
                error = str(event.get("message", ""))
            self._told(event)
        code = process.wait()
        reader.join()
        words = [line.strip() for line in errors if line.strip()]
        message = error or (words[-1] if words else "")
        if last is None:
            last = {"event": "end", "exit_code": code}
            message = message if message and code > 0 else f"it was terminated from outside (exit code {code})"
        self._told({**last, "message": message})


class Fits:
    """The fits of the pages of one viewer; they end with it, not with the page that started them.

    `results` are the folders of those that left a result.
    """

    def __init__(self) -> None:
        self._running: list[tuple[Path, Running]] = []
        self.results: list[Path] = []

    def start(self, words: Sequence[str], folder: Path, told: Callable[[Mapping[str, Any]], None]) -> Running:
        """Start a fit whose result is written to a folder."""

        def noted(event: Mapping[str, Any]) -> None:
            if event.get("event") == "end" and succeeded(int(event.get("exit_code") or 0)):
                self.results.append(folder)
            told(event)

        one = Running(words, noted)
        self._running.append((folder, one))
        return one

    def is_busy(self, folder: Path) -> bool:
        """Return whether a fit is running that writes to a folder."""
        return any(other == folder and one.alive for other, one in self._running)

    def stop(self) -> None:
        """Interrupt all that still run, and wait for them."""
        for _, one in self._running:
            one.stop()
        for _, one in self._running:
            one.wait(10)


def succeeded(exit_code: int) -> bool:
    """Return whether a fit has left a result."""
    return exit_code in (DONE, NOT_CONVERGED)


def write_config(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write the configuration of a fit into its folder and return its path.

    Raises
    ------
    OutputError : if it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return write_text(folder / CONFIG_NAME, dump_yaml(document))
