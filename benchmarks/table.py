"""Aligned tables on standard output, in Markdown, so that they can be put into docs/benchmarks.md as they are."""

from collections.abc import Sequence


def number(value: float, digits: int = 3) -> str:
    """Return `value` with some significant digits, plain where that is short."""
    return f"{value:.{digits}g}" if value == 0 or 1e-3 <= abs(value) < 10**digits else f"{value:.{digits - 1}e}"


def seconds(value: float) -> str:
    """Return a duration with its unit."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}" if value < 1000 * factor else f"{value / factor:.0f} {unit}"
    return f"{value / 1e-6:.3g} µs"


def megabytes(value: float) -> str:
    """Return a number of bytes in MB (1e6 bytes)."""
    return f"{value / 1e6:.3g}" if value < 1e9 else f"{value / 1e6:.0f}"


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> None:
    """Print a table with right-aligned columns under a title, and notes below it."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    head = "| " + " | ".join(cell.rjust(width) for cell, width in zip(header, widths, strict=True)) + " |"
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    print("\n".join([f"### {title}", "", head, rule, *lines, *(f"\n{note}" for note in notes)]), flush=True)
    print(flush=True)
