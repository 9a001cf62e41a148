"""The notebooks of the documentation: executed from their sources, and shown as pages of the site.

    python scripts/notebooks.py           execute all, write docs/tutorials/*.ipynb (committed)

A source in ``examples/notebooks`` is a Python file whose cells begin with ``# %%``, those with text with
``# %% [markdown]``. Executing needs nbclient and ipykernel; the hook of mkdocs, which turns the executed notebooks into
pages, needs neither.
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
SOURCES = ROOT / "examples" / "notebooks"
PAGES = {
    "first_fit": ROOT / "docs" / "tutorials" / "first-fit-notebook.ipynb",
    "series_to_figure": ROOT / "docs" / "tutorials" / "series-to-figure.ipynb",
}
"""Where the notebook of each source is written."""

_CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n(?P<body>.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)\s#]+)\.ipynb")
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
        yield text
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


def on_files(files: Any, *, config: Any) -> Any:
    """Turn executed notebooks among the files of the site into pages (hook of mkdocs)."""
    from mkdocs.structure.files import File

    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        text = page(json.loads(Path(file.abs_src_path).read_text(encoding="utf-8")))
        # The page has a folder of its own, the notebook stands beside that.
        text += f'\n<p><a href="../{Path(file.src_uri).name}" download>Download this notebook</a></p>\n'
        files.append(File.generated(config, file.src_uri.removesuffix(".ipynb") + ".md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to notebooks, which work in the repository, to their pages (hook of mkdocs)."""
    return _LINK.sub(r"](\1.md", markdown)


def main() -> None:
    """Execute all notebooks, or those named as arguments."""
    for name in sys.argv[1:] or PAGES:
        text = json.dumps(execute(SOURCES / f"{name}.py"), indent=1, ensure_ascii=False) + "\n"
        PAGES[name].write_text(text, encoding="utf-8")
        print(f"{PAGES[name].relative_to(ROOT)}: {len(text) / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
