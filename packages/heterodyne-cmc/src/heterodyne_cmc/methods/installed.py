"""What the methods need beside this package."""

from __future__ import annotations

import importlib.util

FLOW_REQUIREMENT = 'pip install "heterodyne-cmc[flow]"'


def flow_available() -> bool:
    """Return whether what the extra `flow` installs is there."""
    return all(importlib.util.find_spec(name) is not None for name in ("flax", "optax"))
