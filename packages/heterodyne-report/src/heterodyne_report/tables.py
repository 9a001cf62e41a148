"""Tables, with columns declared once for the terminal and for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column[Row]:
    """A column of a table: its `head` and the functions that return its text for a row in a terminal and in a page.

    The column is omitted where the function is None. It contains numbers or, if `number` is False, text.
    """

    head: str
    terminal: Callable[[Row], str] | None = None
    page: Callable[[Row], str] | None = None
    number: bool = True


@dataclass(frozen=True)
class Cells:
    """A table as text: rows, the header first, and the positions of the columns with numbers and with text."""

    rows: list[list[str]]
    numbers: tuple[int, ...]
    words: tuple[int, ...]


def table_cells[Row](declared: Iterable[Column[Row]], rows: Iterable[Row], *, page: bool = False) -> Cells:
    """Return the cells of `rows` for a terminal or, with `page`, for a page."""
    shown = [(column, column.page if page else column.terminal) for column in declared]
    kept = [(column, say) for column, say in shown if say is not None]
    body = [[say(row) for _, say in kept] for row in rows]
    numbers = tuple(k for k, (column, _) in enumerate(kept) if column.number)
    words = tuple(k for k, (column, _) in enumerate(kept) if not column.number)
    return Cells([[column.head for column, _ in kept], *body], numbers, words)
