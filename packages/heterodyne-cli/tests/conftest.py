"""Commands that fit nothing and wait for nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from stub import Clock, Fits, Here

from heterodyne_cli.series import lane, patience, tasks
from heterodyne_cli.watching import watch


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    """The fits that were done; lanes are in this process."""
    found = Fits()
    monkeypatch.setattr(tasks, "fit_by_least_squares", found)
    monkeypatch.setattr(lane, "Process", Here)
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the command."""
    found = Clock()
    monkeypatch.setattr(lane, "tellings", found.tellings)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=found.monotonic))
    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=lambda seconds: None))
    return found


@pytest.fixture
def land(tmp_path: Path) -> Path:
    """The folder where files land."""
    (tmp_path / "land").mkdir()
    return tmp_path / "land"
