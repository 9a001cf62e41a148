"""Float64, as an entry point would switch it on, and the backends: every test runs with each that is installed."""

import jax
import pytest
from backends import Backend, installed

jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="session", params=installed(), ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    """One of the installed backends."""
    found: Backend = request.param
    return found
