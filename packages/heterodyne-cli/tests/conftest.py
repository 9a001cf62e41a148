"""Commands that fit nothing and wait for nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from stub import Clock, Fits, LocalWorker

from heterodyne_cli.series import retry, tasks, watch, worker

# Configurations of other programs are tested with the documents and files of the packages below.
sys.path += [str(Path(__file__).parents[2] / name / "tests") for name in ("heterodyne-spec", "heterodyne-data")]

# How long an example takes depends on what else the machine does.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    """The fits that were done; workers are in this process."""
    found = Fits()
    monkeypatch.setattr(tasks, "fit_by_least_squares", found)
    monkeypatch.setattr(worker, "WorkerProcess", LocalWorker)
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the command."""
    found = Clock()
    monkeypatch.setattr(worker, "receive_messages", found.receive_messages)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=found.monotonic))
    monkeypatch.setattr(retry, "time", SimpleNamespace(sleep=lambda seconds: None))
    return found


@pytest.fixture
def land(tmp_path: Path) -> Path:
    """The folder where files land."""
    (tmp_path / "land").mkdir()
    return tmp_path / "land"
