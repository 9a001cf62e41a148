"""Fixtures of this package's tests, and one cache of compiled functions for all their processes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

# Before JAX is imported, and for the processes that tests start: each would compile the same chains for 15 s.
CACHE = tempfile.TemporaryDirectory(prefix="heterodyne-cmc-tests-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", CACHE.name)

import jax  # noqa: E402


@pytest.fixture
def float64() -> Iterator[None]:
    """Compute in float64, as the entry point does."""
    with jax.enable_x64(True):
        yield
