"""Optional requirements of the methods."""

from __future__ import annotations

import importlib.util

FLOW_REQUIREMENT = 'pip install "heterodyne-cmc[flow]"'


def flow_available() -> bool:
    """Return whether the packages of the extra `flow` are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("flax", "optax"))
