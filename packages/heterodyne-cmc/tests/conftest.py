"""Fixtures of this package's tests, and one cache of compiled functions for all their processes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

# Before JAX is imported, and for the processes that tests start: each would compile the same chains for 15 s.
CACHE = tempfile.TemporaryDirectory(prefix="heterodyne-cmc-tests-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", CACHE.name)

import jax  # noqa: E402
from measurement import config, make, point_estimate  # noqa: E402

from heterodyne_cmc import CMCResult, fit_cmc_jax  # noqa: E402


@pytest.fixture
def float64() -> Iterator[None]:
    """Compute in float64, as the entry point does."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def calls() -> list[tuple[Any, ...]]:
    """Return what the progress of `sampled` is told."""
    return []


@pytest.fixture(scope="session")
def sampled(calls: list[tuple[Any, ...]]) -> CMCResult:
    """Return two shards, as configured in measurement.py; sampled once for all tests."""
    data = make()
    asked = config(cmc={"log_likelihood": True})
    return fit_cmc_jax(data, asked, point_estimate(data), progress=lambda *call: calls.append(call))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pictures empty where words are tested: drawing them takes most of the time that a report takes."""
    from matplotlib.figure import Figure

    save = Figure.savefig

    def empty(figure: Figure, target: Any, **given: Any) -> None:
        save(Figure(figsize=(1, 1)), target, **given)

    monkeypatch.setattr(Figure, "savefig", empty)
