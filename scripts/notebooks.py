"""The notebooks of the documentation: executed from their cells, and written as pages of the site.

    python scripts/notebooks.py [NAME]    execute examples/notebooks/*.py to the .ipynb beside each (committed)
    python scripts/notebooks.py --pages   write these as Markdown to docs/notebooks/, before every build of the site

Cells begin with ``# %%``, those with text with ``# %% [markdown]``. Executing needs nbclient and ipykernel.
"""

from __future__ import annotations

import html
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "notebooks"
SITE = ROOT / "docs" / "notebooks"
NAMES = ("first_fit", "series_to_figure")

_CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n(?P<body>.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL)
_LINK = "](../../docs/"
"""Beginning of links to other pages, which hold in the repository."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TIMEOUT = 900


class Cell(NamedTuple):
    """A cell of a source: its text, and whether that is code."""

    text: str
    code: bool


def cells(source: Path) -> Iterator[Cell]:
    """Yield the cells of a source."""
    for found in _CELL.finditer(source.read_text(encoding="utf-8")):
        body = found["body"].strip()
        yield Cell(re.sub(r"^# ?", "", body, flags=re.MULTILINE) if found["kind"] else body, not found["kind"])


def execute(source: Path) -> dict[str, Any]:
    """Return the notebook of a source, executed in a folder of its own with the examples.

    Raises
    ------
    nbclient.exceptions.CellExecutionError : if a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    new = nbformat.v4
    book = new.new_notebook(
        cells=[new.new_code_cell(c.text) if c.code else new.new_markdown_cell(c.text) for c in cells(source)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        client = NotebookClient(book, timeout=_TIMEOUT, resources={"metadata": {"path": folder}}, record_timing=False)
        client.execute()
    for number, cell in enumerate(book.cells):
        # Random otherwise: the file would change with every run.
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_empty(output)]
    return json.loads(nbformat.writes(book))


def _is_empty(output: Any) -> bool:
    """Return whether an output is the progress line, which is empty at the end."""
    return output.get("data", {"": "x"}) == {"text/plain": ""}


def page(book: dict[str, Any]) -> str:
    """Return an executed notebook as Markdown: text, code, and of every output its richest form."""
    return "\n\n".join(part for cell in book["cells"] for part in _shown(cell)) + "\n"


def _shown(cell: dict[str, Any]) -> Iterator[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield text.replace(_LINK, "](../")
        return
    yield f"```python\n{text}\n```"
    for output in cell["outputs"]:
        yield _output(output)


def _output(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return _block("".join(output["text"]))
    if output["output_type"] == "error":
        return _block(_COLOURS.sub("", "\n".join(output["traceback"])))
    data = {kind: "".join(value) for kind, value in output["data"].items()}
    if "text/html" in data:
        # Without blank lines: they would end the HTML block of Markdown.
        lines = (line for line in data["text/html"].splitlines() if line.strip())
        return '<div class="output">\n' + "\n".join(lines) + "\n</div>"
    if "image/png" in data:
        source = f"data:image/png;base64,{''.join(data['image/png'].split())}"
        return f'<p class="output"><img alt="{html.escape(data.get("text/plain", "Figure"))}" src="{source}"></p>'
    return _block(data.get("text/plain", ""))


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


def write_pages() -> None:
    """Write the executed notebooks into the folder of the site, each as a page and as it is."""
    SITE.mkdir(exist_ok=True)
    for name in NAMES:
        text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
        given = SITE / f"{name}.ipynb"
        given.write_text(text, encoding="utf-8")
        below = f"\n[Download this notebook]({given.name})\n"
        (SITE / f"{name.replace('_', '-')}.md").write_text(page(json.loads(text)) + below, encoding="utf-8")


def main() -> None:
    """Execute all notebooks, or those named as arguments; with ``--pages``, write the pages."""
    if sys.argv[1:] == ["--pages"]:
        write_pages()
        return
    for name in sys.argv[1:] or NAMES:
        text = json.dumps(execute(FOLDER / f"{name}.py"), indent=1, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.ipynb").write_text(text, encoding="utf-8")
        print(f"{name}: {len(text) / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
