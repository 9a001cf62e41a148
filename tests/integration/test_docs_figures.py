"""Figures of the documentation that follow from the code: those that people copy into papers."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterodyne_nlsq.uncertainty.pixels import PORTION, PORTIONS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("how-to/methods-section.md", "computed from {} simulated pixels"),
        ("explanation/uncertainty.md", "{} pixels are simulated"),
    ],
)
def test_the_number_of_simulated_pixels_is_that_of_the_code(page: str, sentence: str) -> None:
    assert sentence.format(PORTION * PORTIONS) in " ".join((DOCS / page).read_text().split()).replace("> ", "")
