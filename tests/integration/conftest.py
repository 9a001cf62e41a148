"""Float64, as an entry point would switch it on, and the folders of the repository."""

import sys
from pathlib import Path

import jax
import pytest

# The reader of the documentation's snippets, which the documentation's build uses as well.
sys.path.append(str(Path(__file__).parents[2] / "scripts"))

jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top of the repository."""
    return Path(__file__).parents[2]
