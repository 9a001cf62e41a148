"""Float64, as an entry point would switch it on, and the folders of the repository."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import pytest

if TYPE_CHECKING:
    from viewing import Viewer

# The reader of the documentation's snippets, which the documentation's build uses as well.
sys.path.append(str(Path(__file__).parents[2] / "scripts"))

jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top of the repository."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the viewer shows."""
    from viewing import make_folder

    return make_folder(tmp_path_factory.mktemp("view").resolve())


@pytest.fixture(scope="session")
def running_viewer(viewed: Path) -> Iterator[Viewer]:
    """Return a viewer and its page, of all tests that look at one."""
    from viewing import open_viewer

    with open_viewer(viewed) as viewer:
        yield viewer


@pytest.fixture
def viewer(running_viewer: Viewer) -> Iterator[Viewer]:
    """Return the viewer; after the test, its console has shown no errors."""
    yield running_viewer
    running_viewer.check()


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pictures empty where words are tested: drawing them takes most of the time that a report takes."""
    from matplotlib.figure import Figure

    save = Figure.savefig

    def empty(figure: Figure, target: Any, **given: Any) -> None:
        save(Figure(figsize=(1, 1)), target, **given)

    monkeypatch.setattr(Figure, "savefig", empty)
