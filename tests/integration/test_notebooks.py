"""The notebooks of the documentation: their cells run, and what is shown is of these cells, executed and small."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from notebooks import FOLDER, NAMES, cells, page

import heterodyne_nlsq
from heterodyne_data import NLSQResult, TwoTimeData

FIXTURES = Path(__file__).parent / "fixtures" / "0.1"


@pytest.mark.parametrize("name", NAMES)
def test_cells_run_with_fits_made_before(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the fits themselves are left out, which other tests make: `nox -s notebooks` runs all of it."""
    asked: list[TwoTimeData] = []

    def stored(data: TwoTimeData, *, progress: bool) -> NLSQResult:
        asked.append(data)
        return NLSQResult.load(FIXTURES)

    monkeypatch.setattr(heterodyne_nlsq, "fit_nlsq_jax", stored)
    monkeypatch.setattr(heterodyne_nlsq, "keep_compiled_functions", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(root / "examples")
    matplotlib.use("agg")
    names: dict[str, Any] = {}
    for cell in cells(FOLDER / f"{name}.py"):
        if cell.code:
            exec(compile(cell.text, f"{name}: {cell.text[:40]}", "exec"), names)
    assert [data.n_phi for data in asked] == ([4] if name == "first_fit" else [4, 3])
    assert "standard deviations" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_what_the_documentation_shows_is_executed_from_these_cells(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    book = json.loads(text)
    assert len(text) < 1e6
    found = [("".join(cell["source"]), cell["cell_type"] == "code") for cell in book["cells"]]
    assert found == list(cells(FOLDER / f"{name}.py")), "run: nox -s notebooks"
    outputs = [output for cell in book["cells"] for output in cell.get("outputs", [])]
    assert outputs and all(output["output_type"] != "error" for output in outputs)
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/png", "text/html"} <= kinds
    # Nothing of the progress is left, and no address of the machine.
    assert "\\r" not in text and "iteration" not in text and "/home/" not in text and "/tmp/" not in text


def test_explore_shows_the_panes_in_a_kernel_with_scripts_of_this_machine() -> None:
    import nbclient
    import nbformat

    pytest.importorskip("panel", reason="the extra view is not installed")
    new = nbformat.v4
    code = f"from heterodyne_data import load_data\nload_data({str(FIXTURES / 'measurement.h5')!r}).explore()"
    book = new.new_notebook(cells=[new.new_code_cell(code)])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    outputs = book.cells[0].outputs
    shown = outputs[-1]
    assert shown.output_type == "execute_result" and "image of data" in shown.data["text/html"]
    texts = ["".join(text) for one in outputs for text in one.get("data", {}).values() if text]
    # What the loader is to fetch: nothing, for the scripts themselves are in the notebook.
    fetched = [found for text in texts for found in re.findall(r"(?:js|css)_urls = (\[.*?\]);", text)]
    assert fetched and set(fetched) == {"[]"}
    assert not any(re.search(r"""<(script|link|img)[^>]*(src|href)=["']https?:""", text) for text in texts)
    assert max(map(len, texts)) > 1_000_000


def test_a_page_has_the_richest_form_of_every_output_and_escapes_text() -> None:
    html = {
        "output_type": "execute_result",
        "data": {"text/plain": ["x"], "text/html": ["<b>1</b>\n", "\n", "<i>2</i>"]},
    }
    png = {"output_type": "display_data", "data": {"image/png": "AA\n==\n", "text/plain": '<Figure "1">'}}
    said = {"output_type": "stream", "name": "stdout", "text": ["<b>\n"]}
    book = {
        "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "[text](../../docs/index.md)"]},
            {"cell_type": "code", "source": "x = 1", "outputs": [html, png, said]},
        ]
    }
    assert page(book) == (
        "# Title\n[text](../index.md)\n\n```python\nx = 1\n```\n\n"
        '<div class="output">\n<b>1</b>\n<i>2</i>\n</div>\n\n'
        '<p class="output"><img alt="&lt;Figure &quot;1&quot;&gt;" src="data:image/png;base64,AA=="></p>\n\n'
        "```text\n<b>\n```\n"
    )
