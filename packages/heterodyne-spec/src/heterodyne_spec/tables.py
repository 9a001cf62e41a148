"""A model as tables, for the terminal and for the documentation."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heterodyne_spec.model import ModelSpec, Parameter, Prior

TEXT_WIDTH = 60
"""Width in characters of a table's last column in the terminal, which contains sentences."""


@dataclass(frozen=True)
class Table:
    """Rows of text with a title; the columns numbered in `code` are set as code."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    code: tuple[int, ...] = (0,)


def tables(spec: ModelSpec) -> Iterator[Table]:
    """Yield the tables of a model: parameters, functions, conventions, ambiguities."""
    columns = ("name", "unit", "default", "bounds", "prior", "meaning")
    yield Table("Parameters, in canonical order", columns, tuple(map(_parameter_row, spec.parameters)))
    yield Table("Scaling, one value per azimuth", columns, tuple(map(_parameter_row, spec.scaling)))
    functions = tuple((f.name, f.unit, f.expression, f.meaning) for f in spec.functions)
    yield Table("Functions of age", ("name", "unit", "expression", "meaning"), functions, (0, 2))
    conventions = tuple(spec.document["conventions"].items())
    yield Table("Conventions", ("what", "how"), conventions)
    ambiguities = tuple((", ".join(a["parameters"]), a["when"], a["statement"]) for a in spec.document["ambiguities"])
    yield Table("Ambiguities that no data can resolve", ("parameters", "when", "statement"), ambiguities)


def _parameter_row(p: Parameter) -> tuple[str, ...]:
    return (p.name, p.unit, number_text(p.default), bounds_text(p), prior_text(p.prior), p.meaning)


def number_text(value: float) -> str:
    """Return the shortest string that reads back to the same number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def bounds_text(parameter: Parameter) -> str:
    """Return the bounds as ``lower .. upper``."""
    return " .. ".join(map(number_text, parameter.bounds))


def prior_text(prior: Prior) -> str:
    """Return a prior as ``normal(0, 1)``; for ``lognormal`` the numbers refer to the logarithm."""
    return f"{prior.family}({prior.location:.6g}, {prior.scale:.6g}){', truncated' if prior.truncated else ''}"


def as_text(spec: ModelSpec) -> str:
    """Return the tables of a model for the terminal."""
    head = f"{spec.title}\nmodel {spec.id}, version {spec.version}\n\n{textwrap.fill(spec.document['summary'], 110)}\n"
    equation = f"Correlation\n\n{textwrap.indent(textwrap.fill(spec.document['correlation']['equation'], 110), '  ')}\n"
    return "\n".join([head, *map(text_table, tables(spec)), equation])


def text_table(table: Table) -> str:
    """Return a table in aligned columns, the last one wrapped."""
    rows = [table.columns, *table.rows]
    # Long lists of names in a cell are wrapped like the last column.
    widths = [min(max(len(row[k]) for row in rows), TEXT_WIDTH) for k in range(len(table.columns))]
    lines = [line for row in rows for line in _aligned(row, widths)]
    return "\n".join([table.title, "", *(f"  {line}".rstrip() for line in lines), ""])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
    for k in range(max(map(len, cells))):
        parts = (cell[k] if k < len(cell) else "" for cell in cells)
        yield "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True))


def as_markdown(spec: ModelSpec) -> str:
    """Return the tables of a model as a page in Markdown."""
    document = spec.document
    parts = [
        f"# {spec.title}\n\nModel `{spec.id}`, version {spec.version}. {document['summary']}\n",
        *map(markdown_table, tables(spec)),
        f"## Correlation\n\n```text\n{textwrap.fill(document['correlation']['equation'], 110)}\n```\n",
        markdown_table(Table("Invariants", ("name", "statement"), _rows(document["invariants"], "name", "statement"))),
        markdown_table(
            Table("Literature", ("key", "title", "doi", "used for"), _rows(document["literature"], *_LITERATURE))
        ),
    ]
    return "\n".join(parts)


_LITERATURE = ("key", "title", "doi", "used_for")


def _rows(entries: Sequence[dict[str, str]], *keys: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(entry[key] for key in keys) for entry in entries)


def markdown_table(table: Table) -> str:
    """Return a table in Markdown under a heading of the second level."""
    head = [_markdown_row(table.columns), _markdown_row(["---"] * len(table.columns))]
    body = [
        _markdown_row([f"`{cell}`" if k in table.code else cell for k, cell in enumerate(row)]) for row in table.rows
    ]
    return "\n".join([f"## {table.title}", "", *head, *body, ""])


def _markdown_row(cells: Sequence[str]) -> str:
    # Escape bars, which end a cell even within code, and stars and carets, which are markup outside code.
    escaped = (cell.replace("|", "\\|") for cell in cells)
    marked = (cell if cell.startswith("`") else cell.replace("*", "\\*").replace("^", "\\^") for cell in escaped)
    return f"| {' | '.join(marked)} |"
