"""Tables: columns declared once, for the terminal and for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column[Row]:
    """A column of a table: its `head`, and what it says of a row in a terminal and in a page, None where it is left out
    there. It holds numbers, or words.
    """

    head: str
    terminal: Callable[[Row], str] | None = None
    page: Callable[[Row], str] | None = None
    number: bool = True


@dataclass(frozen=True)
class Cells:
    """A table as text: rows with a header first, and which columns hold numbers and which words, by position."""

    rows: list[list[str]]
    numbers: tuple[int, ...]
    words: tuple[int, ...]


def cells[Row](declared: Iterable[Column[Row]], rows: Iterable[Row], *, page: bool = False) -> Cells:
    """Return the cells of rows in a terminal, or in a page."""
    shown = [(column, column.page if page else column.terminal) for column in declared]
    kept = [(column, say) for column, say in shown if say is not None]
    body = [[say(row) for _, say in kept] for row in rows]
    numbers = tuple(k for k, (column, _) in enumerate(kept) if column.number)
    words = tuple(k for k, (column, _) in enumerate(kept) if not column.number)
    return Cells([[column.head for column, _ in kept], *body], numbers, words)


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return `rows` as aligned columns; those numbered in `right` are flush right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if k in right else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
