"""Settings of all tests here."""

import sys
from pathlib import Path

from hypothesis import settings

# Documents, and ways to spoil them, are those of the contract's tests.
sys.path.append(str(Path(__file__).parents[2] / "heterodyne-spec" / "tests"))

# How long an example takes depends on what else the machine does.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
