"""A tutorial says what is true: whoever has a checkout sees what it shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from snippets import run_page

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


def test_there_are_tutorials() -> None:
    assert PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_snippets_of_a_tutorial_run_one_after_the_other(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    done = run_page(page, tmp_path, tmp_path / "cache")
    assert done.returncode == 0, f"{page.name}:\n{done.stderr}"
